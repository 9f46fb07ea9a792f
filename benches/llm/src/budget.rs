//! The time of a reservation beside `budget-context`, of a price, and of a span that is metered.

use budget_context::Resource;
use kit::alloc::allocations;
use kit::cores::pin;
use kit::stats::{SEED, Spread, shuffle};
use perf_llm::budget::{Account, Budget, Budgets, Estimate, Period, Spend};
use perf_llm::cost::{Call, Prices};
use perf_llm::usage::{Class, Usage};
use perf_llm::{Llm, Money, Settings};
use perf_runtime::Monitor;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime};
use tracing::field::Empty;
use tracing_subscriber::layer::SubscriberExt;

/// Reservations in a batch.
const BATCH: u32 = 2_000;
/// The most that each figure may be.
const BARS: [(&str, u32); 7] = [
    ("perf_3_scopes_median_ns", 300),
    ("perf_3_scopes_8_threads_wall_ns", 1_500),
    ("perf_1_scope_allocations", 0),
    ("perf_3_scopes_allocations", 0),
    ("price_median_ns", 2_000),
    ("price_in_tiers_median_ns", 2_000),
    ("gen_ai_span_median_ns", 3_000),
];

/// Measures, and fails where a bar is missed; a quick run only tells of it.
pub(super) fn run(is_quick: bool) -> ExitCode {
    let rounds = if is_quick { 30 } else { 400 };
    println!(
        "reserve and settle in one scope, and in three of one lineage (everything, an agent, a user); a price; a span"
    );
    let prices = Prices::bundled();
    assert!(prices.wait(Duration::from_secs(60)), "the table is decoded");
    let now = SystemTime::now();
    let mut lines = BTreeMap::new();
    println!("\n| on one thread | min ns | median ns | allocations |");
    println!("|---|--:|--:|--:|");
    let mut tell = |key: &str, name: &str, (spread, allocations): (Spread, f64)| {
        println!("| {name} | {:.0} | {:.0} | {allocations:.2} |", spread.min, spread.median);
        lines.insert(format!("{key}_min_ns"), json!(spread.min.round()));
        lines.insert(format!("{key}_median_ns"), json!(spread.median.round()));
        lines.insert(format!("{key}_allocations"), json!(allocations));
    };
    let calls: [(&str, &str, Box<dyn Fn() + Sync>); 4] = [
        ("perf_1_scope", "perf: reserve + settle, 1 scope", calls_of_ours(1)),
        ("perf_3_scopes", "perf: reserve + settle, 3 scopes", calls_of_ours(3)),
        ("budget_context_1_level", "budget-context: reserve + commit, 1 level", calls_of_peer(1)),
        ("budget_context_3_levels", "budget-context: reserve + commit, 3 levels", calls_of_peer(3)),
    ];
    for (key, name, call) in &calls {
        tell(key, name, one(rounds, call));
    }
    for (key, name, model) in [
        ("price", "perf: a price, one tier (gpt-5-mini)", "gpt-5-mini"),
        ("price_in_tiers", "perf: a price, in tiers (gpt-5.4)", "gpt-5.4"),
    ] {
        tell(key, name, one(rounds, priced(&prices, model, now)));
    }
    spans(rounds, &mut tell);
    let fresh = fresh_prices(&prices, now);
    println!(
        "\nfirst price of a model in an hour: median {:.2} ms, nine in ten within {:.2} ms",
        fresh.median, fresh.p90
    );
    println!("\n| on 8 threads, one lineage for all | wall ns a call | processor ns a call |");
    println!("|---|--:|--:|");
    let mut order = [0, 1, 2, 3];
    let mut walls = [const { Vec::new() }; 4];
    let mut seed = SEED;
    for _ in 0..if is_quick { 3 } else { 15 } {
        shuffle(&mut order, &mut seed);
        for which in order {
            walls[which].push(many(&calls[which].2));
        }
    }
    for ((key, name, _), runs) in calls.iter().zip(&walls) {
        let wall = Spread::of(runs.iter().map(|run| run.0)).median;
        let cpu = Spread::of(runs.iter().map(|run| run.1)).median;
        println!("| {name} | {wall:.0} | {cpu:.0} |");
        lines.insert(format!("{key}_8_threads_wall_ns"), json!(wall.round()));
        lines.insert(format!("{key}_8_threads_processor_ns"), json!(cpu.round()));
    }
    let admitted = admitted();
    println!("\n1,000 calls of 0.10 at once against 5.00: {admitted} admitted (50 is right)");
    let missed = missed(&lines);
    lines.insert("bench".to_owned(), json!("budget"));
    lines.insert("admitted".to_owned(), json!(admitted));
    lines.insert("missed".to_owned(), json!(missed));
    println!("{}", json!(lines));
    let is_right = admitted == 50 && (missed.is_empty() || is_quick);
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The figures over their bars, each of which it tells with its figure.
fn missed(lines: &BTreeMap<String, Value>) -> Vec<&'static str> {
    println!("\n| bar | at most | is | |");
    println!("|---|--:|--:|---|");
    let mut missed = Vec::new();
    for (key, most) in BARS {
        // A figure that is not there is no good one.
        let is = lines.get(key).and_then(Value::as_f64).unwrap_or(f64::INFINITY);
        let is_held = is <= f64::from(most);
        println!("| {key} | {most} | {is} | {} |", if is_held { "held" } else { "MISSED" });
        missed.extend((!is_held).then_some(key));
    }
    missed
}

