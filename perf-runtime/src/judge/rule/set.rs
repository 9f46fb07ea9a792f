//! Rules that are judged together.

use super::build::RuleBuilder;
use super::definition::Rule;
use crate::error::ConfigError;
use serde::Serialize;

/// Rules with different ids.
///
/// ```
/// use perf_runtime::rule::{Rule, presets};
///
/// let mut rules = presets::standard();
/// rules.insert(Rule::builder("deep-queue").metric("queue_depth").warning(100.0).build()?);
/// rules.change("http-errors", |rule| rule.except("route", ["/health"]).critical(0.02))?;
/// rules.switch("http-latency", false)?;
/// assert!(rules.switch("http-latensy", true).unwrap_err().to_string().contains("http-latency"));
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

impl RuleSet {
    /// No rule.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule, or puts it in the place of the one with the same id.
    pub fn insert(&mut self, rule: Rule) {
        match self.rules.iter_mut().find(|other| other.id == rule.id) {
            Some(other) => *other = rule,
            None => self.rules.push(rule),
        }
    }

    /// Adds all rules of another set; where both have an id, the other's rule wins.
    pub fn extend(&mut self, other: Self) {
        other.rules.into_iter().for_each(|rule| self.insert(rule));
    }

    /// Adds the rules of another set whose ids are not there yet.
    pub(crate) fn add_missing(&mut self, other: &Self) {
        for rule in &other.rules {
            if self.get(&rule.id).is_none() {
                self.rules.push(rule.clone());
            }
        }
    }

    /// The rule with this id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Changes settings of a rule.
    ///
    /// # Errors
    /// There is no rule with this id, and the error names the nearest; or the settings are not allowed. The rule then
    /// stays as it was.
    pub fn change(&mut self, id: &str, change: impl FnOnce(RuleBuilder) -> RuleBuilder) -> Result<(), ConfigError> {
        let rule = self.get(id).ok_or_else(|| ConfigError::unknown("rules", id, self.ids()))?;
        let changed = change(rule.to_builder()).build()?;
        self.insert(changed);
        Ok(())
    }

    /// Switches a rule on or off.
    ///
    /// # Errors
    /// There is no rule with this id; the error names the nearest.
    pub fn switch(&mut self, id: &str, enabled: bool) -> Result<(), ConfigError> {
        self.change(id, |rule| rule.enabled(enabled))
    }

    /// All rules, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(Rule::id)
    }
}

impl FromIterator<Rule> for RuleSet {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let mut set = Self::new();
        rules.into_iter().for_each(|rule| set.insert(rule));
        set
    }
}
