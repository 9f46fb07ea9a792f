//! Anomalies of the Numenta Anomaly Benchmark, scored as there: A. Lavin, S. Ahmad, *Evaluating real-time anomaly detection
//! algorithms*, ICMLA 2015, and `nab/sweeper.py` of its repository. The detector learns nothing of a file beforehand: neither
//! its length nor its range. One risk for all files and profiles.

use crate::files::{Done, json, rounded, text};
use perf_insight::anomaly::{AnomalySettings, Detector};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

const PROFILES: [(&str, &str); 3] =
    [("standard", "standard"), ("low_fp", "reward_low_FP_rate"), ("low_fn", "reward_low_FN_rate")];

struct File {
    name: String,
    times: Vec<String>,
    values: Vec<f64>,
    /// First and last row.
    windows: Vec<(usize, usize)>,
}

/// The rows at which something is found.
type Rows = Vec<usize>;

pub(crate) fn run(folder: &Path) -> Done {
    let files = files(folder)?;
    let profiles = json(&folder.join("config/profiles.json"))?;
    let scores = |found: &[Rows]| -> Result<Vec<f64>, String> {
        PROFILES.iter().map(|(_, key)| Ok(total(&files, found, weights(&profiles, key)?))).collect()
    };
    let risk = AnomalySettings::sensitive().risk;
    let threshold = -(-(1.0 - risk).ln()).ln();
    let other = |threshold: f64| 1.0 - (-(-threshold).exp()).exp();
    let ways = [
        ("ours, sensitive", risk),
        ("risk - 20 %", 0.8 * risk),
        ("risk + 20 %", 1.2 * risk),
        ("score - 20 %", other(0.8 * threshold)),
        ("score + 20 %", other(1.2 * threshold)),
        ("ours, as told by default", AnomalySettings::default().risk),
    ];
    println!("| {} files | standard | low FP | low FN | rows |\n|---|--:|--:|--:|--:|", files.len());
    let mut figures = BTreeMap::new();
    for (name, risk) in ways {
        let found: Vec<Rows> = files.iter().map(|file| ours(&file.values, risk)).collect::<Result<_, _>>()?;
        figures.insert(name, print(name, &files, &found, &scores(&found)?));
    }
    let records: Vec<Rows> = files.iter().map(|file| records(&file.values)).collect();
    figures.insert("records", print("a new maximum or minimum", &files, &records, &scores(&records)?));
    let begun = Instant::now();
    let found: Vec<Rows> = files.iter().map(|file| ours(&file.values, risk)).collect::<Result<_, _>>()?;
    let rows: usize = files.iter().map(|file| file.values.len()).sum();
    let nanos = begun.elapsed().as_secs_f64() * 1e9 / rows.max(1) as f64;
    categories(&files, &found, weights(&profiles, "standard")?);
    let figure = |name: &str, at: usize| figures.get(name).and_then(|row| row.get(at)).copied().unwrap_or(f64::NAN);
    let line = json!({
        "bench": "nab", "files": files.len(),
        "standard": figure("ours, sensitive", 0), "low_fp": figure("ours, sensitive", 1), "low_fn": figure("ours, sensitive", 2),
        "standard_risk_minus_20": figure("risk - 20 %", 0), "standard_risk_plus_20": figure("risk + 20 %", 0),
        "standard_score_minus_20": figure("score - 20 %", 0), "standard_score_plus_20": figure("score + 20 %", 0),
        "default_standard": figure("ours, as told by default", 0), "record_standard": figure("records", 0), "ns_per_value": rounded(nanos, 0),
    });
    Ok((detections(&files, &found), line))
}

/// The first row of each episode.
fn ours(values: &[f64], risk: f64) -> Result<Rows, String> {
    let mut detector =
        Detector::new(AnomalySettings { risk, ..AnomalySettings::default() }).map_err(|error| error.to_string())?;
    Ok(values.iter().enumerate().filter(|(_, value)| detector.observe(**value).begins).map(|(row, _)| row).collect())
}

/// A new maximum or minimum so far: what any detector should beat.
fn records(values: &[f64]) -> Rows {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut is_new = |value: f64| {
        let is_new = value > most || value < least;
        (least, most) = (least.min(value), most.max(value));
        is_new
    };
    values.iter().enumerate().filter(|(_, value)| is_new(**value)).map(|(row, _)| row).collect()
}

/// The rows of a file that are not scored.
fn probation(file: &File) -> usize {
    (file.values.len() * 15 / 100).min(750)
}

#[derive(Clone, Copy)]
struct Weights {
    hit: f64,
    miss: f64,
    alarm: f64,
}

fn weights(profiles: &Value, key: &str) -> Result<Weights, String> {
    let of = |name: &str| {
        let found = profiles.pointer(&format!("/{key}/CostMatrix/{name}")).and_then(Value::as_f64);
        found.ok_or_else(|| format!("profiles.json has no {key} {name}"))
    };
    Ok(Weights { hit: of("tpWeight")?, miss: of("fnWeight")?, alarm: of("fpWeight")? })
}

