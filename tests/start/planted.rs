//! Faults that are planted one at a time among calls that are well, and a script in the place of a coding agent: it begins with the
//! overview and asks only what answers say is worth asking, in the order in which they say it, five times at most.

mod faults;

use super::*;
use faults::{browse, plant, price_rules, traffic};
use serde_json::{Value, json};
use sqlx::any::AnyPoolOptions;
use std::collections::VecDeque;
use std::time::Duration as Time;
use tokio::time::sleep;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The most calls of tools.
const CALLS: usize = 5;
/// So long it is watched before it is asked: what waits is told as a deadlock after five seconds.
const WATCHED: Time = Time::from_millis(7_500);
/// So often, and so long, it is asked anew where it does not name the fault yet: a loaded machine may be late with it.
const EACH: Time = Time::from_secs(2);
const AT_MOST: Time = Time::from_secs(90);
/// Processes that run at once.
const AT_ONCE: usize = 5;

struct Fault {
    name: &'static str,
    /// The tool whose answer names it, and where.
    tool: &'static str,
    /// Texts at these places in the answer, or numbers greater than this.
    named: &'static [(&'static str, &'static str)],
}

static FAULTS: [Fault; 13] = [
    Fault {
        name: "slow_statement",
        tool: "statements",
        named: &[
            ("/statements/statements/0/statement", "RECURSIVE"),
            ("/statements/statements/0/callers/0/caller", "table=invoices"),
        ],
    },
    Fault {
        name: "failing_statement",
        tool: "errors",
        named: &[("/errors/series/0/id", "table=ledger"), ("/errors/series/0/groups/0/text", "no such table")],
    },
    Fault { name: "stuck_call", tool: "in_flight", named: &[("/calls/calls/0/labels", "analyst")] },
    Fault {
        name: "deadlock",
        tool: "contention",
        named: &[("/locks/deadlocks/0/text", "move_stock"), ("/locks/deadlocks/0/text", "count_stock")],
    },
    Fault {
        name: "lock_convoy",
        tool: "contention",
        named: &[("/locks/locks/0/lock", "catalog"), ("/locks/locks/0/holders/0/series", "reindex")],
    },
    Fault {
        name: "full_channel",
        tool: "contention",
        named: &[("/channels/channels/0/channel", "parcels"), ("/channels/channels/0/stopped_receiver", "ship")],
    },
    Fault {
        name: "repeated_statement",
        tool: "statements",
        named: &[("/statements/repeated/0/root", "monthly_report"), ("/statements/repeated/0/statement", "FROM items")],
    },
    Fault {
        name: "growing_errors",
        tool: "errors",
        named: &[("/errors/series/0/id", "service=billing"), ("/errors/series/0/groups/0/text", "no answer")],
    },
    Fault {
        name: "slow_route",
        tool: "explain",
        named: &[("/time/series", "/checkout"), ("/time/parts/0/series", "price_rules")],
    },
    Fault {
        name: "panics",
        tool: "errors",
        named: &[
            ("/errors/series/0/id", "render_label"),
            ("/errors/series/0/groups/0/outcome", "panicked"),
            ("/errors/series/0/groups/0/place", "faults.rs"),
        ],
    },
    Fault {
        name: "unannotated_gap",
        tool: "explain",
        named: &[("/time/series", "nightly_close"), ("/time/unannotated", ">0.8")],
    },
    Fault {
        name: "cancelled_calls",
        tool: "calls",
        named: &[("/calls/calls/0/series", "tool=search"), ("/calls/calls/0/outcome", "cancelled")],
    },
    Fault {
        name: "blocked_thread",
        tool: "explain",
        named: &[
            ("/figures/series/0/id", "parse_upload"),
            ("/figures/series/0/busy_share", ">0.5"),
            ("/figures/series/0/slow_polls", ">0"),
        ],
    },
];

/// None: for the calls that are well.
static NOTHING: Fault = Fault { name: "nothing", tool: "none", named: &[] };

#[test]
fn each_planted_fault_is_named_within_five_calls() {
    let (mut table, mut unnamed) = (vec!["fault, calls, named".to_owned()], Vec::new());
    let begin = |fault: &'static Fault| {
        let settings = "[server]\nport = 0\n[errors]\npanics = true\n";
        (fault, thread::spawn(|| run("planted", settings, &[("PERF_TEST_FAULT", fault.name)])))
    };
    let some = |faults: &'static [Fault]| faults.iter().map(begin).collect::<Vec<_>>();
    for (fault, run) in FAULTS.chunks(AT_ONCE).flat_map(some) {
        let output = run.join().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
        let row = text.lines().find_map(|line| line.strip_prefix("row: "));
        table.push(row.map_or_else(|| format!("{}, none", fault.name), str::to_owned));
        if !row.is_some_and(|row| row.ends_with(" yes")) {
            unnamed.push(format!("{}:\n{text}", fault.name));
        }
    }
    let table = table.join("\n");
    println!("{table}");
    assert!(unnamed.is_empty(), "{table}\n{}", unnamed.join("\n"));
}

