//! The cost of a statement: its event alone, with a layer that takes it and does nothing, and with ours; and a text that is read for the first
//! time.
//!
//! The event is written as sqlx writes it, but for the texts that sqlx makes of the statement, which are made before: they cost the same with
//! any layer.

use kit::alloc::allocations;
use kit::cores::pin;
use kit::stats::Spread;
use perf_runtime::{Monitor, monitor};
use perf_sql::{Settings, Sql, normalize};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};

#[global_allocator]
static ALLOCATOR: kit::alloc::Counting = kit::alloc::Counting;

const BATCH: u32 = 2_000;

/// A statement as sqlx tells it.
struct Told {
    summary: String,
    statement: String,
}

impl Told {
    fn new(sql: &str) -> Self {
        let summary = sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ") + " …";
        Self { summary, statement: format!("\n\n{sql}\n") }
    }

    fn tell(&self) {
        let elapsed = Duration::from_micros(430);
        if tracing::enabled!(target: "sqlx::query", Level::DEBUG) {
            tracing::event!(target: "sqlx::query", Level::DEBUG, summary = &*self.summary, db.statement = &*self.statement,
                rows_affected = 0_u64, rows_returned = 3_u64, ?elapsed, elapsed_secs = elapsed.as_secs_f64());
        }
    }
}

/// Takes the events, and does nothing with them.
struct Nothing;

impl<S: Subscriber> Layer<S> for Nothing {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        black_box(event);
    }
}

#[monitor("request")]
fn request(work: &dyn Fn()) {
    work();
}

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if is_quick { 30 } else { 300 };
    pin(0);
    let short = "SELECT name FROM items WHERE id = $1 AND kind = $2";
    let columns = (0..160).map(|column| format!("t.column_{column}")).collect::<Vec<_>>().join(", ");
    let long = format!("SELECT {columns} FROM t WHERE id = $1");
    let texts = [("short", short), ("long", &*long)].map(|(name, sql)| (name, sql.len(), Told::new(sql)));
    println!("| one thread | bytes | min ns | median ns | allocations |\n|---|--:|--:|--:|--:|");
    let row = |name: &str, (text, bytes, told): &(&str, usize, Told)| {
        let (spread, allocated) = measured(rounds, || told.tell());
        println!("| {name}, {text} | {bytes} | {:.0} | {:.0} | {allocated:.2} |", spread.min, spread.median);
    };
    texts.iter().for_each(|text| row("nobody listens", text));
    let is_ours = |metadata: &Metadata<'_>| metadata.target() == "sqlx::query";
    let nothing = tracing_subscriber::registry().with(Nothing.with_filter(filter_fn(is_ours)));
    tracing::subscriber::with_default(nothing, || texts.iter().for_each(|text| row("a layer that does nothing", text)));
    let monitor = Monitor::builder().recorder(true).build().expect("no setting is wrong");
    let sql = Sql::with_settings(&monitor, &Settings::default()).expect("no setting is wrong");
    let ours = tracing_subscriber::registry().with(sql.statements().layer());
    tracing::subscriber::with_default(ours, || {
        texts.iter().for_each(|text| row("perf, outside of calls", text));
        for text in &texts {
            // One call around a whole batch.
            request(&|| row("perf, inside a call", text));
        }
    });
    let of_process = Sql::with_settings(&monitor, &Settings::default()).and_then(Sql::for_process);
    let of_process = of_process.expect("it is the only one");
    let shared = tracing_subscriber::registry().with(perf_sql::layer());
    tracing::subscriber::with_default(shared, || {
        texts.iter().for_each(|text| row("perf, the layer of the process", text))
    });
    drop(of_process);
    for (name, sql) in [("short", short), ("long", &*long)] {
        let (spread, allocated) = measured(rounds, || drop(black_box(normalize(black_box(sql)))));
        println!(
            "| a new text is read, {name} | {} | {:.0} | {:.0} | {allocated:.2} |",
            sql.len(),
            spread.min,
            spread.median
        );
    }
    println!("\nbar: 200 ns + 0.4 ns a byte over a layer that does nothing, 0 allocations");
}

/// Nanoseconds and allocations of one.
fn measured(rounds: u32, work: impl Fn()) -> (Spread, f64) {
    (0..BATCH).for_each(|_| work());
    let before = allocations();
    (0..BATCH).for_each(|_| work());
    let allocated = (allocations() - before) as f64 / f64::from(BATCH);
    let batch = |_| {
        let begin = Instant::now();
        (0..BATCH).for_each(|_| work());
        begin.elapsed().as_nanos() as f64 / f64::from(BATCH)
    };
    (Spread::of((0..rounds).map(batch)), allocated)
}
