//! The workflow `data_processing`: one run a file, from bytes to rows, in three measured steps.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use perf_runtime::{monitor_workflow, monitor_workflow_step};
use serde::Serialize;

use crate::error::Failure;
use crate::input::{self, InputError, Problem, Source};
use crate::queries::{BATCH, Point};
use crate::store::Store;
use crate::terminal::say;

/// The result of loading one file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Loaded {
    pub(crate) series: String,
    pub(crate) rows: u64,
    batches: usize,
}

/// Loads every source, one after the other, each in a transaction of its own.
pub(crate) async fn load_all(store: &Store, sources: &[Source]) -> Result<Vec<Loaded>, Failure> {
    refuse_same_series(sources)?;
    let mut loaded = Vec::new();
    for source in sources {
        let bar = progress_bar(&source.series());
        let file = process(store, source, &bar).await;
        bar.finish_and_clear();
        let file = file?;
        say!("loaded {}: {} rows in {} batches", file.series, file.rows, file.batches);
        loaded.push(file);
    }
    Ok(loaded)
}

/// A second file of the same name would silently replace the first.
fn refuse_same_series(sources: &[Source]) -> Result<(), InputError> {
    for (index, source) in sources.iter().enumerate() {
        let series = source.series();
        if let Some(other) = sources[..index].iter().find(|other| other.series() == series) {
            let problem = Problem::SameSeries { series, other: other.file() };
            return Err(InputError { file: source.file(), problem });
        }
    }
    Ok(())
}

#[monitor_workflow("data_processing")]
async fn process(store: &Store, source: &Source, bar: &ProgressBar) -> Result<Loaded, Failure> {
    let points = validate(source).await?;
    let batches = transform(points);
    load(store, &source.series(), &batches, bar).await.map_err(|cause| Failure::Loading { file: source.file(), cause })
}

#[monitor_workflow_step("data_processing", "validation")]
async fn validate(source: &Source) -> Result<Vec<Point>, InputError> {
    let bytes = source.read().await?;
    input::parse(&bytes).map_err(|problem| InputError { file: source.file(), problem })
}

/// Brings the points in order of time and cuts them into batches.
#[monitor_workflow_step("data_processing", "transformation")]
fn transform(mut points: Vec<Point>) -> Vec<Vec<Point>> {
    points.sort_by_key(|point| point.at);
    points.chunks(BATCH).map(<[Point]>::to_vec).collect()
}

/// Replaces the series with these points in one transaction: all of them are there afterwards, or none.
#[monitor_workflow_step("data_processing", "loading")]
async fn load(store: &Store, series: &str, batches: &[Vec<Point>], bar: &ProgressBar) -> Result<Loaded, sqlx::Error> {
    bar.set_length(batches.iter().map(|batch| batch.len() as u64).sum());
    let mut rows = 0;
    let mut transaction = store.begin().await?;
    let id = store.insert_series(&mut transaction, series).await?;
    store.delete_points(&mut transaction, id).await?;
    for batch in batches {
        rows += store.insert_points(&mut transaction, id, batch).await?;
        bar.set_position(rows);
    }
    transaction.commit().await?;
    Ok(Loaded { series: series.to_owned(), rows, batches: batches.len() })
}

fn progress_bar(series: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0).with_prefix(series.to_owned());
    match ProgressStyle::with_template("loading {prefix} {bar:30} {pos}/{len} rows") {
        Ok(style) => bar.with_style(style),
        // The plain bar does as well.
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultSwitch;

    #[tokio::test]
    async fn a_file_that_fails_halfway_leaves_nothing_behind() {
        let store = Store::open(None, FaultSwitch::default()).await.expect("a fresh database");
        let good: Vec<Point> = (0..500).map(|at| Point { at, value: 1.0 }).collect();
        // SQLite keeps no NaN and refuses it here, in the second batch.
        let bad = vec![Point { at: 500, value: f64::NAN }];
        let bar = ProgressBar::hidden();
        load(&store, "whole", std::slice::from_ref(&good), &bar).await.expect("a good file");
        load(&store, "broken", &[good.clone(), bad.clone()], &bar).await.expect_err("NaN was stored");
        assert_eq!(store.find_series("broken").await.expect("an answer"), None);

        // A series that was there is still there as it was.
        load(&store, "whole", &[good, bad], &bar).await.expect_err("NaN was stored");
        let series = store.find_series("whole").await.expect("an answer").expect("the series");
        assert_eq!(store.count_points(series.id).await.expect("a count"), 500);
    }

    #[tokio::test]
    async fn loading_again_replaces() {
        let store = Store::open(None, FaultSwitch::default()).await.expect("a fresh database");
        for rows in [3, 2] {
            let points: Vec<Point> = (0..rows).map(|at| Point { at, value: 1.0 }).collect();
            load(&store, "again", &[points], &ProgressBar::hidden()).await.expect("a good file");
        }
        let series = store.find_series("again").await.expect("an answer").expect("the series");
        assert_eq!(store.count_points(series.id).await.expect("a count"), 2);
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let sources = ["a/x.csv", "b/x.csv"].map(|path| Source::File(path.into()));
        let error = refuse_same_series(&sources).expect_err("they were accepted");
        assert_eq!(error.to_string(), "b/x.csv would load as series `x`, as does a/x.csv: rename one of the two");
    }
}
