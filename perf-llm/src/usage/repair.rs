use super::class::{Class, Usage};
use std::sync::atomic::{AtomicU64, Ordering};

/// A rule by which counts that contradict each other were put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repair {
    /// Reasoning stood outside the generated tokens, as the body's total or its size shows: it was added to them.
    ReasoningOutside,
    /// Reasoning was added to generated tokens that it was part of already, as the total shows: it was taken away again.
    ReasoningTwice,
    /// Cached tokens stood outside the tokens of the prompt: they were added to them.
    CacheOutside,
    /// Cache writes by lifetime were more than all cache writes: the larger sum stands.
    WritesOverTotal,
}

impl Repair {
    /// All rules.
    pub const ALL: &[Self] = &[Self::ReasoningOutside, Self::ReasoningTwice, Self::CacheOutside, Self::WritesOverTotal];

    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReasoningOutside => "reasoning_outside",
            Self::ReasoningTwice => "reasoning_twice",
            Self::CacheOutside => "cache_outside",
            Self::WritesOverTotal => "writes_over_total",
        }
    }
}

static COUNTS: [AtomicU64; Repair::ALL.len()] = [const { AtomicU64::new(0) }; Repair::ALL.len()];

/// How often a rule was used in this process.
pub fn repaired_total(rule: Repair) -> u64 {
    COUNTS.get(rule as usize).map_or(0, |count| count.load(Ordering::Relaxed))
}

/// Notes the use of a rule, in the process's count and in the reading.
pub(super) fn note(repairs: &mut Vec<Repair>, rule: Repair) {
    if let Some(count) = COUNTS.get(rule as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    repairs.push(rule);
}

/// Adds reasoning to the generated tokens where it stood outside of them.
///
/// A total decides: `input + output` is the total where it stood inside, `input + output + reasoning` where outside. Without a total only
/// reasoning that is more than all generated tokens shows it.
pub(super) fn reasoning(usage: &mut Usage, total: Option<u64>, repairs: &mut Vec<Repair>) {
    let (Some(output), Some(reasoning)) = (usage.get(Class::Output), usage.get(Class::Reasoning)) else { return };
    let both = output.saturating_add(reasoning);
    let outside = match (usage.get(Class::Input), total) {
        (Some(input), Some(total)) if input.saturating_add(output) == total => false,
        (Some(input), Some(total)) if input.saturating_add(both) == total => true,
        _ => reasoning > output,
    };
    if outside && reasoning > 0 {
        usage.set(Class::Output, Some(both));
        note(repairs, Repair::ReasoningOutside);
    }
}

/// Adds thoughts that the total alone tells to the generated tokens: Gemini in OpenAI's form names none and leaves them out of
/// `completion_tokens`. <https://ai.google.dev/gemini-api/docs/openai>
pub(super) fn thoughts(usage: &mut Usage, total: Option<u64>, repairs: &mut Vec<Repair>) {
    let (Some(input), Some(output), None) =
        (usage.get(Class::Input), usage.get(Class::Output), usage.get(Class::Reasoning))
    else {
        return;
    };
    if let Some(generated) = total.and_then(|total| total.checked_sub(input)).filter(|generated| *generated > output) {
        usage.set(Class::Output, Some(generated));
        usage.set(Class::Reasoning, Some(generated - output));
        note(repairs, Repair::ReasoningOutside);
    }
}

/// Takes reasoning away from generated tokens that it was added to though it was part of them: with it once, `input + output` is the total.
pub(super) fn reasoning_twice(usage: &mut Usage, total: Option<u64>, repairs: &mut Vec<Repair>) {
    let [input, output, reasoning] = [Class::Input, Class::Output, Class::Reasoning].map(|class| usage.get(class));
    let (Some(input), Some(output), Some(reasoning)) = (input, output, reasoning.filter(|count| *count > 0)) else {
        return;
    };
    let once = output.checked_sub(reasoning).filter(|once| *once >= reasoning);
    if let Some(once) = once.filter(|once| Some(input.saturating_add(*once)) == total) {
        usage.set(Class::Output, Some(once));
        note(repairs, Repair::ReasoningTwice);
    }
}

/// Adds cached tokens that are more than all tokens of the prompt to these: they stood outside.
pub(super) fn cache(usage: &mut Usage, repairs: &mut Vec<Repair>) {
    let cached = usage.sum(&[Class::CacheRead, Class::CacheWrite]);
    if let Some(input) = usage.get(Class::Input).filter(|input| cached > *input) {
        usage.set(Class::Input, Some(input.saturating_add(cached)));
        note(repairs, Repair::CacheOutside);
    }
}

/// Raises all cache writes to the sum of those by lifetime.
pub(super) fn writes(usage: &mut Usage, repairs: &mut Vec<Repair>) {
    let by_lifetime = usage.sum(&[Class::CacheWrite5m, Class::CacheWrite1h]);
    match usage.get(Class::CacheWrite) {
        None if by_lifetime > 0 => usage.set(Class::CacheWrite, Some(by_lifetime)),
        Some(all) if by_lifetime > all => {
            usage.set(Class::CacheWrite, Some(by_lifetime));
            note(repairs, Repair::WritesOverTotal);
        }
        _ => {}
    }
}

impl Usage {
    /// This usage put right, with the rules that were used, for emitters of which nobody knows how they count.
    ///
    /// Cached tokens that are more than all tokens of the prompt stood outside of them, and are added. `total` is the emitter's own sum of
    /// tokens, where it tells one: it shows whether reasoning stood outside the generated tokens.
    #[must_use]
    pub fn repaired(mut self, total: Option<u64>) -> (Self, Vec<Repair>) {
        let mut repairs = Vec::new();
        writes(&mut self, &mut repairs);
        cache(&mut self, &mut repairs);
        reasoning(&mut self, total, &mut repairs);
        (self, repairs)
    }
}