#[test]
fn where_nothing_is_planted_an_overview_speaks_of_nothing_but_time() {
    let output = run("planted", FREE_PORT, &[("PERF_TEST_FAULT", NOTHING.name)]);
    let text = String::from_utf8_lossy(&output.stdout);
    let next = text.lines().find_map(|line| line.strip_prefix("  next: ")).expect("an overview");
    let next: Vec<Value> = serde_json::from_str(next).unwrap();
    let reasons: Vec<&str> = next.iter().filter_map(|one| one["why"].as_str()).collect();
    assert_eq!(reasons, ["its own calls take the most time", "the slowest series"], "{text}");
}

/// The answer of a tool.
fn ask(address: SocketAddr, name: &str, arguments: &Value) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let params = json!({ "name": name, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let (status, text) = send(address, "POST", "/mcp", "content-type: application/json\r\n", &message)?;
    let answer: Value = serde_json::from_str(&text)?;
    let said = answer["result"]["content"][0]["text"].as_str().ok_or_else(|| format!("{status}: {text}"))?;
    assert!(said.len() <= 8 << 10, "{} bytes", said.len());
    Ok(serde_json::from_str(said).unwrap_or_else(|_| json!({ "refused": said })))
}

impl Fault {
    fn is_named(&self, tool: &str, answer: &Value) -> bool {
        let is_there = |(place, wanted): &(&str, &str)| {
            let Some(value) = answer.pointer(place) else { return false };
            match wanted.strip_prefix('>') {
                Some(least) => value.as_f64().is_some_and(|value| value > least.parse().expect("a number")),
                None => value.to_string().contains(wanted),
            }
        };
        tool == self.tool && self.named.iter().all(is_there)
    }

    /// The calls that were made, and whether the last one named it.
    fn find(&self, address: SocketAddr) -> Result<(usize, bool), Box<dyn Error + Send + Sync>> {
        let mut next = VecDeque::from([("overview".to_owned(), json!({}))]);
        let mut asked = Vec::new();
        while let Some((tool, arguments)) = next.pop_front() {
            let answer = ask(address, &tool, &arguments)?;
            println!("{tool} {arguments}\n  next: {}", answer["next_tool"]);
            asked.push((tool.clone(), arguments));
            if self.is_named(&tool, &answer) {
                return Ok((asked.len(), true));
            }
            if tool == self.tool || asked.len() == CALLS {
                println!("  {answer}");
            }
            if asked.len() == CALLS {
                break;
            }
            for one in answer["next_tool"].as_array().into_iter().flatten() {
                let one = (one["name"].as_str().unwrap_or_default().to_owned(), one["arguments"].clone());
                if !asked.contains(&one) && !next.contains(&one) {
                    next.push_back(one);
                }
            }
        }
        Ok((asked.len(), false))
    }
}

pub(super) fn planted() -> Tested {
    let wanted = env::var("PERF_TEST_FAULT")?;
    let fault = FAULTS.iter().chain([&NOTHING]).find(|fault| fault.name == wanted).expect("a fault");
    // A log as a service has it: with it there are the spans by which a statement on SQLite's own thread finds its caller.
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(EnvFilter::new("info"));
    tracing_subscriber::registry().with(log).with(perf_kit::sql::layer()).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("items.db").display());
        let pool = AnyPoolOptions::new().max_connections(2).connect(&url).await?;
        sqlx::query("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)").execute(&pool).await?;
        for id in 0..3 {
            sqlx::query("INSERT INTO items (id, name) VALUES (?1, 'a')").bind(id).execute(&pool).await?;
        }
        let route = axum::routing::get(async || {
            browse().await;
            price_rules().await;
        });
        let app = axum::Router::new().route("/checkout", route).layer(perf_kit::server::HttpLayer::new(perf.monitor()));
        tokio::spawn(traffic(pool.clone()));
        tokio::spawn(plant(fault.name, pool, app));
        sleep(WATCHED).await;
        let end = tokio::time::Instant::now() + AT_MOST;
        let (calls, is_named) = loop {
            let found = tokio::task::spawn_blocking(move || fault.find(address)).await?;
            let (calls, is_named) = found.map_err(|error| error.to_string())?;
            // Of nothing nothing is ever named.
            if is_named || fault.name == NOTHING.name || tokio::time::Instant::now() >= end {
                break (calls, is_named);
            }
            sleep(EACH).await;
        };
        println!("row: {}, {calls}, {}", fault.name, if is_named { "yes" } else { "no" });
        drop(folder);
        // What hangs would be waited for.
        std::process::exit(i32::from(!is_named));
    })
}
