//! The bars, as ratios within one round: the machine's speed is in neither. Nothing fails on it, for a figure of
//! a busy machine says nothing.

use crate::Listener;
use crate::ours::{MONITOR, MONITOR_SYNC, WITHOUT_SPAN};
use crate::peers::{SPAN_ALONE, SPAN_ALONE_SYNC, TWO_INSTANTS, TWO_TIME_STAMPS};
use kit::stats::Spread;
use std::fmt::Write;

/// Without a subscriber, of two reads of the clock that the engine uses: the aim and the bar.
const OF_TWO_STAMPS: [f64; 2] = [1.25, 1.45];
const OF_TWO_INSTANTS: f64 = 1.25;
/// With one: the part of the own cost that may come on top of a span alone.
const OF_OWN_COST: f64 = 1.3;
/// With one that formats, of a span alone.
const OF_FORMATTED_SPAN: f64 = 1.5;

/// One line for each bar that the rows of a table can be held to. `of` gives a row's nanoseconds a call in each round.
pub(crate) fn text<'a>(listener: Listener, of: impl Fn(&str) -> Option<&'a [f64]>) -> String {
    let mut text = String::new();
    let Some(ours) = of(MONITOR) else { return text };
    let mut line = |than: &str, ratio: f64, bar: &str| {
        let _ = writeln!(text, "- {MONITOR}: {ratio:.2} times {than}; {bar}.");
    };
    if listener == Listener::Formatter {
        let bar = format!("the bar is {OF_FORMATTED_SPAN}");
        if let Some(span) = of(SPAN_ALONE) {
            line(SPAN_ALONE, ratio(ours, span), &bar);
        }
        if let (Some(ours), Some(span)) = (of(MONITOR_SYNC), of(SPAN_ALONE_SYNC)) {
            line(SPAN_ALONE_SYNC, ratio(ours, span), &format!("both of a sync function; {bar}"));
        }
        return text;
    }
    if listener == Listener::Registry {
        if let (Some(span), Some(own)) = (of(SPAN_ALONE), of(WITHOUT_SPAN)) {
            let allowed: Vec<f64> = span.iter().zip(own).map(|(span, own)| span + own * OF_OWN_COST).collect();
            let than = format!("{SPAN_ALONE} and {OF_OWN_COST} times its own cost without a span");
            line(&than, ratio(ours, &allowed), "the bar is 1");
        }
        return text;
    }
    if let Some(stamps) = of(TWO_TIME_STAMPS) {
        let [aim, bar] = OF_TWO_STAMPS;
        let bar = format!("the aim is {aim}, the bar {bar}, where the kernel trusts the stamp");
        line(TWO_TIME_STAMPS, ratio(ours, stamps), &bar);
    }
    if let Some(instants) = of(TWO_INSTANTS) {
        let bar = format!("the bar is {OF_TWO_INSTANTS}, where it does not");
        line(TWO_INSTANTS, ratio(ours, instants), &bar);
    }
    text
}

/// The median over the rounds of the ratio within a round.
pub(crate) fn ratio(own: &[f64], other: &[f64]) -> f64 {
    Spread::of(own.iter().zip(other).map(|(own, other)| own / other)).median
}
