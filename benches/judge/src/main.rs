//! The time of a tick over 1,000 series that were called, by the number of rules that look at all of them. The summaries of
//! a window are made once, however many rules share them: so the first rule costs the most.

use perf_runtime::rule::{Rule, RuleSet, Statistic, presets};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor};
use std::time::{Duration, Instant};

const SERVERS: usize = 50;
const CAPABILITIES: usize = 20;
const CALLS: u64 = 5;
const TICKS: usize = 200;
const WARM_UP: usize = 65;

fn rules(count: usize) -> RuleSet {
    let statistics = [Statistic::P95, Statistic::ErrorRate, Statistic::Mean, Statistic::Rate];
    let rule = |number: usize| {
        let rule = Rule::builder(format!("rule-{number}")).metric(Kind::McpCall);
        let statistic = statistics[number % statistics.len()];
        // Never reached, as nearly all rules nearly always.
        rule.statistic(statistic).warning(if statistic == Statistic::ErrorRate { 0.9 } else { 1e6 }).build()
    };
    (0..count).map(|number| rule(number).expect("a good rule")).collect()
}

fn main() {
    println!("| 1,000 series, {CALLS} calls of each between ticks | min µs | median µs | of one core, % |");
    println!("|---|--:|--:|--:|");
    for (name, rules) in [
        ("no rule".to_owned(), RuleSet::new()),
        ("1 rule".to_owned(), rules(1)),
        ("100 rules".to_owned(), rules(100)),
        ("the standard preset".to_owned(), presets::standard()),
    ] {
        let mut micros = run(rules);
        micros.sort_by(f64::total_cmp);
        let (min, median) = (micros[0], micros[micros.len() / 2]);
        println!("| {name} | {min:.0} | {median:.0} | {:.2} |", median / 1e4);
    }
}

/// The time of each tick.
fn run(rules: RuleSet) -> Vec<f64> {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().rules(rules).build().expect("no setting is wrong");
    let mut micros = Vec::with_capacity(TICKS);
    for tick in 0..TICKS + WARM_UP {
        for (server, capability) in (0..SERVERS).flat_map(|server| (0..CAPABILITIES).map(move |one| (server, one))) {
            let (server, capability) = (format!("server-{server}"), format!("capability-{capability}"));
            for call in 0..CALLS {
                let took = Duration::from_micros(100 * (1 + call) * (1 + tick as u64 % 7));
                monitor.record_mcp_call(&server, &capability, took, true);
            }
        }
        clock.advance(Duration::from_secs(1));
        let begun = Instant::now();
        monitor.tick();
        if tick >= WARM_UP {
            micros.push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros
}
