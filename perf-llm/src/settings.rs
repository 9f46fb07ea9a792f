//! The section `[llm]` of the settings.

use crate::Money;
use crate::budget::{Budget, Measure, Mode, OnUnpriced, Period, ScopeKind};
use crate::conventions::GenAiNames;
use perf_runtime::ConfigError;
use perf_runtime::config::{Section, Span};
use perf_runtime::extend::RunBudget;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of the metering of language models: the section `[llm]`, or `PERF_LLM_ENABLED` and its like.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether calls are metered.
    pub enabled: bool,
    /// The folder of the budgets. Without it, beside the history: `perf/<service>` in the state directory of the user.
    pub path: Option<PathBuf>,
    /// Whether budgets outlive the process. Without it they do: each lease is flushed to the disk before it is granted.
    pub durable: bool,
    /// The file of a newer table of prices, in the form of `genai-prices`. It is read at the start.
    pub prices: Option<PathBuf>,
    /// The address (`https`) of a newer table in that form, such as that of `genai-prices` itself. It is fetched at the start and then
    /// [`prices_every`](Self::prices_every), and kept in the folder of the budgets for the next start. Needs the feature `prices-url`.
    pub prices_url: Option<String>,
    /// How often the address is asked: 1 hour to 30 days, a day unless told.
    pub prices_every: Span,
    /// A file of the certificates (PEM) that the address is held to, in the place of those that Mozilla trusts.
    pub prices_ca_file: Option<PathBuf>,
    /// Models whose prices may fall to 0 in a newer table, as `provider/model`, at most 1,000: a table in which others fall is refused.
    pub prices_free: Vec<String>,
    /// Which of OpenTelemetry's names (`gen_ai_*`) the metrics have as well: `none`, `old`, `new` or `both`.
    pub gen_ai_names: GenAiNames,
    /// The budgets.
    pub budgets: Vec<BudgetSetting>,
}

/// One budget: a limit for a scope, in each period.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetSetting {
    /// The period: `run`, `day`, `month` or `forever`.
    pub per: String,
    /// A limit of money in dollars, such as `"5.00"`, at most 9 million.
    pub dollars: Option<Dollars>,
    /// A limit of tokens, of prompts and answers together.
    pub tokens: Option<u64>,
    /// A limit of calls.
    pub calls: Option<u64>,
    /// The agent by name; `*` gives each its own budget.
    pub agent: Option<String>,
    /// The model by name; `*` gives each its own budget.
    pub model: Option<String>,
    /// The user or tenant by name; `*` gives each its own budget.
    pub user: Option<String>,
    /// The treatment of a model without a price by a budget of money: `refuse` (without it), `allow`, or dollars that a call counts as.
    pub on_unpriced: Option<String>,
    /// The need of a call that it reserves: `strict` (without it), the worst case, or `estimated`, the 99th percentile of the answers of its place so far.
    pub mode: Option<String>,
}

/// An amount of dollars, as it is written in settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dollars(pub Money);

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ALLOWED: &str = "dollars, such as \"5.00\" or 5: 0 to 9 million, with at most 12 places";
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Dollars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ALLOWED)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Dollars, E> {
                text.parse().map(Dollars).map_err(|_| E::custom(ALLOWED))
            }

            fn visit_i64<E: Error>(self, dollars: i64) -> Result<Dollars, E> {
                Money::from_dollars(dollars).map(Dollars).ok_or_else(|| E::custom(ALLOWED))
            }

            fn visit_f64<E: Error>(self, dollars: f64) -> Result<Dollars, E> {
                Money::from_float(dollars).map(Dollars).ok_or_else(|| E::custom(ALLOWED))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

/// The most models whose prices may fall to 0.
const MOST_FREE: usize = 1_000;
/// The most budgets that are set.
pub(crate) const MOST_BUDGETS: usize = 100;

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            durable: true,
            prices: None,
            prices_url: None,
            prices_every: Span(Duration::from_secs(86_400)),
            prices_ca_file: None,
            prices_free: Vec::new(),
            gen_ai_names: GenAiNames::None,
            budgets: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads the section.
    ///
    /// # Errors
    /// A key that there is not, or a value that is not allowed: a [`ConfigError`] that names it.
    pub fn read(section: &Section) -> Result<Self, ConfigError> {
        let settings: Self = section.read()?;
        settings.rules()?;
        settings.free()?;
        Ok(settings)
    }

    /// The models whose prices may fall to 0, checked.
    pub(crate) fn free(&self) -> Result<&[String], ConfigError> {
        if self.prices_free.len() > MOST_FREE {
            let given = self.prices_free.len().to_string();
            return Err(ConfigError::new("llm.prices_free", given, format!("at most {MOST_FREE}")));
        }
        let is_named = |model: &str| {
            let parts = model.split_once('/');
            model.len() <= 512 && parts.is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty())
        };
        match self.prices_free.iter().find(|model| !is_named(model)) {
            Some(model) => {
                Err(ConfigError::new("llm.prices_free", model, "models as `provider/model`, such as `openai/gpt-4o`"))
            }
            None => Ok(&self.prices_free),
        }
    }

    /// The budgets, checked.
    pub(crate) fn rules(&self) -> Result<Vec<Rule>, ConfigError> {
        if self.budgets.len() > MOST_BUDGETS {
            let (given, allowed) = (self.budgets.len().to_string(), format!("at most {MOST_BUDGETS}"));
            return Err(ConfigError::new("llm.budgets", given, allowed));
        }
        (1..).zip(&self.budgets).map(|(number, budget)| budget.rule(&format!("llm.budgets.{number}"))).collect()
    }
}

