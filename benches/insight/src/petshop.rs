//! Root causes of the incidents of PetShop: M. Hardt and others, *The PetShop dataset: finding causes of performance issues
//! across microservices*, `CLeaR` 2024. Its true causes are never the service that is complained of.

use crate::files::{Done, json, rounded, text};
use perf_insight::cause::{Component, Edge, Incident, Verdict, rank};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The values of each service, by metric: one for each time.
struct Table {
    times: Vec<f64>,
    columns: HashMap<(String, String), Vec<f64>>,
}

struct Load {
    names: Vec<String>,
    edges: Vec<Edge>,
    usual: Table,
}

pub(crate) fn run(folder: &Path) -> Done {
    let root = if folder.join("dataset").is_dir() { folder.join("dataset") } else { folder.to_owned() };
    let (mut places, mut verdicts, mut out) = (Vec::new(), HashMap::<&str, (usize, usize)>::new(), Vec::new());
    for load in folders(&root)? {
        let Ok(usual) = table(&load.join("noissue/metrics.csv")) else { continue };
        let (names, edges) = graph(&load.join("graph.csv"))?;
        let known = Load { names, edges, usual };
        for split in ["train", "test"] {
            for issue in folders(&load.join(split)).unwrap_or_default() {
                let target = json(&issue.join("target.json"))?;
                let (place, verdict, ranked) = judge(&known, &table(&issue.join("metrics.csv"))?, &target)?;
                let count = verdicts.entry(verdict).or_default();
                count.0 += 1;
                count.1 += usize::from(place == Some(0));
                places.push(place);
                let name = issue.strip_prefix(&root).unwrap_or(&issue).display().to_string();
                out.push(json!({"issue": name, "ranking": ranked, "verdict": verdict}));
            }
        }
    }
    let within = |count: usize| {
        places.iter().filter(|place| place.is_some_and(|place| place < count)).count() as f64
            / places.len().max(1) as f64
    };
    for (verdict, (all, first)) in &verdicts {
        println!("{verdict}: {all}, the first is right in {first}");
    }
    let line = json!({"bench": "petshop", "issues": places.len(), "top1": rounded(within(1), 4), "top3": rounded(within(3), 4)});
    Ok((serde_json::to_string_pretty(&out).map_err(|error| error.to_string())?, line))
}

/// The place of the true cause in the ranking, how sure it is, and the ranking's names.
fn judge(load: &Load, seen: &Table, target: &Value) -> Result<(Option<usize>, &'static str, Vec<String>), String> {
    let word =
        |path: &str| target.pointer(path).and_then(Value::as_str).ok_or_else(|| format!("target.json has no {path}"));
    let time =
        target.pointer("/target/timestamp").and_then(Value::as_f64).ok_or("target.json has no /target/timestamp")?;
    let (metric, complained, truth) = (word("/target/metric")?, word("/target/node")?, word("/root_cause/node")?);
    // The slice in which somebody complained.
    let onset = seen.times.iter().rposition(|&begun| begun <= time).unwrap_or(0);
    let cost = |value: f64| if metric == "availability" { (100.0 - value) / 100.0 } else { value };
    let column = |table: &Table, name: &str, metric: &str| {
        table.columns.get(&(name.to_owned(), metric.to_owned())).cloned().unwrap_or_default()
    };
    let costs = |table: &Table, name: &str| column(table, name, metric).into_iter().map(cost).collect::<Vec<f64>>();
    let filled = |mut values: Vec<f64>| {
        values.resize(seen.times.len(), f64::NAN);
        values
    };
    let parts: Vec<[Vec<f64>; 3]> = load
        .names
        .iter()
        .map(|name| [filled(costs(seen, name)), filled(column(seen, name, "requests")), costs(&load.usual, name)])
        .collect();
    let components: Vec<Component<'_>> =
        parts.iter().map(|[costs, calls, usual]| Component { costs, calls, usual }).collect();
    let symptom = load.names.iter().position(|name| name == complained).ok_or("the target is not in the graph")?;
    let incident = Incident { components: &components, edges: &load.edges, symptom, onset };
    let ranking = rank(&incident).map_err(|error| error.to_string())?;
    let names: Vec<String> =
        ranking.candidates.iter().filter_map(|candidate| load.names.get(candidate.component).cloned()).collect();
    let verdict = match ranking.verdict {
        Verdict::Likely => "likely",
        Verdict::Possible => "possible",
        Verdict::NoClearCause => "no clear cause",
    };
    Ok((names.iter().position(|name| name == truth), verdict, names))
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    Ok(found)
}

/// The calls between services: a row's service calls a column's where the cell is not 0.
fn graph(path: &Path) -> Result<(Vec<String>, Vec<Edge>), String> {
    let text = text(path)?;
    let mut lines = text.lines();
    let names: Vec<String> = lines.next().unwrap_or_default().split(',').skip(1).map(str::to_owned).collect();
    let mut edges = Vec::new();
    for line in lines {
        let mut cells = line.split(',');
        let Some(caller) = cells.next().and_then(|name| names.iter().position(|other| other == name)) else { continue };
        for (callee, cell) in cells.enumerate() {
            if cell.parse::<f64>().is_ok_and(|value| value > 0.0) {
                edges.push(Edge { caller, callee, portion: None });
            }
        }
    }
    Ok((names, edges))
}

/// Averages, and the sums of requests. The first three rows name service, metric and statistic; the fourth the time's column.
fn table(path: &Path) -> Result<Table, String> {
    let text = text(path)?;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let [services, metrics, statistics, _, values @ ..] = rows.as_slice() else {
        return Err(format!("{}: no table", path.display()));
    };
    let mut columns = HashMap::new();
    for (at, service) in services.iter().enumerate().skip(1) {
        let (Some(metric), Some(statistic)) = (metrics.get(at), statistics.get(at)) else { continue };
        if matches!(*statistic, "Average" | "Sum") {
            let number = |row: &Vec<&str>| row.get(at).and_then(|cell| cell.parse().ok()).unwrap_or(f64::NAN);
            columns.insert(((*service).to_owned(), (*metric).to_owned()), values.iter().map(number).collect());
        }
    }
    let times = values.iter().filter_map(|row| row.first()?.parse().ok()).collect();
    Ok(Table { times, columns })
}