/// 1 far before the end of a window, 0 at its end, -1 far behind.
fn sigmoid(distance: f64) -> f64 {
    2.0 / (1.0 + (5.0 * distance).exp()) - 1.0
}

fn score(file: &File, found: &[usize], weights: Weights) -> f64 {
    let mut best: Vec<Option<f64>> = vec![None; file.windows.len()];
    let mut alarms = 0.0;
    for &row in found.iter().filter(|row| **row >= probation(file)) {
        if let Some(at) = file.windows.iter().position(|&(first, last)| (first..=last).contains(&row)) {
            let (first, last) = file.windows[at];
            let value = sigmoid(-((last - row + 1) as f64) / (last - first + 1) as f64) / sigmoid(-1.0);
            best[at] = Some(best[at].map_or(value, |best| best.max(value)));
        } else {
            let before = file.windows.iter().rev().find(|(_, last)| *last < row);
            alarms += before.map_or(-1.0, |(first, last)| {
                let distance = (row - last) as f64 / (last - first) as f64;
                if distance > 3.0 { -1.0 } else { sigmoid(distance) }
            });
        }
    }
    let windows: f64 = best.iter().map(|best| best.map_or(-weights.miss, |best| weights.hit * best)).sum();
    windows + weights.alarm * alarms
}

/// 0 is to find nothing, 100 to find all at once and nothing else.
fn total(files: &[File], found: &[Rows], weights: Weights) -> f64 {
    let windows: usize = files.iter().map(|file| file.windows.len()).sum();
    let (nothing, all) = (-weights.miss * windows as f64, weights.hit * windows as f64);
    let ours: f64 = files.iter().zip(found).map(|(file, found)| score(file, found, weights)).sum();
    100.0 * (ours - nothing) / (all - nothing)
}

fn print(name: &str, files: &[File], found: &[Rows], scores: &[f64]) -> Vec<f64> {
    let rows: usize =
        files.iter().zip(found).map(|(file, found)| found.iter().filter(|row| **row >= probation(file)).count()).sum();
    let scores: Vec<f64> = scores.iter().map(|score| rounded(*score, 2)).collect();
    println!("| {name} | {:.1} | {:.1} | {:.1} | {rows} |", scores[0], scores[1], scores[2]);
    scores
}

fn categories(files: &[File], found: &[Rows], weights: Weights) {
    let mut groups: BTreeMap<&str, Vec<(&File, &Rows)>> = BTreeMap::new();
    for (file, found) in files.iter().zip(found) {
        groups.entry(file.name.split('/').next().unwrap_or_default()).or_default().push((file, found));
    }
    println!("\n| folder | windows | standard |\n|---|--:|--:|");
    for (name, group) in groups {
        let windows: usize = group.iter().map(|(file, _)| file.windows.len()).sum();
        let ours: f64 = group.iter().map(|(file, found)| score(file, found, weights)).sum();
        if windows == 0 {
            println!("| {name} | 0 | costs {ours:.2} |");
        } else {
            println!("| {name} | {windows} | {:.1} |", 50.0 * (ours + windows as f64) / windows as f64);
        }
    }
}

fn detections(files: &[File], found: &[Rows]) -> String {
    let mut out = String::from("file,row,timestamp\n");
    for (file, rows) in files.iter().zip(found) {
        for &row in rows {
            let _ = writeln!(out, "{},{row},{}", file.name, file.times[row]);
        }
    }
    out
}

fn files(folder: &Path) -> Result<Vec<File>, String> {
    let labels = json(&folder.join("labels/combined_windows.json"))?;
    let labels = labels.as_object().ok_or("combined_windows.json is no object")?;
    let mut files = Vec::new();
    for (name, windows) in labels {
        let path = folder.join("data").join(name);
        if !path.exists() {
            continue;
        }
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for line in text(&path)?.lines().skip(1) {
            let (time, value) = line.split_once(',').ok_or_else(|| format!("{name}: {line}"))?;
            times.push(time.to_owned());
            values.push(value.trim().parse().map_err(|error| format!("{name}: {line}: {error}"))?);
        }
        // Seconds are enough: `2014-04-10 16:15:00.000000`.
        let end = |window: &Value, at: usize| {
            window.get(at).and_then(Value::as_str).and_then(|time| time.get(..19)).map(str::to_owned)
        };
        let rows = |window: &Value| {
            let (from, to) = (end(window, 0)?, end(window, 1)?);
            Some((times.iter().position(|time| *time >= from)?, times.iter().rposition(|time| *time <= to)?))
        };
        let windows = windows.as_array().into_iter().flatten().filter_map(rows).collect();
        files.push(File { name: name.clone(), times, values, windows });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}
