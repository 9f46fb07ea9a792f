//! Faults of locks, channels, statements and workers: each is named with its functions on its page, in the health and by an alert, and in traffic that is
//! well there is nothing of the kind.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fixed_load::get;
use crate::postgres::Postgres;
use crate::program::Program;
use crate::servers::or_skip;

/// So long the faults last: what is not named by then is not any more. It is no promise of how soon they are named: that is 10 seconds, of which a
/// machine that runs other tests may keep some from the program, so the time is printed alone. After how many seconds the rules fire is held by the
/// tests of each part, on a clock of their own.
const LASTING: Duration = Duration::from_mins(2);

/// A fault, and who names what of it.
struct Fault {
    name: &'static str,
    /// The pages as the API has them, the place of the finding in each, and what is named there.
    pages: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The rule whose alert names it.
    rule: &'static str,
    named: &'static [&'static str],
}

/// The repeated statement of one route: SQLite executes on a thread of its own, and PostgreSQL does not, and on both the route is named.
const N_PLUS_ONE: Fault = Fault {
    name: "n-plus-one",
    pages: &[("statements", "/repeated", &["/series/{name}/daily", "FROM points"])],
    rule: "repeated-statements",
    named: &["/series/{name}/daily"],
};

/// Several at once: each is told apart from the others.
static TOGETHER: [Fault; 4] = [
    Fault {
        name: "deadlock",
        pages: &[("locks", "/deadlocks/0/text", &["operation=rank_series", "operation=age_visits"])],
        rule: "lock-deadlock",
        named: &["operation=rank_series", "operation=age_visits"],
    },
    Fault {
        name: "full-channel",
        pages: &[("channels", "/channels/0", &["operation=write_journal", "operation=note_added"])],
        rule: "channel-full",
        named: &["operation=write_journal", "operation=note_added"],
    },
    N_PLUS_ONE,
    Fault {
        name: "starved-runtime",
        pages: &[("metrics", "", &["operation{operation=summarize_journal}"])],
        rule: "blocked-worker",
        named: &["operation=summarize_journal"],
    },
];

/// By itself: of several locks the health names the one that is waited for the longest.
static CONVOY: [Fault; 1] = [Fault {
    name: "convoy",
    pages: &[("locks", "/locks/0", &["catalog", "reindex", "look_up"])],
    rule: "lock-wait",
    named: &["operation=reindex", "operation=look_up"],
}];

async fn ask(url: &str, path: &str) -> Value {
    get(&format!("{url}{path}")).await.parse().expect("JSON")
}

/// Whether all of this is said somewhere in it.
fn says(said: &Value, named: &[&str]) -> bool {
    let text = said.to_string();
    named.iter().all(|name| text.contains(name))
}

impl Fault {
    /// Those who do not name it yet.
    async fn silent(&self, url: &str) -> Vec<&'static str> {
        let mut are_on_pages = true;
        for &(page, place, on_page) in self.pages {
            let page = match page {
                "metrics" => Value::String(get(&format!("{url}/metrics")).await),
                page => ask(url, &format!("/api/v1/{page}")).await,
            };
            are_on_pages &= page.pointer(place).is_some_and(|finding| says(finding, on_page));
        }
        let alerts = ask(url, "/api/v1/alerts").await;
        let of_rule = |alert: &&Value| alert["rule"] == self.rule && alert["state"] == "firing";
        let mut alerts = alerts["alerts"].as_array().expect("a list").iter().filter(of_rule);
        let health = ask(url, "/health/performance").await;
        let told = [
            ("page", are_on_pages),
            ("alert", alerts.any(|alert| says(&alert["message"], self.named))),
            ("health", says(&health, self.named)),
        ];
        told.into_iter().filter(|(_, is_told)| !is_told).map(|(who, _)| who).collect()
    }

    /// Whether anybody ever told of something of the kind. Of blocked workers, by these functions: on a machine that is busy, others may keep one too.
    async fn was_told(&self, url: &str) -> bool {
        let history = ask(url, "/api/v1/alerts/history").await;
        let is_of_kind = |alert: &Value| {
            alert["rule"] == self.rule && (self.rule != "blocked-worker" || says(&alert["message"], self.named))
        };
        history["events"].as_array().expect("a list").iter().any(|event| is_of_kind(&event["alert"]))
    }
}

fn are_named(faults: &[Fault], more: &[&str]) {
    let names = faults.iter().map(|fault| fault.name).collect::<Vec<_>>().join(",");
    let times = ["--fault-after", "8s", "--fault-for", &format!("{}s", LASTING.as_secs())];
    let arguments = [&["--port", "0", "--load", "2", "--fault", &names][..], &times, more].concat();
    let mut program = Program::start_with(&arguments, "network,monitoring,executor");
    let url = program.url();
    program.wait_for(|line| line.starts_with("fault ") && line.contains(" begins"));
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for fault in faults {
            assert!(!fault.was_told(&url).await, "{} was told before it began", fault.name);
        }
        let mut unnamed: Vec<&Fault> = faults.iter().collect();
        while !unnamed.is_empty() {
            let mut left = Vec::new();
            for fault in unnamed {
                let silent = fault.silent(&url).await;
                if silent.is_empty() {
                    println!("{}: named after {:?}", fault.name, begun.elapsed());
                } else {
                    assert!(begun.elapsed() < LASTING, "{}: not named by {silent:?}", fault.name);
                    left.push(fault);
                }
            }
            unnamed = left;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    let ended = program.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn each_fault_is_named_with_its_functions_on_the_page_in_the_health_and_by_an_alert() {
    let both = [&TOGETHER[..], &CONVOY[..]].map(|faults| std::thread::spawn(move || are_named(faults, &[])));
    // First both end, and their programs with them.
    let ended = both.map(std::thread::JoinHandle::join);
    for one in ended {
        one.expect("its own panic is printed above");
    }
}

#[test]
fn a_route_that_repeats_a_statement_is_named_on_postgres_too() {
    let Some(server) = or_skip(Postgres::start()) else { return };
    are_named(&[N_PLUS_ONE], &["--database-url", &server.url()]);
}