/// The name that stands for each one.
const EACH: &str = "*";

/// A budget, or one for each name of a kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) kind: ScopeKind,
    /// `None`: each name has its own.
    pub(crate) name: Option<String>,
    /// Of a budget of runs: those of one agent.
    pub(crate) agent: Option<String>,
    period: Period,
    measure: Measure,
    limit: Limit,
    on_unpriced: OnUnpriced,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Money(Money),
    Count(u64),
}

impl Rule {
    /// The budget for a name.
    pub(crate) fn budget(&self, name: &str) -> Budget {
        let budget = match self.kind {
            ScopeKind::All => Budget::all(),
            ScopeKind::Run => Budget::run(name),
            ScopeKind::Agent => Budget::agent(name),
            ScopeKind::User => Budget::user(name),
            ScopeKind::Model => Budget::model(name),
        };
        let budget = match (self.limit, self.measure) {
            (Limit::Money(limit), _) => budget.money(limit),
            (Limit::Count(limit), Measure::Calls) => budget.calls(limit),
            (Limit::Count(limit), _) => budget.tokens(limit),
        };
        budget.per(self.period).on_unpriced(self.on_unpriced).mode(self.mode)
    }

    /// A limit of each run of an agent, from the agent's attribute.
    pub(crate) fn of_run(agent: &str, limit: RunBudget) -> Option<Self> {
        let (limit, measure) = match limit {
            RunBudget::Picos(picos) => {
                let money = Money::from_picos(i64::try_from(picos).unwrap_or(i64::MAX));
                (Limit::Money(money), Measure::Money)
            }
            RunBudget::Tokens(tokens) => (Limit::Count(tokens), Measure::Tokens),
            RunBudget::Calls(calls) => (Limit::Count(calls), Measure::Calls),
            _ => return None,
        };
        let (kind, agent, period) = (ScopeKind::Run, Some(agent.to_owned()), Period::Forever);
        Some(Self {
            kind,
            name: None,
            agent,
            period,
            measure,
            limit,
            on_unpriced: OnUnpriced::Refuse,
            mode: Mode::Strict,
        })
    }

    /// Whether it is a budget of the same scope, period and measure.
    pub(crate) fn limits_the_same(&self, other: &Self) -> bool {
        let of = |rule: &Self| (rule.kind, rule.name.clone(), rule.agent.clone(), rule.period, rule.measure);
        of(self) == of(other)
    }

    /// Whether it reserves what calls likely need.
    pub(crate) fn is_estimated(&self) -> bool {
        self.mode == Mode::Estimated
    }

    /// Whether it outlives the process, where there is a store.
    pub(crate) fn is_lasting(&self) -> bool {
        self.kind != ScopeKind::Run
    }
}

impl BudgetSetting {
    /// A budget in each `run`, `day` or `month`, or `forever`. It needs a limit.
    #[must_use]
    pub fn per(period: &str) -> Self {
        Self { per: period.to_owned(), ..Self::default() }
    }

    /// Sets a limit of money.
    #[must_use]
    pub fn dollars(self, limit: Money) -> Self {
        Self { dollars: Some(Dollars(limit)), ..self }
    }

    /// Sets a limit of tokens, of prompts and answers together.
    #[must_use]
    pub fn tokens(self, limit: u64) -> Self {
        Self { tokens: Some(limit), ..self }
    }

