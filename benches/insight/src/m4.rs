//! Forecasts of the hourly series of the M4 competition, scored as there: S. Makridakis, E. Spiliotis, V. Assimakopoulos,
//! *The M4 Competition: 100,000 time series and 61 forecasting methods*, International Journal of Forecasting 36 (2020).

use crate::files::{Done, mean, rounded, text};
use perf_insight::Series;
use perf_insight::forecast::{Forecast, ForecastSettings, forecast};
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

const SEASON: usize = 24;
const HORIZON: usize = 48;
const HOUR: u32 = 3600;

pub(crate) fn run(folder: &Path) -> Done {
    let train = rows(&folder.join("hourly-train.csv"))?;
    let test: HashMap<String, Vec<f64>> = rows(&folder.join("hourly-test.csv"))?.into_iter().collect();
    let mut scores = Scores::default();
    let mut out = String::from("series,step,value,low,high,coverage\n");
    for (name, past) in &train {
        let real = test.get(name).ok_or_else(|| format!("{name} has no test"))?;
        let series = Series::new(0, HOUR, past).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let coming =
            forecast(&series, HORIZON, &ForecastSettings::default()).map_err(|error| format!("{name}: {error}"))?;
        scores.millis.push(begun.elapsed().as_secs_f64() * 1e3);
        scores.add(past, &coming, real);
        for (step, point) in coming.points.iter().enumerate() {
            let _ =
                writeln!(out, "{name},{},{},{},{},{}", step + 1, point.value, point.low, point.high, coming.coverage);
        }
    }
    scores.print();
    Ok((out, scores.line()))
}

/// The name and the values of each row, with or without a row of headings and quotes.
fn rows(path: &Path) -> Result<Vec<(String, Vec<f64>)>, String> {
    let row = |line: &str| {
        let mut cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
        let name = cells.next().unwrap_or_default().to_owned();
        (name, cells.map_while(|cell| cell.parse().ok()).collect::<Vec<f64>>())
    };
    Ok(text(path)?.lines().map(row).filter(|(_, values)| !values.is_empty()).collect())
}

#[derive(Default)]
struct Scores {
    smape: Vec<f64>,
    mase: Vec<f64>,
    naive2_smape: Vec<f64>,
    naive2_mase: Vec<f64>,
    seasonal_smape: Vec<f64>,
    seasonal_mase: Vec<f64>,
    held: Vec<f64>,
    said: Vec<f64>,
    msis: Vec<f64>,
    millis: Vec<f64>,
}

impl Scores {
    fn add(&mut self, past: &[f64], coming: &Forecast, real: &[f64]) {
        let scale = mean(&past.windows(SEASON + 1).map(|ends| (ends[SEASON] - ends[0]).abs()).collect::<Vec<_>>());
        let values: Vec<f64> = coming.points.iter().map(|point| point.value).collect();
        let seasonal: Vec<f64> = (0..HORIZON).map(|at| past[past.len() - SEASON + at % SEASON]).collect();
        let naive2 = naive2(past);
        for (forecast, smapes, mases) in [
            (&values, &mut self.smape, &mut self.mase),
            (&naive2, &mut self.naive2_smape, &mut self.naive2_mase),
            (&seasonal, &mut self.seasonal_smape, &mut self.seasonal_mase),
        ] {
            smapes.push(smape(forecast, real));
            mases.push(
                mean(&forecast.iter().zip(real).map(|(value, real)| (value - real).abs()).collect::<Vec<_>>()) / scale,
            );
        }
        let held = coming.points.iter().zip(real).filter(|(point, real)| (point.low..=point.high).contains(real));
        self.held.push(held.count() as f64 / HORIZON as f64);
        self.said.push(coming.coverage);
        // T. Gneiting, A. Raftery, *Strictly proper scoring rules*, JASA 102 (2007), scaled as MASE is.
        let cost = coming.points.iter().zip(real).map(|(point, real)| {
            point.high - point.low + 2.0 / 0.05 * ((point.low - real).max(0.0) + (real - point.high).max(0.0))
        });
        self.msis.push(mean(&cost.collect::<Vec<_>>()) / scale);
    }

    fn owa(&self, smape: &[f64], mase: &[f64]) -> f64 {
        f64::midpoint(mean(smape) / mean(&self.naive2_smape), mean(mase) / mean(&self.naive2_mase))
    }

