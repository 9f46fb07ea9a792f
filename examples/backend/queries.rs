//! Everything that is asked of the database: one function, one statement, one attribute.

use perf_runtime::{monitor, monitor_db_operation};
use sqlx::{AnyConnection, AssertSqlSafe};
use tokio::time::sleep;

use crate::fault::{Fault, UNMEASURED};
use crate::moment::DAY;
use crate::store::Store;

/// Rows in one `INSERT`. Three parameters each keep it far below what either database allows.
pub(crate) const BATCH: usize = 500;

/// One value of a series, at so many seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: i64,
    pub(crate) value: f64,
}

/// All points of an hour or a day, as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// Its first second.
    pub(crate) at: i64,
    pub(crate) points: i64,
    pub(crate) total: f64,
    pub(crate) mean: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// The extent of the series with an id: number of points, first and last moment.
pub(crate) type Extent = (i64, i64, Option<i64>, Option<i64>);

impl Store {
    /// Finds the series of that name or adds it, and gives its id.
    #[monitor_db_operation("insert", "series")]
    pub(crate) async fn insert_series(&self, connection: &mut AnyConnection, name: &str) -> Result<i64, sqlx::Error> {
        // Setting the name to itself makes the database return the row that was there.
        let sql =
            "INSERT INTO series (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id";
        self.run(("insert", "series"), sqlx::query_scalar(sql).bind(name.to_owned()).fetch_one(connection)).await
    }

    #[monitor_db_operation("delete", "points")]
    pub(crate) async fn delete_points(&self, connection: &mut AnyConnection, series: i64) -> Result<u64, sqlx::Error> {
        let statement = sqlx::query("DELETE FROM points WHERE series_id = $1").bind(series).execute(connection);
        self.run(("delete", "points"), statement).await.map(|done| done.rows_affected())
    }

    /// Inserts up to [`BATCH`] points with one statement.
    #[monitor_db_operation("insert", "points")]
    pub(crate) async fn insert_points(
        &self,
        connection: &mut AnyConnection,
        series: i64,
        points: &[Point],
    ) -> Result<u64, sqlx::Error> {
        // The text holds placeholders only; every value is bound.
        let mut statement = sqlx::query(AssertSqlSafe(insert_text(points.len())));
        for point in points {
            statement = statement.bind(series).bind(point.at).bind(point.value);
        }
        self.run(("insert", "points"), statement.execute(connection)).await.map(|done| done.rows_affected())
    }

    /// Inserts one point. Its calls count in the same series of metrics as those above.
    #[monitor_db_operation("insert", "points")]
    pub(crate) async fn add_point(&self, series: i64, point: Point) -> Result<(), sqlx::Error> {
        let sql = "INSERT INTO points (series_id, at, value) VALUES ($1, $2, $3)";
        let statement = sqlx::query(sql).bind(series).bind(point.at).bind(point.value).execute(&self.pool);
        self.run(("insert", "points"), statement).await.map(drop)
    }

    /// Forgets a series' points but the newest `kept`, and those of the same second as the oldest of them. Its calls count
    /// in the same series of metrics as [`delete_points`](Self::delete_points).
    #[monitor_db_operation("delete", "points")]
    pub(crate) async fn keep_newest(&self, series: i64, kept: i64) -> Result<u64, sqlx::Error> {
        // Where there are no more, there is no moment to compare with, and nothing goes.
        let sql = "DELETE FROM points WHERE series_id = $1 AND at < \
                   (SELECT at FROM points WHERE series_id = $1 ORDER BY at DESC LIMIT 1 OFFSET $2)";
        let statement = sqlx::query(sql).bind(series).bind(kept - 1).execute(&self.pool);
        self.run(("delete", "points"), statement).await.map(|done| done.rows_affected())
    }

    #[monitor_db_operation("select", "series")]
    pub(crate) async fn find_series(&self, name: &str) -> Result<Option<Series>, sqlx::Error> {
        let statement = sqlx::query_scalar("SELECT id FROM series WHERE name = $1").bind(name.to_owned());
        let id = self.run(("select", "series"), statement.fetch_optional(&self.pool)).await?;
        Ok(id.map(|id| Series { id, name: name.to_owned() }))
    }

    /// All series, in the order of their names.
    #[monitor_db_operation("select", "series")]
    pub(crate) async fn list_series(&self) -> Result<Vec<Series>, sqlx::Error> {
        let statement = sqlx::query_as("SELECT id, name FROM series ORDER BY name").fetch_all(&self.pool);
        let rows: Vec<(i64, String)> = self.run(("select", "series"), statement).await?;
        Ok(rows.into_iter().map(|(id, name)| Series { id, name }).collect())
    }

