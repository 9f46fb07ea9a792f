//! The meter: what calls of language models used and cost, by model, by agent and by run.
//!
//! Calls come to it from functions with `#[monitor_llm_call]`, from the option `usage` of the other attributes, from [`Meter::reserve`] and from
//! spans of LLM crates (`GenAiLayer`, feature `tracing-layer`), and from the HTTP client (`HttpMeter`, feature `http`). A call that is seen in several ways is counted
//! once: by the innermost of them.

mod book;
mod figures;
mod gen_ai;
mod metered;
mod pace;
mod places;
mod plan;
mod prices;
mod refusals;
mod reservations;
mod run;
mod run_end;
mod sampled;
#[cfg_attr(
    not(any(feature = "http", feature = "tracing-layer")),
    expect(dead_code, reason = "spans and requests alone are open inside a call")
)]
mod settled;
mod tools;
mod tracked;
mod view;

pub use book::{Picos, Totals};
pub use plan::{Plan, Planned};
pub use refusals::RefusalView;
pub use run::RunView;
pub use run_end::RunEnd;
pub use tools::LoopView;
pub use view::{AgentView, BudgetView, HourView, ModelView, ToolView, View};

#[cfg(feature = "rmcp")]
pub(crate) use book::OVERFLOW;
pub(crate) use metered::Metered;
pub(crate) use run::Run;
#[cfg(feature = "tracing-layer")]
pub(crate) use run::replace;
#[cfg(any(feature = "http", feature = "tracing-layer"))]
pub(crate) use run::{Frame, current, since};
#[cfg(feature = "tracing-layer")]
pub(crate) use tools::hash_of;

#[cfg(feature = "store")]
use crate::budget::FileStore;
use crate::budget::{Budgets, Durability, Event};
use crate::cost::Prices;
use crate::settings::{BudgetSetting, MOST_BUDGETS, Rule, Settings};
use book::Book;
use figures::Figures;
use gen_ai::GenAi;
use perf_runtime::config::Section;
use perf_runtime::extend::{ReceivesUsage, RecordedCursor, ShutdownHook, receive_usage, state_folder};
use perf_runtime::metric::Sampler;
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use places::Places;
use prices::Refreshing;
use refusals::Refusals;
pub(crate) use run::locked;
use sampled::Watch;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

/// The name of the section of settings.
const SECTION: &str = "llm";

/// The guard of the metering: dropping it ends it. What budgets leased and did not use is given back at the shutdown of the monitor.
#[must_use = "dropping the guard ends the metering"]
pub struct Llm {
    meter: Meter,
    _guards: Option<(ReceivesUsage, ShutdownHook, Sampler, Option<Refreshing>)>,
}

/// A handle on what language models used and cost. Cheap to clone.
#[derive(Clone)]
pub struct Meter {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) monitor: Monitor,
    pub(crate) prices: Prices,
    pub(crate) budgets: Budgets,
    rules: RwLock<Vec<Rule>>,
    /// Whether an agent's attribute limits its runs.
    has_run_limits: AtomicBool,
    book: Mutex<Book>,
    /// The recorded calls that runs were looked for in.
    recorded_seen: Mutex<RecordedCursor>,
    figures: Figures,
    gen_ai: GenAi,
    /// Why budgets do not outlive the process, where they do not.
    not_durable: Option<String>,
    /// Calls that could not be charged to a budget.
    uncharged: AtomicU64,
    was_told: AtomicBool,
    /// Spans of inference calls that were seen.
    pub(crate) spans: AtomicU64,
    /// Spans that told again what was counted already.
    #[cfg(feature = "tracing-layer")]
    pub(crate) spans_again: AtomicU64,
    /// Targets whose spans a filter hides, as of the last tick.
    pub(crate) spans_hidden: Mutex<Vec<&'static str>>,
    #[cfg(feature = "tracing-layer")]
    pub(crate) was_told_of_hidden: AtomicBool,
    refusals: Refusals,
    /// The sizes of the answers of each place.
    places: Places,
    watch: Mutex<Watch>,
    /// Why the last newer table of prices was not taken.
    prices_refused: Mutex<Option<String>>,
}

