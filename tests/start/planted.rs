//! Faults that are planted one at a time among calls that are well, and a script in the place of a coding agent: it begins with the
//! overview and asks only what answers say is worth asking, in the order in which they say it, five times at most.

use super::*;
use perf_kit::sync::tokio::{Mutex, mpsc};
use perf_kit::{monitor, monitor_agent, monitor_db_operation, monitor_external_call, monitor_tool};
use serde_json::{Value, json};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration as Time;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The most calls of tools.
const CALLS: usize = 5;
/// So long it is watched: what waits is told as a deadlock after five seconds.
const WATCHED: Time = Time::from_millis(7_500);

struct Fault {
    name: &'static str,
    /// The tool whose answer names it, and where.
    tool: &'static str,
    /// Texts at these places in the answer.
    named: &'static [(&'static str, &'static str)],
}

const FAULTS: [Fault; 13] = [
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
            ("/errors/series/0/groups/0/place", "planted.rs"),
        ],
    },
    Fault {
        name: "unannotated_gap",
        tool: "explain",
        named: &[("/time/series", "nightly_close"), ("/time/unannotated", "0.9")],
    },
    Fault {
        name: "cancelled_calls",
        tool: "calls",
        named: &[("/calls/calls/0/series", "tool=search"), ("/calls/calls/0/outcome", "cancelled")],
    },
    Fault {
        name: "blocked_thread",
        tool: "explain",
        named: &[("/figures/series/0/id", "parse_upload"), ("/figures/series/0/busy_share", "0.9")],
    },
];

#[test]
fn each_planted_fault_is_named_within_five_calls() {
    let runs: Vec<_> = FAULTS
        .iter()
        .map(|fault| {
            thread::spawn(|| {
                run("planted", "[server]\nport = 0\n[errors]\npanics = true\n", &[("PERF_TEST_FAULT", fault.name)])
            })
        })
        .collect();
    let mut table = String::from("fault, calls, named\n");
    let mut unnamed = Vec::new();
    for (fault, run) in FAULTS.iter().zip(runs) {
        let output = run.join().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
        let row = text.lines().find_map(|line| line.strip_prefix("row: ")).map(str::to_owned);
        table += &format!("{}\n", row.clone().unwrap_or_else(|| format!("{}, none: {text}", fault.name)));
        if !row.is_some_and(|row| row.ends_with(" yes")) {
            unnamed.push(format!("{}:\n{text}", fault.name));
        }
    }
    println!("{table}");
    assert!(unnamed.is_empty(), "{table}\n{}", unnamed.join("\n"));
}

#[monitor("browse", crate = perf_kit)]
async fn browse() {
    sleep(Time::from_millis(4)).await;
}

#[monitor_db_operation("select", "items", crate = perf_kit)]
async fn item(pool: &AnyPool, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT name FROM items WHERE id = ?1").bind(id).fetch_one(pool).await.map(drop)
}

/// Calls that are well, as long as the process runs.
async fn traffic(pool: AnyPool) {
    loop {
        browse().await;
        item(&pool, 1).await.expect("it is there");
        sleep(Time::from_millis(40)).await;
    }
}

#[monitor_db_operation("select", "invoices", crate = perf_kit)]
async fn invoices_due(pool: &AnyPool) -> Result<(), sqlx::Error> {
    let sql =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000) SELECT COUNT(*) FROM n";
    sqlx::query(sql).fetch_one(pool).await.map(drop)
}

#[monitor_db_operation("insert", "ledger", err, crate = perf_kit)]
async fn book(pool: &AnyPool) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO ledger (amount) VALUES (3)").execute(pool).await.map(drop)
}

#[monitor_agent("analyst", crate = perf_kit)]
async fn analyst() {
    pending::<()>().await;
}

static STOCK: Mutex<u32> = Mutex::named("stock", 1);
static SHELVES: Mutex<u32> = Mutex::named("shelves", 1);
static CATALOG: Mutex<u32> = Mutex::named("catalog", 1);

#[monitor("move_stock", crate = perf_kit)]
async fn move_stock() {
    let _stock = STOCK.lock().await;
    sleep(Time::from_millis(100)).await;
    let _shelves = SHELVES.lock().await;
}

#[monitor("count_stock", crate = perf_kit)]
async fn count_stock() {
    let _shelves = SHELVES.lock().await;
    sleep(Time::from_millis(100)).await;
    let _stock = STOCK.lock().await;
}

