//! A statement that ran before costs no allocation beside those of the crates.

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use perf_runtime::Monitor;
use perf_sql::{Settings, Sql};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, Sqlite};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;
use tokio::runtime::Runtime;

struct Counting;

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

// SAFETY: all it does beside what the system's allocator does is to count, in a cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn account() -> Sql {
    Sql::with_settings(&Monitor::builder().build().unwrap(), &Settings::default()).unwrap()
}

/// The allocations of a thousand runs, after a hundred others.
fn allocations(mut run: impl FnMut()) -> usize {
    (0..100).for_each(|_| run());
    let before = ALLOCATIONS.get();
    (0..1_000).for_each(|_| run());
    ALLOCATIONS.get() - before
}

diesel::table! {
    users (id) {
        id -> Integer,
        name -> Text,
    }
}

/// Writes all texts as they begin, and keeps nothing.
struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        if piece.contains(" -- binds: ") { Err(std::fmt::Error) } else { Ok(()) }
    }
}

fn of_diesel(instrumentation: impl Instrumentation) -> usize {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    diesel::sql_query("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)").execute(&mut connection).unwrap();
    connection.set_instrumentation(instrumentation);
    allocations(|| {
        let named = users::table.filter(users::name.eq("ada")).select(users::id);
        assert!(named.load::<i32>(&mut connection).unwrap().is_empty());
    })
}

#[test]
fn diesel_s_statements_allocate_what_their_text_does() {
    let sql = account();
    let bare = of_diesel(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let _ = write!(Nowhere, "{query}");
        }
    });
    assert_eq!(of_diesel(sql.statements().diesel()), bare);
    assert_eq!(sql.statements().view().events, 1_100);
}

/// The allocations of one statement on the thread that polls it.
fn of_sqlx<E>(runtime: &Runtime, pool: E) -> usize
where
    for<'e> E: Executor<'e, Database = Sqlite>,
{
    let before = ALLOCATIONS.get();
    drop(runtime.block_on(sqlx::query("SELECT 1, 2, 3, 4, 6").fetch_all(pool)).unwrap());
    ALLOCATIONS.get() - before
}

#[test]
fn sqlx_s_statements_allocate_as_they_do_without_perf() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = runtime.block_on(options.connect("sqlite::memory:")).unwrap();
    let mut settings = Settings::default();
    settings.enabled = false;
    let off = Sql::with_settings(&Monitor::builder().build().unwrap(), &settings).unwrap();
    let on = account();
    let pools = [&on, &off].map(|sql| sql.statements().pool(pool.clone()));
    // In turn, and the fewest of each: those that wait longer for the database's thread allocate more. So may one of both for all of a round.
    let fewest = || {
        let mut fewest = [usize::MAX; 2];
        for _ in 0..100 {
            for (fewest, pool) in fewest.iter_mut().zip(&pools) {
                *fewest = of_sqlx(&runtime, pool).min(*fewest);
            }
        }
        fewest
    };
    let rounds: Vec<[usize; 2]> = (0..10).map(|_| fewest()).collect();
    assert!(rounds.iter().any(|[measured, unmeasured]| measured == unmeasured), "{rounds:?}");
    assert_eq!((off.statements().view().events, on.statements().view().events), (0, 1_000));
}