impl Llm {
    /// Adds the section `[llm]`, the [rules](crate::rules()) and the indicator `model budgets` of the health to a monitor that is being set up.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        Self::judged(builder).section(SECTION)
    }

    /// As [`set_up`](Self::set_up), without the section.
    pub fn judged(builder: MonitorBuilder) -> MonitorBuilder {
        crate::rules::judged(builder)
    }

    /// Begins to meter, as the section `[llm]` says.
    ///
    /// # Errors
    /// A setting that is not allowed, a file of budgets that cannot be used, or another receiver of usage in this process.
    pub fn open(monitor: &Monitor) -> Result<Self, ConfigError> {
        let section: Section = monitor.section(SECTION)?;
        Self::with_settings(monitor, Settings::read(&section)?)
    }

    /// As [`open`](Self::open) with settings made in code.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[expect(clippy::needless_pass_by_value, reason = "settings are for one meter")]
    pub fn with_settings(monitor: &Monitor, settings: Settings) -> Result<Self, ConfigError> {
        let rules = settings.rules()?;
        let is_on = settings.enabled && monitor.is_enabled();
        #[cfg(feature = "prices-url")]
        let sources = prices::Sources::of(&settings, monitor)?;
        #[cfg(not(feature = "prices-url"))]
        let sources = prices::Sources::of(&settings)?;
        let refusals = Refusals::new(monitor);
        let (budgets, not_durable) = budgets(monitor, &settings, &rules, is_on, refusals.clone())?;
        let prices = Prices::bundled();
        prices.allow_free(settings.free()?);
        let inner = Arc::new(Inner {
            monitor: monitor.clone(),
            prices,
            budgets,
            rules: RwLock::new(rules),
            has_run_limits: AtomicBool::new(false),
            book: Mutex::default(),
            recorded_seen: Mutex::default(),
            figures: Figures::new(monitor),
            gen_ai: GenAi::new(monitor, settings.gen_ai_names),
            not_durable,
            uncharged: AtomicU64::new(0),
            was_told: AtomicBool::new(false),
            spans: AtomicU64::new(0),
            #[cfg(feature = "tracing-layer")]
            spans_again: AtomicU64::new(0),
            spans_hidden: Mutex::default(),
            #[cfg(feature = "tracing-layer")]
            was_told_of_hidden: AtomicBool::new(false),
            refusals,
            places: Places::default(),
            watch: Mutex::default(),
            prices_refused: Mutex::default(),
        });
        let meter = Meter { inner: Arc::clone(&inner) };
        if !is_on {
            return Ok(Self { meter, _guards: None });
        }
        let taken = |_| ConfigError::new(SECTION, "receiver of usage", "one in a process: there is one already");
        let receives = receive_usage(Arc::new(tracked::Receiver(Arc::downgrade(&inner)))).map_err(taken)?;
        let weak = Arc::downgrade(&inner);
        let on_shutdown = monitor.on_shutdown(SECTION, move |_| {
            if let Some(Err(error)) = weak.upgrade().map(|inner| inner.budgets.flush()) {
                tracing::warn!(target: "perf::llm", %error, "the budgets were not written: what they leased counts as spent");
            }
        });
        let sampler = sampled::sample(monitor, &inner);
        let refreshing = sources.watch(&inner);
        Ok(Self { meter, _guards: Some((receives, on_shutdown, sampler, refreshing)) })
    }

    /// A handle by which others look at it and add to it.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// The budgets, and why they do not outlive the process, where they do not.