    /// The share of series on which we are worse than 1.1 times the seasonal naive forecast.
    fn worse(&self) -> f64 {
        let pairs = self.mase.iter().zip(&self.seasonal_mase);
        pairs.filter(|(ours, naive)| **ours > 1.1 * **naive).count() as f64 / self.mase.len().max(1) as f64
    }

    fn print(&self) {
        println!("| {} series, {HORIZON} hours ahead | OWA | MASE | sMAPE |\n|---|--:|--:|--:|", self.mase.len());
        for (name, smape, mase) in [
            ("ours", &self.smape, &self.mase),
            ("seasonal naive", &self.seasonal_smape, &self.seasonal_mase),
            ("Naive 2", &self.naive2_smape, &self.naive2_mase),
        ] {
            println!("| {name} | {:.3} | {:.3} | {:.3} |", self.owa(smape, mase), mean(mase), mean(smape));
        }
        let off = |(said, held): (&f64, &f64)| (said - held).abs();
        let off: Vec<f64> = self.said.iter().zip(&self.held).map(off).collect();
        let slowest = self.millis.iter().copied().fold(0.0, f64::max);
        println!(
            "\nthe slowest series {slowest:.1} ms; said coverage {:.3}, {:.3} off by series; worse than 1.1 × seasonal naive {:.3}",
            mean(&self.said),
            mean(&off),
            self.worse()
        );
    }

    fn line(&self) -> serde_json::Value {
        json!({
            "bench": "m4",
            "series": self.mase.len(),
            "owa": rounded(self.owa(&self.smape, &self.mase), 4),
            "mase": rounded(mean(&self.mase), 4),
            "smape": rounded(mean(&self.smape), 3),
            "coverage": rounded(mean(&self.held), 4),
            "msis": rounded(mean(&self.msis), 3),
            "ms_per_series": rounded(mean(&self.millis), 2),
            "said_coverage": rounded(mean(&self.said), 4),
            "worse_than_1_1_seasonal_naive": rounded(self.worse(), 4),
        })
    }
}

/// 200 |e| / (|y| + |f|), as the competition has it.
fn smape(forecast: &[f64], real: &[f64]) -> f64 {
    let each = forecast.iter().zip(real).map(|(value, real)| {
        let size = value.abs() + real.abs();
        if size > 0.0 { 200.0 * (value - real).abs() / size } else { 0.0 }
    });
    mean(&each.collect::<Vec<_>>())
}

/// The last value without its season, with the seasons to come: the competition's reference. The season is that of the
/// classical multiplicative decomposition, where the autocorrelation of a season is significant at 90 %.
fn naive2(past: &[f64]) -> Vec<f64> {
    let indices = if is_seasonal(past) { indices(past) } else { vec![1.0; SEASON] };
    let last = past.len() - 1;
    let level = past[last] / indices[last % SEASON];
    (1..=HORIZON).map(|ahead| level * indices[(last + ahead) % SEASON]).collect()
}

fn is_seasonal(past: &[f64]) -> bool {
    if past.len() < 3 * SEASON {
        return false;
    }
    let centre = mean(past);
    let around =
        |lag: usize| past.iter().zip(&past[lag..]).map(|(one, other)| (one - centre) * (other - centre)).sum::<f64>();
    let all = around(0);
    let before: f64 = (1..SEASON).map(|lag| (around(lag) / all).powi(2)).sum();
    (around(SEASON) / all).abs() > 1.645 * ((1.0 + 2.0 * before) / past.len() as f64).sqrt()
}

fn indices(past: &[f64]) -> Vec<f64> {
    let half = SEASON / 2;
    let mut sums = vec![(0.0, 0.0); SEASON];
    for at in half..past.len() - half {
        let ends = f64::midpoint(past[at - half], past[at + half]);
        let trend = (ends + past[at - half + 1..at + half].iter().sum::<f64>()) / SEASON as f64;
        sums[at % SEASON].0 += past[at] / trend;
        sums[at % SEASON].1 += 1.0;
    }
    let raw: Vec<f64> = sums.into_iter().map(|(sum, count)| sum / f64::max(count, 1.0)).collect();
    let centre = mean(&raw);
    raw.into_iter().map(|index| index / centre).collect()
}
