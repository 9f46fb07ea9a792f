//! One thread: rounds in which each variant runs one short batch, in random order.
//!
//! A machine that others use too is fast and slow in turns, each far longer than a batch. Variants that run one after
//! the other are slow together, so what is quoted are medians over the rounds of differences and ratios *within* a
//! round.

use crate::Listener;
use crate::bars::{self, ratio};
use crate::peers::{BASE, TWO_INSTANTS, TWO_TIME_STAMPS};
use crate::variant::Variant;
use kit::alloc::allocations;
use kit::cores::pin;
use kit::stats::{SEED, Spread, shuffle};
use std::fmt::Write;
use std::time::Duration;

/// Long enough that reading the clock around it is nothing, short enough that seldom anything else gets in.
const BATCH: Duration = Duration::from_micros(200);

#[derive(Default)]
struct Samples {
    /// Nanoseconds a call, of each round.
    nanos: Vec<f64>,
    allocations: u64,
    calls: u64,
}

/// Runs so many rounds, and tells the result as a table in Markdown. With a listener, other bars are held.
pub(crate) fn run(variants: &[Variant], rounds: usize, listener: Listener) -> String {
    // Not the first core, which serves the most interrupts.
    pin(1);
    let batches: Vec<u64> = variants.iter().map(|variant| variant.calls_in(BATCH)).collect();
    let mut samples: Vec<Samples> = variants.iter().map(|_| Samples::default()).collect();
    let mut order: Vec<usize> = (0..variants.len()).collect();
    let mut state = SEED;
    for _ in 0..rounds {
        shuffle(&mut order, &mut state);
        for &place in &order {
            samples[place].take(&variants[place], batches[place]);
        }
    }
    table(variants, &samples, listener)
}

impl Samples {
    fn take(&mut self, variant: &Variant, batch: u64) {
        // The variant before this one left the caches and the predictors to itself.
        variant.run(batch / 8);
        let before = allocations();
        self.nanos.push(variant.nanos_a_call(batch));
        self.allocations += allocations() - before;
        self.calls += batch;
    }
}

fn table(variants: &[Variant], samples: &[Samples], listener: Listener) -> String {
    let nanos_of = |name: &str| {
        let place = variants.iter().position(|variant| variant.name == name)?;
        samples.get(place).map(|samples| samples.nanos.as_slice())
    };
    let (base, stamps, instants) = (nanos_of(BASE), nanos_of(TWO_TIME_STAMPS), nanos_of(TWO_INSTANTS));
    let mut text = String::from(
        "| variant | min ns | median ns | p10–p90 | over base, ns | × two stamps | × two `Instant`s | allocations a call |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (variant, Samples { nanos, allocations, calls }) in variants.iter().zip(samples) {
        let Spread { min, p10, median, p90, .. } = Spread::of(nanos.iter().copied());
        let over =
            base.map_or(f64::NAN, |base| Spread::of(nanos.iter().zip(base).map(|(own, base)| own - base)).median);
        let [stamps, instants] = [stamps, instants]
            .map(|clock| clock.map_or_else(String::new, |clock| format!("{:.2}", ratio(nanos, clock))));
        let allocations = *allocations as f64 / *calls as f64;
        let _ = writeln!(
            text,
            "| {} | {min:.1} | {median:.1} | {p10:.1}–{p90:.1} | {over:.1} | {stamps} | {instants} | {allocations:.2} |",
            variant.name
        );
    }
    text + "\n" + &bars::text(listener, nanos_of)
}