    /// Sets a limit of calls.
    #[must_use]
    pub fn calls(self, limit: u64) -> Self {
        Self { calls: Some(limit), ..self }
    }

    /// For an agent alone; `*` gives each its own budget.
    #[must_use]
    pub fn agent(self, name: &str) -> Self {
        Self { agent: Some(name.to_owned()), ..self }
    }

    /// For a model alone; `*` gives each its own budget.
    #[must_use]
    pub fn model(self, name: &str) -> Self {
        Self { model: Some(name.to_owned()), ..self }
    }

    /// For a user or tenant alone; `*` gives each its own budget.
    #[must_use]
    pub fn user(self, name: &str) -> Self {
        Self { user: Some(name.to_owned()), ..self }
    }

    /// Reserves what a call likely needs, by the answers of its place so far, in the place of its worst case.
    #[must_use]
    pub fn estimated(self) -> Self {
        Self { mode: Some(Mode::Estimated.name().to_owned()), ..self }
    }

    fn rule(&self, field: &str) -> Result<Rule, ConfigError> {
        let refused =
            |key: &str, value: String, allowed: &str| ConfigError::new(format!("{field}.{key}"), value, allowed);
        let (limit, measure, key) = match (self.dollars, self.tokens, self.calls) {
            (Some(Dollars(money)), None, None) => (Limit::Money(money), Measure::Money, "dollars"),
            (None, Some(tokens), None) => (Limit::Count(tokens), Measure::Tokens, "tokens"),
            (None, None, Some(calls)) => (Limit::Count(calls), Measure::Calls, "calls"),
            _ => return Err(refused("dollars", String::new(), "one of `dollars`, `tokens` and `calls`")),
        };
        let named = [
            (ScopeKind::Agent, &self.agent, "agent"),
            (ScopeKind::Model, &self.model, "model"),
            (ScopeKind::User, &self.user, "user"),
        ];
        let mut named = named.into_iter().filter_map(|(kind, name, key)| Some((kind, name.clone()?, key)));
        let (first, second) = (named.next(), named.next());
        if let Some((_, name, key)) = second {
            return Err(refused(key, name, "nothing: a budget is for one of `agent`, `model` and `user`"));
        }
        let is_run = self.per == "run";
        let period = match (is_run, Period::of_name(&self.per)) {
            (true, _) => Period::Forever,
            (false, Some(period)) => period,
            (false, None) => return Err(refused("per", self.per.clone(), "`run`, `day`, `month` or `forever`")),
        };
        let each = |name: String| Some(name).filter(|name| name != EACH);
        let (kind, name, agent) = match first {
            Some((ScopeKind::Agent, name, _)) if is_run => (ScopeKind::Run, None, each(name)),
            Some((_, name, key)) if is_run => {
                return Err(refused(key, name, "nothing: a budget of runs may name an `agent`"));
            }
            None if is_run => (ScopeKind::Run, None, None),
            Some((kind, name, _)) => (kind, each(name), None),
            None => (ScopeKind::All, Some(String::new()), None),
        };
        let on_unpriced = match self.on_unpriced.as_deref() {
            None | Some("refuse") => OnUnpriced::Refuse,
            Some("allow") => OnUnpriced::Allow,
            Some(text) => match text.parse() {
                Ok(money) if money >= Money::ZERO => OnUnpriced::Assume(money),
                _ => {
                    let allowed = "`refuse`, `allow`, or the dollars that a call counts as";
                    return Err(refused("on_unpriced", text.to_owned(), allowed));
                }
            },
        };
        let mode = match self.mode.as_deref().map(|mode| (mode, Mode::of_name(mode))) {
            None => Mode::Strict,
            Some((_, Some(mode))) => mode,
            Some((given, None)) => return Err(refused("mode", given.to_owned(), "`strict` or `estimated`")),
        };
        let rule = Rule { kind, name, agent, period, measure, limit, on_unpriced, mode };
        // The name is checked with the budget; one that stands for each is whatever comes.
        let checked = rule.budget(rule.name.as_deref().unwrap_or("x")).check();
        let shown = match limit {
            Limit::Money(money) => money.to_string(),
            Limit::Count(count) => count.to_string(),
        };
        match checked {
            Ok(()) => Ok(rule),
            Err(crate::budget::BudgetError::BadName { name, max, .. }) => {
                let key = rule.kind.name();
                Err(refused(key, name, &format!("a name of 1 to {max} bytes, or `{EACH}` for each")))
            }
            Err(_) => Err(refused(key, shown, "0 to 9 million dollars, or to 9 x 10^18 tokens or calls")),
        }
    }
}
