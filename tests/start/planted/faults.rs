//! The calls that are well, and those that each fault is made of.

use perf_kit::sync::tokio::{Mutex, mpsc};
use perf_kit::{monitor, monitor_agent, monitor_db_operation, monitor_external_call, monitor_tool};
use sqlx::AnyPool;
use std::future::pending;
use std::thread;
use std::time::Duration as Time;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

#[monitor("browse", crate = perf_kit)]
pub(super) async fn browse() {
    sleep(Time::from_millis(4)).await;
}

#[monitor_db_operation("select", "items", crate = perf_kit)]
async fn item(pool: &AnyPool, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT name FROM items WHERE id = ?1").bind(id).fetch_one(pool).await.map(drop)
}

/// Calls that are well, as long as the process runs.
pub(super) async fn traffic(pool: AnyPool) {
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
    pending::<()>().await;
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
pub(super) async fn price_rules() {
    sleep(Time::from_millis(700)).await;
}

#[monitor("render_label", crate = perf_kit)]
async fn render_label(number: u32) {
    browse().await;
    assert!(number.is_multiple_of(2), "a label without an address");
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
pub(super) async fn plant(fault: &str, pool: AnyPool, app: axum::Router) {
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
            "nothing" => return,
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
                let _ = charge(number > 20 && number.is_multiple_of(2)).await;
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