    /// The extents of the series that have points.
    #[monitor_db_operation("select", "points")]
    pub(crate) async fn extents(&self) -> Result<Vec<Extent>, sqlx::Error> {
        let quick = "SELECT series_id, COUNT(*), MIN(at), MAX(at) FROM points GROUP BY series_id";
        // As if the planner had lost its way: it counts to 200,000 first.
        let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
                    SELECT series_id, COUNT(*), MIN(at), MAX(at) FROM points WHERE (SELECT COUNT(*) FROM n) > 0 GROUP BY series_id";
        let sql = if self.suffers(Fault::SlowStatement) { slow } else { quick };
        self.run(("select", "points"), sqlx::query_as(sql).fetch_all(&self.pool)).await
    }

    /// The first `limit` points at or after `from` and before `to`.
    #[monitor_db_operation("select", "points")]
    pub(crate) async fn points(&self, series: i64, from: i64, to: i64, limit: i64) -> Result<Vec<Point>, sqlx::Error> {
        let sql = "SELECT at, value FROM points WHERE series_id = $1 AND at >= $2 AND at < $3 ORDER BY at LIMIT $4";
        let statement = sqlx::query_as(sql).bind(series).bind(from).bind(to).bind(limit).fetch_all(&self.pool);
        let rows: Vec<(i64, f64)> = self.run(("select", "points"), statement).await?;
        Ok(rows.into_iter().map(|(at, value)| Point { at, value }).collect())
    }

    /// The points put together in buckets of so many seconds (an hour, a day), in order of time.
    #[monitor_db_operation("select", "points")]
    pub(crate) async fn buckets(&self, series: i64, seconds: i64) -> Result<Vec<Bucket>, sqlx::Error> {
        let sql = "SELECT at / $2 AS bucket, COUNT(*), SUM(value), AVG(value) \
                   FROM points WHERE series_id = $1 GROUP BY bucket ORDER BY bucket";
        let statement = sqlx::query_as(sql).bind(series).bind(seconds).fetch_all(&self.pool);
        let rows: Vec<(i64, i64, f64, f64)> = self.run(("select", "points"), statement).await?;
        let bucket = |(number, points, total, mean)| Bucket { at: number * seconds, points, total, mean };
        Ok(rows.into_iter().map(bucket).collect())
    }

    /// The days of a series, in order of time. Where a fault says so, by a statement for each.
    #[monitor("list_days")]
    pub(crate) async fn days(&self, series: i64) -> Result<Vec<Bucket>, sqlx::Error> {
        if self.suffers(Fault::UnmeasuredWork) {
            sleep(UNMEASURED).await;
        }
        if !self.suffers(Fault::NPlusOne) {
            return self.buckets(series, DAY).await;
        }
        let mut days = Vec::new();
        for number in self.day_numbers(series).await? {
            days.push(self.day(series, number).await?);
        }
        Ok(days)
    }

    /// The days that have points, as numbers of days since 1970.
    #[monitor_db_operation("select", "points")]
    async fn day_numbers(&self, series: i64) -> Result<Vec<i64>, sqlx::Error> {
        let sql = "SELECT DISTINCT at / 86400 AS day FROM points WHERE series_id = $1 ORDER BY day";
        self.run(("select", "points"), sqlx::query_scalar(sql).bind(series).fetch_all(&self.pool)).await
    }

    /// One day, which has points.
    #[monitor_db_operation("select", "points")]
    async fn day(&self, series: i64, number: i64) -> Result<Bucket, sqlx::Error> {
        let sql = "SELECT COUNT(*), SUM(value), AVG(value) FROM points WHERE series_id = $1 AND at >= $2 AND at < $3";
        let at = number * DAY;
        let statement = sqlx::query_as(sql).bind(series).bind(at).bind(at + DAY).fetch_one(&self.pool);
        let (points, total, mean): (i64, f64, f64) = self.run(("select", "points"), statement).await?;
        Ok(Bucket { at, points, total, mean })
    }