#[cfg_attr(not(feature = "store"), expect(clippy::unnecessary_wraps, reason = "a store alone can fail"))]
fn budgets(
    monitor: &Monitor,
    settings: &Settings,
    rules: &[Rule],
    is_on: bool,
    refusals: Refusals,
) -> Result<(Budgets, Option<String>), ConfigError> {
    let builder = Budgets::builder().on_event(move |event| {
        if let Event::Refused(error) = event {
            refusals.count(error);
        }
        told(event);
    });
    let why = if !is_on {
        "the metering is switched off"
    } else if !settings.durable {
        "`durable = false`"
    } else if settings.path.is_none() && !rules.iter().any(Rule::is_lasting) {
        "no budget of `[llm]` lasts longer than a run: set `path` for those that are made in code"
    } else {
        let service = monitor.service().map_or("service", |service| &service.name);
        match state_folder(settings.path.as_deref(), service) {
            None => "there is no folder for them: set `[llm] path`, XDG_STATE_HOME or HOME",
            #[cfg(feature = "store")]
            Some(folder) => {
                let refused = |error: String| ConfigError::new("llm.path", folder.display().to_string(), error);
                let store = FileStore::open(&folder).map_err(|error| refused(error.to_string()))?;
                let budgets = builder.store(store).build();
                return Ok((budgets.map_err(|error| refused(error.to_string()))?, None));
            }
            #[cfg(not(feature = "store"))]
            Some(_) => "they outlive it with the feature `history` of perf-kit (`store` of perf-llm)",
        }
    };
    // Without a store there is nothing that can fail.
    let budgets = builder.build().unwrap_or_else(|_| Budgets::in_memory());
    Ok((budgets, Some(why.to_owned())))
}

/// Tells of warnings of budgets in the log.
fn told(event: &Event) {
    match event {
        Event::Warned { scope, period, .. } => {
            tracing::warn!(target: "perf::llm", %scope, %period, "80 % of the budget of {scope} are spent ({period})");
        }
        Event::Exhausted { scope, period, .. } => {
            tracing::warn!(target: "perf::llm", %scope, %period, "the budget of {scope} is spent ({period})");
        }
        Event::Refused(error) => tracing::debug!(target: "perf::llm", %error, "a call was refused"),
        Event::StoreFailed(error) => tracing::error!(target: "perf::llm", %error, "a budget was not written"),
    }
}

impl Meter {
    /// The prices: to wait for the table, or to hand in a newer one.
    pub fn prices(&self) -> &Prices {
        &self.inner.prices
    }

    /// The budgets: to look at them, to stop them, or to reserve by hand.
    pub fn budgets(&self) -> &Budgets {
        &self.inner.budgets
    }

    /// Whether budgets outlive the process, and why not where they do not.
    pub fn durability(&self) -> (Durability, Option<&str>) {
        (self.inner.budgets.durability(), self.inner.not_durable.as_deref())
    }

    /// Adds a budget, beside those of the settings. One of the same scope, period and measure takes the new limit.
    ///
    /// # Errors
    /// A field whose value is not allowed, and more than 100 budgets.
    pub fn add_budget(&self, budget: BudgetSetting) -> Result<(), ConfigError> {
        let settings = Settings { budgets: vec![budget], ..Settings::default() };
        let added = settings.rules()?;
        let mut rules = self.inner.rules.write().unwrap_or_else(PoisonError::into_inner);
        for rule in added {
            rules.retain(|other| !other.limits_the_same(&rule));
            if rules.len() >= MOST_BUDGETS {
                let given = (rules.len() + 1).to_string();
                return Err(ConfigError::new("llm.budgets", given, format!("at most {MOST_BUDGETS}")));
            }
            rules.push(rule);
        }
        Ok(())
    }

    /// Whether there are budgets that calls are held to.
    pub fn has_budgets(&self) -> bool {
        self.inner.has_budgets()
    }

    /// The sums of all calls.
    pub fn totals(&self) -> Totals {
        locked(&self.inner.book).total.clone()
    }
}

impl Inner {
    fn has_budgets(&self) -> bool {
        self.has_run_limits.load(Ordering::Relaxed) || !self.rules().is_empty()
    }

    /// Notes for the runs that are kept the recorded calls that they were made in, of those that are over by now.
    fn note_recorded(&self) {
        let recorded = self.monitor.recorded_since(&mut locked(&self.recorded_seen));
        if !recorded.is_empty() {
            locked(&self.book).note_recorded(&recorded.into_iter().collect());
        }
    }

    pub(crate) fn rules(&self) -> RwLockReadGuard<'_, Vec<Rule>> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("prices", &self.prices).finish_non_exhaustive()
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Llm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm").field("meter", &self.meter).finish_non_exhaustive()
    }
}
