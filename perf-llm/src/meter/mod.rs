//! The meter: what calls of language models used and cost, by model, by agent and by run.
//!
//! Calls come to it from functions with `#[monitor_llm_call]`, from the option `usage` of the other attributes, from [`Meter::reserve`] and from
//! spans of LLM crates (`GenAiLayer`, feature `tracing-layer`), and from the HTTP client (`HttpMeter`, feature `http`). A call that is seen in several ways is counted
//! once: by the innermost of them.

mod book;
mod figures;
mod gen_ai;
mod pace;
mod plan;
mod prices;
mod refusals;
mod run;
mod sampled;
mod tools;
mod tracked;
mod view;

pub use book::{Picos, Totals};
pub use plan::{Plan, Planned};
pub use refusals::RefusalView;
pub use run::RunView;
pub use tools::LoopView;
pub use view::{AgentView, BudgetView, HourView, ModelView, View};

#[cfg(feature = "rmcp")]
pub(crate) use book::OVERFLOW;
use run::Heard;
#[cfg(feature = "tracing-layer")]
pub(crate) use run::replace;
pub(crate) use run::{Frame, Run};
#[cfg(any(feature = "http", feature = "tracing-layer"))]
pub(crate) use run::{current, since};
#[cfg(feature = "tracing-layer")]
pub(crate) use tools::hash_of;

use crate::Money;
#[cfg(feature = "store")]
use crate::budget::FileStore;
use crate::budget::{Budgets, Durability, Event, Spend};
use crate::cost::{Call, Gap, Price, PriceState, Prices};
use crate::settings::{BudgetSetting, MOST_BUDGETS, Rule, Settings};
use crate::usage::{Usage, usage_of};
use book::{Book, Entry};
use figures::Figures;
use gen_ai::GenAi;
use perf_runtime::config::Section;
use perf_runtime::extend::{ReceivesUsage, ShutdownHook, ToldUsage, receive_usage, state_folder};
use perf_runtime::metric::Sampler;
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use prices::Refreshing;
use refusals::Refusals;
pub(crate) use run::locked;
use sampled::Watch;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

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
    #[cfg(any(feature = "http", feature = "tracing-layer"))]
    pub(crate) monitor: Monitor,
    pub(crate) prices: Prices,
    pub(crate) budgets: Budgets,
    rules: RwLock<Vec<Rule>>,
    /// Whether an agent's attribute limits its runs.
    has_run_limits: AtomicBool,
    book: Mutex<Book>,
    figures: Figures,
    gen_ai: GenAi,
    /// Why budgets do not outlive the process, where they do not.
    not_durable: Option<String>,
    /// Calls that could not be charged to a budget.
    uncharged: AtomicU64,
    was_told: AtomicBool,
    /// Spans of inference calls that were seen.
    pub(crate) spans: AtomicU64,
    /// Targets whose spans a filter hides, as of the last tick.
    pub(crate) spans_hidden: Mutex<Vec<&'static str>>,
    #[cfg(feature = "tracing-layer")]
    pub(crate) was_told_of_hidden: AtomicBool,
    refusals: Refusals,
    watch: Mutex<Watch>,
    /// Why the last newer table of prices was not taken.
    prices_refused: Mutex<Option<String>>,
}