fn calls_of_ours(scopes: usize) -> Box<dyn Fn() + Sync> {
    let ours = Ours::new(scopes);
    Box::new(move || ours.call())
}

fn calls_of_peer(levels: usize) -> Box<dyn Fn() + Sync> {
    let peer = Peer::new(levels);
    Box::new(move || peer.call())
}

/// A price of a model, with another prompt each time.
fn priced(prices: &Prices, model: &'static str, now: SystemTime) -> impl FnMut() {
    let usage = Usage::of(20_000, 900).with(Class::CacheRead, 15_000).with(Class::Reasoning, 300);
    let mut turn = 0_u64;
    move || {
        turn = turn.wrapping_add(7_919);
        let usage = usage.with(Class::Input, 20_000 + turn % 10_000);
        black_box(prices.price(&Call::new("openai", model, now, &usage)).expect("true counts"));
    }
}

/// Spans as genai opens them, and others: by the layer, beside the same without it.
fn spans(rounds: usize, tell: &mut impl FnMut(&str, &str, (Spread, f64))) {
    let monitor = Monitor::builder().build().expect("a monitor");
    let llm = Llm::with_settings(&monitor, Settings::default()).expect("the only one");
    assert!(llm.meter().prices().wait(Duration::from_secs(60)), "the table is decoded");
    let gen_ai = || {
        let span = tracing::info_span!(
            "genai.chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-5-mini",
            gen_ai.response.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
        );
        span.record("gen_ai.response.model", "gpt-5-mini").record("gen_ai.usage.input_tokens", 1_200_i64);
        span.record("gen_ai.usage.output_tokens", 300_i64).record("gen_ai.usage.cache_read.input_tokens", 1_000_i64);
    };
    let other = || drop(tracing::info_span!("work", number = 1));
    // Callsites keep what they were told of a subscriber: each has its own.
    tracing::subscriber::with_default(tracing_subscriber::registry().with(llm.meter().layer()), || {
        tell("gen_ai_span", "perf: a gen_ai span, metered and priced", one(rounds, gen_ai));
        tell("other_span", "perf: any other span", one(rounds, other));
    });
}

/// Scopes that a call reserves from: one, or three.
struct Ours {
    budgets: Budgets,
    accounts: Vec<Account>,
}

impl Ours {
    fn new(scopes: usize) -> Self {
        let budgets = Budgets::in_memory();
        let all = [
            Budget::all().per(Period::Month),
            Budget::agent("researcher").per(Period::Day),
            Budget::user("ada").per(Period::Day),
        ];
        let open = |budget: Budget| budgets.account(&budget.dollars(9_000_000)).expect("a good budget");
        let accounts = all.into_iter().take(scopes).map(open).collect();
        Self { budgets, accounts }
    }

