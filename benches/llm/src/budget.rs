//! The time of a reservation beside `budget-context`, and of a price.

use budget_context::Resource;
use kit::alloc::allocations;
use kit::cores::pin;
use kit::stats::{SEED, Spread, shuffle};
use perf_llm::Money;
use perf_llm::budget::{Account, Budget, Budgets, Estimate, Period, Spend};
use perf_llm::cost::{Call, Prices};
use perf_llm::usage::{Class, Usage};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime};

/// Reservations in a batch.
const BATCH: u32 = 2_000;

pub(super) fn run(is_quick: bool) {
    let rounds = if is_quick { 30 } else { 400 };
    let perf = Ours::new();
    let peer = Peer::new();
    println!("reserve and settle three scopes, of one lineage (everything, an agent, a user), and a price");
    println!("\n| on one thread | min ns | median ns | allocations |");
    println!("|---|--:|--:|--:|");
    let prices = Prices::bundled();
    assert!(prices.wait(Duration::from_secs(60)), "the table is decoded");
    let usage = Usage::of(20_000, 900).with(Class::CacheRead, 15_000).with(Class::Reasoning, 300);
    let now = SystemTime::now();
    let mut turn = 0_u64;
    let mut sizes = Vec::new();
    sizes.push(("perf: reserve + settle, 3 scopes", one(rounds, || perf.call())));
    sizes.push(("budget-context: reserve + commit, 3 levels", one(rounds, || peer.call())));
    let mut price = |model: &'static str| {
        one(rounds, || {
            turn = turn.wrapping_add(7_919);
            let usage = usage.with(Class::Input, 20_000 + turn % 10_000);
            black_box(prices.price(&Call::new("openai", model, now, &usage)).expect("true counts"));
        })
    };
    sizes.push(("perf: a price, one tier (gpt-5-mini)", price("gpt-5-mini")));
    sizes.push(("perf: a price, in tiers (gpt-5.4)", price("gpt-5.4")));
    for (name, (spread, allocations)) in &sizes {
        println!("| {name} | {:.0} | {:.0} | {allocations:.2} |", spread.min, spread.median);
    }
    let fresh = fresh_prices(&prices, now);
    println!(
        "\nfirst price of a model in an hour: median {:.2} ms, nine in ten within {:.2} ms",
        fresh.median, fresh.p90
    );
    println!("\n| on 8 threads, one lineage for all | wall ns a call | processor ns a call |");
    println!("|---|--:|--:|");
    let mut order = [0, 1];
    let mut walls = [Vec::new(), Vec::new()];
    let mut seed = SEED;
    for _ in 0..if is_quick { 3 } else { 15 } {
        shuffle(&mut order, &mut seed);
        for which in order {
            walls[which].push(if which == 0 { many(|| perf.call()) } else { many(|| peer.call()) });
        }
    }
    for (name, runs) in
        ["perf: reserve + settle, 3 scopes", "budget-context: reserve + commit, 3 levels"].iter().zip(&walls)
    {
        let wall = Spread::of(runs.iter().map(|run| run.0)).median;
        let cpu = Spread::of(runs.iter().map(|run| run.1)).median;
        println!("| {name} | {wall:.0} | {cpu:.0} |");
    }
    println!("\nbars: 300 ns on one thread, 1,500 ns on eight, 0 allocations; a price 2,000 ns");
    admitted();
}

/// Three scopes that a call reserves from.
struct Ours {
    budgets: Budgets,
    accounts: [Account; 3],
}

impl Ours {
    fn new() -> Self {
        let budgets = Budgets::in_memory();
        let open = |budget: Budget| budgets.account(&budget.dollars(9_000_000)).expect("a good budget");
        let accounts = [
            open(Budget::all().per(Period::Month)),
            open(Budget::agent("researcher").per(Period::Day)),
            open(Budget::user("ada").per(Period::Day)),
        ];
        Self { budgets, accounts }
    }

    fn call(&self) {
        let [all, agent, user] = &self.accounts;
        let most = Estimate::money(Money::from_picos(5_000), Money::from_picos(1_000));
        let mut held = self.budgets.reserve(&[all, agent, user], &most).expect("room");
        held.dispatched();
        black_box(held.settle(&Spend::money(Money::from_picos(2))));
    }
}

/// The same lineage in the peer: a child of a child of the root.
struct Peer {
    leaf: budget_context::Budget,
    money: Resource,
}

impl Peer {
    fn new() -> Self {
        let money = Resource::new("cost.usd_picos").expect("a good name");
        let most = 9_000_000_000_000_000_000;
        let root = budget_context::Budget::builder().limit(money.clone(), most).build().expect("a good budget");
        let agent = root.child().limit(money.clone(), most).build().expect("a good budget");
        let leaf = agent.child().limit(money.clone(), most).build().expect("a good budget");
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
fn admitted() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(5)).expect("a good budget");
    let ten_cents = Money::from_picos(100_000_000_000);
    let barrier = Barrier::new(20);
    let admitted: usize = std::thread::scope(|scope| {
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
    });
    println!("1,000 calls of 0.10 at once against 5.00: {admitted} admitted (50 is right)");
}