/// A call, as it comes to be booked.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else of a call")]
pub(crate) struct Metered<'a> {
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) at: SystemTime,
    pub(crate) told: Option<&'a ToldUsage>,
    pub(crate) took: Option<Duration>,
    pub(crate) frame: Option<&'a Arc<Frame>>,
    /// The user whose budgets it is charged to.
    pub(crate) user: Option<&'a str>,
    /// Whether a reservation is charged with it.
    pub(crate) is_charged: bool,
    /// Whether the provider refused it, so that it costs nothing.
    pub(crate) is_free: bool,
    /// Whether it failed or was given up: a reservation that its call left is charged its prompt, where nobody tells its usage.
    pub(crate) is_lost: bool,
    /// The operation, by OpenTelemetry's name, where a span or an address says so.
    pub(crate) operation: Option<&'a str>,
    /// Whether it is the sum of the calls of a run, which were not seen.
    pub(crate) is_sum: bool,
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
            #[cfg(any(feature = "http", feature = "tracing-layer"))]
            monitor: monitor.clone(),
            prices,
            budgets,
            rules: RwLock::new(rules),
            has_run_limits: AtomicBool::new(false),
            book: Mutex::default(),
            figures: Figures::new(monitor),
            gen_ai: GenAi::new(monitor, settings.gen_ai_names),
            not_durable,
            uncharged: AtomicU64::new(0),
            was_told: AtomicBool::new(false),
            spans: AtomicU64::new(0),
            spans_hidden: Mutex::default(),
            #[cfg(feature = "tracing-layer")]
            was_told_of_hidden: AtomicBool::new(false),
            refusals,
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

    pub(crate) fn rules(&self) -> RwLockReadGuard<'_, Vec<Rule>> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call: in the sums, in the metrics, in its runs and, unless a reservation is charged with it, in its budgets.
    pub(crate) fn book(&self, call: &Metered<'_>) -> Spend {
        let Metered { provider, model, told, frame, .. } = *call;
        let (usage, fault) = match told {
            Some(ToldUsage { invalid: Some(why), .. }) => (Usage::UNKNOWN, Some(why.clone())),
            Some(told) => {
                usage_of(told).map_or_else(|error| (Usage::UNKNOWN, Some(error.to_string())), |usage| (usage, None))
            }
            None => (Usage::UNKNOWN, None),
        };
        if fault.is_some() {
            self.figures.refuse();
        }
        let price = self.price(call, &usage);
        let is_unknown = usage.is_unknown() && price.source() != crate::cost::PriceSource::Provider;
        let known = if is_unknown { book::Known::Unknown } else { book::Known::Price(price.state()) };
        let cost = price.total().filter(|_| !is_unknown);
        let known_gaps = price.gaps().filter(|_| !is_unknown).map(gap_text);
        let gaps: Vec<String> = fault.into_iter().chain(known_gaps).collect();
        let run = frame.and_then(|frame| frame.run.as_ref());
        let agent = run.map(|run| &*run.agent);
        let hour = call.at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 3_600);
        let hour = i64::try_from(hour).unwrap_or(i64::MAX);
        let entry = Entry { provider, model, agent, usage: &usage, known, cost, gaps: &gaps, hour };
        locked(&self.book).record(&entry);
        if let Some(run) = run {
            run.add(|totals| totals.add(&usage, known, cost));
        }
        if let Some(frame) = frame {
            frame.note_inside();
        }
        self.figures.record(&entry, told, call.took);
        if !call.is_sum {
            self.gen_ai.record(&entry, call.operation, told, call.took);
        }
        let spend = match (call.is_free, is_unknown) {
            (true, _) => Spend::NOTHING,
            (false, true) => Spend::UNKNOWN,
            (false, false) => Spend::of(&price, &usage),
        };
        let heard = if call.is_lost && spend == Spend::UNKNOWN { Heard::Lost } else { Heard::Cost(spend) };
        if !call.is_charged && !frame.and_then(|frame| frame.call()).is_some_and(|call| call.hear(heard)) {
            self.charge(run.map(|run| &**run), call, &spend);
        }
        spend
    }

    /// The price by the model that answered and, where the table has none, by the one that was asked.
    fn price(&self, call: &Metered<'_>, usage: &Usage) -> Price {
        let told = call.told;
        let named = |model: &str| {
            let mut priced = Call::new(call.provider, model, call.at, usage);
            if let Some(tier) = told.and_then(|told| told.service_tier.as_deref()) {
                priced = priced.service_tier(tier);
            }
            if let Some(speed) = told.and_then(|told| told.speed.as_deref()) {
                priced = priced.speed(speed);
            }
            if let Some(picos) = told.and_then(|told| told.cost_picos) {
                priced = priced.told(Money::from_picos(picos));
            }
            // A usage that contradicts itself was told as unknown before; a cost below 0 is none.
            self.prices.price(&priced).ok()
        };
        let answered = told.and_then(|told| told.model.as_deref()).unwrap_or(call.model);
        let price = named(answered);
        let is_found = price.as_ref().is_some_and(|price| price.state() != PriceState::Unpriced);
        let asked = if is_found || answered == call.model { None } else { named(call.model) };
        asked.or(price).unwrap_or_else(|| Price::unpriced(Gap::NoPrice))
    }

    /// Charges a call that was not reserved.
    fn charge(&self, run: Option<&Run>, call: &Metered<'_>, spend: &Spend) {
        if !self.has_budgets() {
            return;
        }
        let charged = self.accounts(run, call.model, call.user).and_then(|accounts| {
            let accounts: Vec<_> = accounts.iter().collect();
            accounts.chunks(crate::budget::MAX_ACCOUNTS).try_for_each(|accounts| self.budgets.charge(accounts, spend))
        });
        if let Err(error) = charged {
            self.uncharged.fetch_add(1, Ordering::Relaxed);
            if !self.was_told.swap(true, Ordering::Relaxed) {
                tracing::warn!(target: "perf::llm", %error, "a call was not charged to its budgets; later ones are counted in silence");
            }
        }
    }
}

/// A gap in words, with the class where there is one.
fn gap_text(gap: Gap) -> String {
    match gap {
        Gap::TableNotLoaded => "the table of prices is not loaded yet".to_owned(),
        Gap::TableFailed => "the table of prices could not be read".to_owned(),
        Gap::ProviderNotFound => "the table has no such provider".to_owned(),
        Gap::ModelNotFound => "the table has no such model".to_owned(),
        Gap::NoPrice => "the table states no price for it".to_owned(),
        Gap::OtherUnit => "it is paid by something else than tokens".to_owned(),
        Gap::TierUnpriced => "the table has no price for its tier".to_owned(),
        Gap::UsageUnknown(class) => format!("nobody told its {class}"),
        Gap::LifetimeUnknown => "nobody told for how long it wrote to the cache".to_owned(),
        Gap::OverlapUnknown => "nobody told which parts of its usage overlap".to_owned(),
        Gap::ClassUnpriced(class) => format!("the table has no price for its {class}"),
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