    fn call(&self) {
        let most = Estimate::money(Money::from_picos(5_000), Money::from_picos(1_000));
        let held = match &self.accounts[..] {
            [all, agent, user] => self.budgets.reserve(&[all, agent, user], &most),
            accounts => self.budgets.reserve(&[&accounts[0]], &most),
        };
        let mut held = held.expect("room");
        held.dispatched();
        black_box(held.settle(&Spend::money(Money::from_picos(2))));
    }
}

/// The same lineage in the peer: the root, or a child of its child.
struct Peer {
    leaf: budget_context::Budget,
    money: Resource,
}

impl Peer {
    fn new(levels: usize) -> Self {
        let money = Resource::new("cost.usd_picos").expect("a good name");
        let most = 9_000_000_000_000_000_000;
        let root = budget_context::Budget::builder().limit(money.clone(), most).build().expect("a good budget");
        let child =
            |of: budget_context::Budget, _| of.child().limit(money.clone(), most).build().expect("a good budget");
        let leaf = (1..levels).fold(root, child);
        Self { leaf, money }
    }

    fn call(&self) {
        let held = self.leaf.reserve(&self.money, 5_000).expect("room");
        held.commit(black_box(2)).expect("less than was reserved");
    }
}

/// Nanoseconds of a call, and allocations of a warm one.
fn one(rounds: usize, mut call: impl FnMut()) -> (Spread, f64) {
    pin(0);
    (0..BATCH).for_each(|_| call());
    let before = allocations();
    (0..BATCH).for_each(|_| call());
    let allocated = (allocations() - before) as f64 / f64::from(BATCH);
    let times = (0..rounds).map(|_| {
        let begun = Instant::now();
        (0..BATCH).for_each(|_| call());
        begun.elapsed().as_nanos() as f64 / f64::from(BATCH)
    });
    (Spread::of(times), allocated)
}

/// Wall and processor nanoseconds of a call, from eight threads at once: the wall's is the time of all divided by the number of all calls.
fn many(call: impl Fn() + Sync) -> (f64, f64) {
    const THREADS: usize = 8;
    const CALLS: u32 = 20_000;
    let barrier = Barrier::new(THREADS);
    let times: Vec<(f64, f64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (barrier, call) = (&barrier, &call);
                scope.spawn(move || {
                    pin(number);
                    barrier.wait();
                    let (begun, cpu) = (Instant::now(), kit::cost::thread_time());
                    (0..CALLS).for_each(|_| call());
                    let cpu = kit::cost::thread_time() - cpu;
                    (begun.elapsed().as_nanos() as f64, cpu.as_nanos() as f64)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let wall = times.iter().map(|time| time.0).fold(0.0, f64::max) / f64::from(CALLS) / THREADS as f64;
    let cpu = times.iter().map(|time| time.1).sum::<f64>() / f64::from(CALLS) / THREADS as f64;
    (wall, cpu)
}

/// Milliseconds of the first price in an hour, for models of several providers.
fn fresh_prices(prices: &Prices, now: SystemTime) -> Spread {
    let usage = Usage::of(1_000, 100);
    let models = [
        ("openai", "gpt-5-mini"),
        ("openai", "gpt-5.4"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-3.1-pro-preview"),
        ("openrouter", "anthropic/claude-sonnet-4.5"),
        ("deepseek", "deepseek-v4-flash"),
    ];
    let hours = (1..=10).flat_map(|hour| models.map(|model| (hour, model)));
    Spread::of(hours.map(|(hour, (provider, model))| {
        let at = now + Duration::from_secs(3_600 * hour);
        let begun = Instant::now();
        black_box(prices.price(&Call::new(provider, model, at, &usage)).expect("true counts"));
        begun.elapsed().as_secs_f64() * 1e3
    }))
}

/// A thousand calls of ten cents at once against five dollars.
fn admitted() -> usize {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(5)).expect("a good budget");
    let ten_cents = Money::from_picos(100_000_000_000);
    let barrier = Barrier::new(20);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let calls = (0..50).filter_map(|_| {
                        let mut held = budgets.reserve(&[&all], &Estimate::money(ten_cents, ten_cents)).ok()?;
                        held.settle(&Spend::money(ten_cents));
                        Some(())
                    });
                    calls.count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}