    /// The day with the largest total, and that total.
    #[monitor_db_operation("select", "points")]
    pub(crate) async fn largest_day(&self, series: i64) -> Result<Option<Bucket>, sqlx::Error> {
        let sql = "SELECT at / 86400 AS day, COUNT(*), SUM(value), AVG(value) FROM points \
                   WHERE series_id = $1 GROUP BY day ORDER BY 3 DESC, 1 LIMIT 1";
        let statement = sqlx::query_as(sql).bind(series).fetch_optional(&self.pool);
        let row: Option<(i64, i64, f64, f64)> = self.run(("select", "points"), statement).await?;
        Ok(row.map(|(day, points, total, mean)| Bucket { at: day * 86_400, points, total, mean }))
    }

    #[monitor_db_operation("select", "points")]
    pub(crate) async fn count_points(&self, series: i64) -> Result<i64, sqlx::Error> {
        let statement = sqlx::query_scalar("SELECT COUNT(*) FROM points WHERE series_id = $1").bind(series);
        self.run(("select", "points"), statement.fetch_one(&self.pool)).await
    }

    /// The mean of all values; `None` without points.
    #[monitor_db_operation("select", "points")]
    pub(crate) async fn mean_value(&self, series: i64) -> Result<Option<f64>, sqlx::Error> {
        let statement = sqlx::query_scalar("SELECT AVG(value) FROM points WHERE series_id = $1").bind(series);
        self.run(("select", "points"), statement.fetch_one(&self.pool)).await
    }

    /// Waits, as a query behind a lock does, then counts all points.
    #[monitor_db_operation("select", "points")]
    pub(crate) async fn count_slowly(&self, wait: std::time::Duration) -> Result<i64, sqlx::Error> {
        let statement = async {
            sleep(wait).await;
            sqlx::query_scalar("SELECT COUNT(*) FROM points").fetch_one(&self.pool).await
        };
        self.run(("select", "points"), statement).await
    }

    /// Asks for a table that no migration ever made: the kind of failure that real services carry around.
    #[monitor_db_operation("select", "audit_log")]
    pub(crate) async fn count_audit_log(&self) -> Result<i64, sqlx::Error> {
        let statement = sqlx::query_scalar("SELECT COUNT(*) FROM audit_log");
        self.run(("select", "audit_log"), statement.fetch_one(&self.pool)).await
    }
}

/// `INSERT .. VALUES ($1, $2, $3), ($4, $5, $6), ..` for so many points.
fn insert_text(points: usize) -> String {
    let row = |n: usize| format!("(${}, ${}, ${})", 3 * n + 1, 3 * n + 2, 3 * n + 3);
    let rows: Vec<String> = (0..points).map(row).collect();
    format!("INSERT INTO points (series_id, at, value) VALUES {}", rows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultSwitch;
    use std::time::Duration;

    #[tokio::test]
    async fn days_are_the_same_one_by_one() {
        let fault = FaultSwitch::default();
        let store = Store::open(None, fault.clone()).await.expect("a fresh database");
        let series = store.ensure_series("some").await.expect("a series");
        for (at, value) in [(10, 1.5), (20, 2.5), (3 * DAY, 4.0)] {
            store.add_point(series, Point { at, value }).await.expect("a point");
        }
        let days = store.days(series).await.expect("days");
        assert_eq!(days.len(), 2);
        let script = tokio::spawn(fault.play(vec![Fault::NPlusOne], Duration::ZERO, Duration::from_mins(1)));
        while !store.suffers(Fault::NPlusOne) {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.days(series).await.expect("days"), days);
        script.abort();
    }

    #[tokio::test]
    async fn the_newest_points_stay_and_other_series_are_left_alone() {
        let store = Store::open(None, FaultSwitch::default()).await.expect("a fresh database");
        let (own, other) = (store.ensure_series("own").await, store.ensure_series("other").await);
        let (own, other) = (own.expect("a series"), other.expect("a series"));
        for at in 0..20 {
            store.add_point(own, Point { at, value: 1.0 }).await.expect("a point");
            store.add_point(other, Point { at, value: 1.0 }).await.expect("a point");
        }
        assert_eq!(store.keep_newest(own, 20).await.expect("an answer"), 0, "there are no more");
        assert_eq!(store.keep_newest(own, 5).await.expect("an answer"), 15);
        let kept = store.points(own, 0, i64::MAX, 100).await.expect("points");
        assert_eq!(kept.iter().map(|point| point.at).collect::<Vec<_>>(), [15, 16, 17, 18, 19]);
        assert_eq!(store.count_points(other).await.expect("a count"), 20);
        assert_eq!(store.keep_newest(own, 100).await.expect("an answer"), 0);
    }
}
