//! The agent `analyst`: answers questions about a series with tools that run SQL.
//!
//! There is no language model behind it. It looks for a few words in the question, calls the tool that fits, and puts
//! what the tool found into a sentence. An agent with a model would differ only in the choice of tools;
//! the attributes would stand where they stand here.

use std::sync::Arc;

use perf_runtime::{monitor_agent, monitor_tool};
use serde::Serialize;
use serde_json::{Value, json};

use crate::departure::{Departure, Usual, departures};
use crate::fault::{Fault, FaultSwitch};
use crate::moment::{self, HOUR};
use crate::queries::Series;
use crate::store::Store;

/// The questions that it knows; others may be worded differently, as long as the words that matter are there.
pub(crate) const QUESTIONS: [&str; 4] = [
    "which day was busiest?",
    "where does it depart from its usual week?",
    "what is the average?",
    "how many points are there?",
];

/// Days named in an answer about departures.
const DAYS_NAMED: usize = 5;

#[derive(Debug)]
pub(crate) struct Analyst {
    store: Arc<Store>,
    fault: FaultSwitch,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    series: String,
    #[serde(rename = "answer")]
    pub(crate) text: String,
    /// The tool that was called.
    tool: &'static str,
    /// The findings of the tool, as data.
    pub(crate) found: Value,
    /// The method of the agent (rules and SQL, no language model): stated with every answer.
    by: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AnalystError {
    #[error("I do not know this question; I know: {}", QUESTIONS.join(" "))]
    UnknownQuestion,
    #[error("{0} has too few points to answer this: it needs {1}")]
    TooFewPoints(String, &'static str),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    BusiestDay,
    UsualWeekDeparture,
    Average,
    CountPoints,
}

impl Topic {
    /// The first topic of which one word is in the question.
    fn of(question: &str) -> Option<Self> {
        const WORDS: [(Topic, &[&str]); 4] = [
            (Topic::UsualWeekDeparture, &["depart", "unusual", "usual week", "anomal", "odd"]),
            (Topic::BusiestDay, &["busiest", "busy", "highest", "most"]),
            (Topic::CountPoints, &["how many", "count", "number of"]),
            (Topic::Average, &["average", "mean"]),
        ];
        let question = question.to_lowercase();
        WORDS.into_iter().find(|(_, words)| words.iter().any(|word| question.contains(word))).map(|(topic, _)| topic)
    }
}

impl Analyst {
    pub(crate) const fn new(store: Arc<Store>, fault: FaultSwitch) -> Self {
        Self { store, fault }
    }

    /// Answers a question about a series.
    #[monitor_agent("analyst")]
    pub(crate) async fn answer(&self, series: &Series, question: &str) -> Result<Answer, AnalystError> {
        self.fault.is_over(Fault::StuckAgent).await;
        let (tool, text, found) = match Topic::of(question).ok_or(AnalystError::UnknownQuestion)? {
            Topic::BusiestDay => self.busiest_day(series).await?,
            Topic::UsualWeekDeparture => self.usual_week_departure(series).await?,
            Topic::Average => self.average(series).await?,
            Topic::CountPoints => self.count_points(series).await?,
        };
        let by = "analyst: keyword rules and SQL, no language model";
        Ok(Answer { series: series.name.clone(), text, tool, found, by })
    }

    #[monitor_tool("busiest_day")]
    async fn busiest_day(&self, series: &Series) -> Result<Finding, AnalystError> {
        let day = self.store.largest_day(series.id).await?.ok_or_else(|| too_few(series, "at least one"))?;
        let name = moment::show_weekday(day.at);
        let total = number(day.total);
        let answer = format!(
            "The busiest day of {} was {name}, with a total of {total} over {} points.",
            series.name, day.points
        );
        let found =
            json!({ "day": moment::show_day(day.at), "total": day.total, "points": day.points, "mean": day.mean });
        Ok(("busiest_day", answer, found))
    }

    #[monitor_tool("usual_week_departure")]
    async fn usual_week_departure(&self, series: &Series) -> Result<Finding, AnalystError> {
        let hours = self.store.buckets(series.id, HOUR).await?;
        let (usual, mut days) = departures(&hours);
        days.truncate(DAYS_NAMED);
        if days.is_empty() {
            return Err(too_few(series, "three days whose hours differ"));
        }
        let named: Vec<String> = days.iter().map(in_words).collect();
        let answer = match usual {
            Usual::Week => format!("{} departs most from its usual week on {}.", series.name, named.join(", ")),
            Usual::Day => format!(
                "{} covers less than four weeks, too little to know its usual week; from its usual day it departs most on {}.",
                series.name,
                named.join(", ")
            ),
        };
        Ok(("usual_week_departure", answer, json!({ "compared_with_usual": usual, "days": days })))
    }

    #[monitor_tool("average")]
    async fn average(&self, series: &Series) -> Result<Finding, AnalystError> {
        let mean = self.store.mean_value(series.id).await?.ok_or_else(|| too_few(series, "at least one"))?;
        let answer = format!("The average of {} is {}.", series.name, number(mean));
        Ok(("average", answer, json!({ "mean": mean })))
    }

    #[monitor_tool("count_points")]
    async fn count_points(&self, series: &Series) -> Result<Finding, AnalystError> {
        let points = self.store.count_points(series.id).await?;
        Ok(("count_points", format!("{} has {points} points.", series.name), json!({ "points": points })))
    }
}

/// The tool's name, its answer as a sentence, and as data.
type Finding = (&'static str, String, Value);

fn too_few(series: &Series, needed: &'static str) -> AnalystError {
    AnalystError::TooFewPoints(series.name.clone(), needed)
}

/// `Tuesday 2015-01-27 (11.2 times the usual spread, lower, most at 05:00)`
fn in_words(day: &Departure) -> String {
    // Where most of the distance cancels out, the day was neither.
    let direction = match day.direction {
        direction if direction > day.distance / 2.0 => "higher",
        direction if direction < -day.distance / 2.0 => "lower",
        _ => "partly higher and partly lower",
    };
    let hour = day.hour.get(11..16).unwrap_or(&day.hour);
    format!("{} ({:.1} times the usual spread, {direction}, most at {hour})", day.day, day.distance)
}

/// Two decimals at most, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