#[monitor("reindex", crate = perf_kit)]
async fn reindex() {
    let _catalog = CATALOG.lock().await;
    sleep(Time::from_secs(20)).await;
}

#[monitor("look_up", crate = perf_kit)]
async fn look_up() {
    let _catalog = CATALOG.lock().await;
}

#[monitor("ship", crate = perf_kit)]
async fn ship(mut parcels: mpsc::Receiver<u32>) {
    while let Some(parcel) = parcels.recv().await {
        if parcel == 3 {
            pending::<()>().await;
        }
    }
}

#[monitor("pack", crate = perf_kit)]
async fn pack(parcels: mpsc::Sender<u32>, parcel: u32) {
    let _ = parcels.send(parcel).await;
}

#[monitor("monthly_report", crate = perf_kit)]
async fn monthly_report(pool: &AnyPool) -> Result<(), sqlx::Error> {
    for id in 0..30 {
        item(pool, id % 3).await?;
    }
    Ok(())
}

#[monitor_external_call("billing", "charge", err, crate = perf_kit)]
async fn charge(fails: bool) -> Result<(), String> {
    sleep(Time::from_millis(5)).await;
    if fails { Err("no answer in time".to_owned()) } else { Ok(()) }
}

#[monitor("price_rules", crate = perf_kit)]
async fn price_rules() {
    sleep(Time::from_millis(700)).await;
}

#[monitor("render_label", crate = perf_kit)]
async fn render_label(number: u32) {
    browse().await;
    assert!(number % 2 == 0, "a label without an address");
}

#[monitor("nightly_close", crate = perf_kit)]
async fn nightly_close() {
    browse().await;
    sleep(Time::from_millis(600)).await;
}

#[monitor_tool("search", crate = perf_kit)]
async fn search() {
    sleep(Time::from_secs(5)).await;
}

#[monitor("parse_upload", crate = perf_kit)]
async fn parse_upload() {
    thread::sleep(Time::from_millis(400));
    tokio::task::yield_now().await;
}

/// Begins the fault: the calls that it is made of.
async fn plant(fault: &str, pool: AnyPool, app: axum::Router) {
    let mut number = 0;
    let (parcels, receiver) = mpsc::channel("parcels", 2);
    let mut receiver = Some(receiver);
    loop {
        number += 1;
        let every = match fault {
            "slow_statement" => {
                let _ = invoices_due(&pool).await;
                30
            }
            "failing_statement" => {
                let _ = book(&pool).await;
                50
            }
            "stuck_call" => return analyst().await,
            "deadlock" => {
                tokio::spawn(move_stock());
                tokio::spawn(count_stock());
                return;
            }
            "lock_convoy" => {
                tokio::spawn(if number == 1 {
                    futures::future::Either::Left(reindex())
                } else {
                    futures::future::Either::Right(look_up())
                });
                300
            }
            "full_channel" => {
                if let Some(receiver) = receiver.take() {
                    tokio::spawn(ship(receiver));
                }
                tokio::spawn(pack(parcels.clone(), number));
                200
            }
            "repeated_statement" => {
                let _ = monthly_report(&pool).await;
                200
            }
            "growing_errors" => {
                let _ = charge(number > 20 && number % 2 == 0).await;
                30
            }
            "slow_route" => {
                let request =
                    axum::extract::Request::get("/checkout").body(axum::body::Body::empty()).expect("a request");
                let _ = app.clone().oneshot(request).await;
                20
            }
            "panics" => {
                let _ = tokio::spawn(render_label(number)).await;
                50
            }
            "unannotated_gap" => {
                nightly_close().await;
                100
            }
            "cancelled_calls" => {
                let _ = timeout(Time::from_millis(100), search()).await;
                20
            }
            "blocked_thread" => {
                parse_upload().await;
                100
            }
            _ => panic!("no such fault: {fault}"),
        };
        sleep(Time::from_millis(every)).await;
    }
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
        let is_there =
            |(place, text): &(&str, &str)| answer.pointer(place).is_some_and(|value| value.to_string().contains(text));
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
    let fault = FAULTS.iter().find(|fault| fault.name == wanted).expect("a fault");
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
        let (calls, is_named) =
            tokio::task::spawn_blocking(move || fault.find(address)).await?.map_err(|error| error.to_string())?;
        println!("row: {}, {calls}, {}", fault.name, if is_named { "yes" } else { "no" });
        drop(folder);
        // What hangs would be waited for.
        std::process::exit(i32::from(!is_named));
    })
}
