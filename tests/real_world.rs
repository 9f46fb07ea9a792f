//! Cases that came to light by annotating whole code bases, function by function: each as small as it goes.
#![deny(warnings, clippy::needless_update)]

use perf_runtime::{Kind, Monitor, Window, monitor, monitor_db_operation};

fn ok_calls(kind: Kind, labels: &[&str]) -> u64 {
    let summary = Monitor::builder().build().unwrap().summary(Window::LastHour);
    summary.find(kind, labels).map_or(0, |series| series.total.ok)
}

/// As `sqlx::Executor` has it.
trait Executor<'c> {
    fn execute(self) -> &'c str;
}

impl<'c> Executor<'c> for &'c str {
    fn execute(self) -> &'c str {
        self
    }
}

/// An `async fn` may take them, a `fn` may not: E0658.
#[tokio::test]
async fn an_async_fn_takes_an_impl_trait_of_a_lifetime_without_a_name() {
    struct Job(usize);

    #[monitor]
    impl Job {
        async fn delete(&self, executor: impl Executor<'_>) -> usize {
            self.0 + executor.execute().len()
        }

        async fn count(&self, rows: impl Iterator<Item = &u8>) -> usize {
            self.0 + rows.count()
        }

        async fn all(&self, executors: Vec<(u8, impl Executor<'_>)>) -> usize {
            self.0 + executors.into_iter().map(|(_, executor)| executor.execute().len()).sum::<usize>()
        }

        async fn later(&self, rows: impl Iterator<Item = u8> + '_) -> usize {
            self.0 + rows.count()
        }

        /// Here it means any lifetime, so it may stand everywhere.
        async fn longest(&self, choose: impl Fn(&u8, Option<&u8>) -> bool) -> bool {
            choose(&1, None) && self.0 > 0
        }
    }

    let (job, text, rows) = (Job(1), "row".to_owned(), vec![1, 2]);
    assert_eq!(job.delete(text.as_str()).await, 4);
    assert_eq!(job.count(rows.iter()).await, 3);
    assert_eq!(job.all(vec![(0, text.as_str()), (1, "x")]).await, 5);
    assert_eq!(job.later(rows.iter().copied()).await, 3);
    assert!(job.longest(|one, other| other.is_none_or(|other| one > other)).await);
    for method in ["delete", "count", "all", "later", "longest"] {
        assert_eq!(ok_calls(Kind::Operation, &[&format!("Job::{method}")]), 1, "{method}");
    }
}

/// The site is then a literal without a field to spare: clippy's `needless_update`.
#[test]
fn all_options_at_once_are_no_lint() {
    #[monitor_db_operation(
        "select",
        "real_world",
        err,
        fields(key = %key, later),
        labels(fresh = fresh),
        slow = "250ms",
        level = "debug",
        target = "real_world",
        name = "a name",
        objective(latency = "1s", percentile = 99.0, success = 99.9),
        buckets = [0.01, 1.0]
    )]
    fn read(key: &str, fresh: bool) -> Result<usize, String> {
        if fresh { Ok(key.len()) } else { Err(key.to_owned()) }
    }

    assert_eq!(read("key", true), Ok(3));
    assert_eq!(read("key", false), Err("key".to_owned()));
    assert_eq!(ok_calls(Kind::DbOperation, &["select", "real_world", "true"]), 1);
}
