//! The limits that an attribute sets for each run of an agent.

/// A limit of what one run of an agent may use of language models: the option `budget` of `#[monitor_agent]`.
///
/// This crate hands it to the part that hears of usage ([`extend::UsageReceiver`](crate::extend::UsageReceiver)), and holds nobody to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunBudget {
    /// Money, in 10^-12 dollars: at most 9 million dollars.
    Picos(u64),
    /// Tokens, of prompts and answers together.
    Tokens(u64),
    /// Calls of models.
    Calls(u64),
}
