//! The agent `analyst`: answers questions about a series with tools that run SQL.
//!
//! Without a language model (`--llm-url`) it looks for a few words in the question, calls the tool that fits, and puts
//! what the tool found into a sentence. With one the model chooses the tools, for a few turns, and answers in its own words:
//! the attributes of the agent and of the tools stand where they stood.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use perf_runtime::{monitor_agent, monitor_tool};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::departure::{Departure, Usual, departures};
use crate::fault::{Fault, FaultSwitch};
use crate::moment::{self, HOUR};
use crate::queries::Series;
use crate::store::Store;

pub(crate) mod model;

use model::{Model, ModelError, Wanted};

/// The questions that it knows; others may be worded differently, as long as the words that matter are there.
pub(crate) const QUESTIONS: [&str; 4] = [
    "which day was busiest?",
    "where does it depart from its usual week?",
    "what is the average?",
    "how many points are there?",
];

/// Days named in an answer about departures.
const DAYS_NAMED: usize = 5;

/// The time that a tool may take: less than the agent.
const TOOL_LIMIT: Duration = Duration::from_secs(4);

/// The most times that a model is asked for one answer.
const MOST_TURNS: usize = 8;

pub(crate) struct Analyst {
    store: Arc<Store>,
    fault: FaultSwitch,
    model: Option<Model>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    series: String,
    #[serde(rename = "answer")]
    pub(crate) text: String,
    /// The tool that was called, the last one where there were several.
    tool: &'static str,
    /// The findings of the tool, as data.
    pub(crate) found: Value,
    /// The method of the agent (rules and SQL, or a language model that calls tools): stated with every answer.
    by: Cow<'static, str>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AnalystError {
    #[error("I do not know this question; I know: {}", QUESTIONS.join(" "))]
    UnknownQuestion,
    #[error("{0} has too few points to answer this: it needs {1}")]
    TooFewPoints(String, &'static str),
    #[error("the tool {0} did not answer within {TOOL_LIMIT:?}")]
    NoFinding(&'static str),
    #[error("the model gave no answer in {MOST_TURNS} turns: it asked for tools alone")]
    NoAnswer,
    #[error(transparent)]
    Model(#[from] ModelError),
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

    const ALL: [Self; 4] = [Self::BusiestDay, Self::UsualWeekDeparture, Self::Average, Self::CountPoints];

    /// The tool that answers it, and what it does, for a model.
    const fn tool(self) -> (&'static str, &'static str) {
        match self {
            Self::BusiestDay => ("busiest_day", "The day of the series with the largest total"),
            Self::UsualWeekDeparture => ("usual_week_departure", "The days that depart most from the usual week"),
            Self::Average => ("average", "The average of all values of the series"),
            Self::CountPoints => ("count_points", "The number of points of the series"),
        }
    }
}

impl Analyst {
    pub(crate) const fn new(store: Arc<Store>, fault: FaultSwitch, model: Option<Model>) -> Self {
        Self { store, fault, model }
    }

    /// Answers a question about a series.
    #[monitor_agent("analyst")]
    pub(crate) async fn answer(&self, series: &Series, question: &str) -> Result<Answer, AnalystError> {
        self.fault.is_over(Fault::StuckAgent).await;
        if let Some(model) = &self.model {
            return self.ask(model, series, question).await;
        }
        let topic = Topic::of(question).ok_or(AnalystError::UnknownQuestion)?;
        let (tool, text, found) = self.call(topic, series).await?;
        let by = "analyst: keyword rules and SQL, no language model".into();
        Ok(Answer { series: series.name.clone(), text, tool, found, by })
    }

    /// Has a model answer: it asks for tools, is told what they found, and so on until it says something.
    async fn ask(&self, model: &Model, series: &Series, question: &str) -> Result<Answer, AnalystError> {
        let role = format!(
            "You answer questions about the series {}. Call a tool for what you need to know, and then answer in a sentence.",
            series.name
        );
        let mut said =
            vec![json!({ "role": "system", "content": role }), json!({ "role": "user", "content": question })];
        let tools: Value = Topic::ALL.map(in_model_words).into_iter().collect();
        let (mut tool, mut found) = ("none", Value::Null);
        for _ in 0..MOST_TURNS {
            let reply = model.ask(&said, &tools).await?;
            let wanted = reply.wanted()?;
            if wanted.is_empty() {
                let by = format!("analyst: {}, with tools that run SQL", model.name()).into();
                return Ok(Answer { series: series.name.clone(), text: reply.text()?, tool, found, by });
            }
            said.push(reply.said()?);
            for wanted in wanted {
                let content = self.serve(model, series, &wanted, (&mut tool, &mut found)).await?;
                said.push(json!({ "role": "tool", "tool_call_id": wanted.id, "content": content }));
            }
        }
        Err(AnalystError::NoAnswer)
    }

    /// Calls a tool that a model wants; what it is told of it.
    async fn serve(
        &self,
        model: &Model,
        series: &Series,
        wanted: &Wanted,
        last: (&mut &'static str, &mut Value),
    ) -> Result<String, AnalystError> {
        let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.tool().0 == wanted.tool) else {
            return Ok("there is no such tool".to_owned());
        };
        // An agent that goes round in circles is told of on the page and by a rule.
        model.meter().tool_called(topic.tool().0, &wanted.arguments);
        match self.call(topic, series).await {
            Ok((tool, text, found)) => {
                (*last.0, *last.1) = (tool, found);
                Ok(text)
            }
            Err(error @ AnalystError::TooFewPoints(..)) => Ok(error.to_string()),
            Err(error) => Err(error),
        }
    }

    async fn call(&self, topic: Topic, series: &Series) -> Result<Finding, AnalystError> {
        let call = async {
            match topic {
                Topic::BusiestDay => self.busiest_day(series).await,
                Topic::UsualWeekDeparture => self.usual_week_departure(series).await,
                Topic::Average => self.average(series).await,
                Topic::CountPoints => self.count_points(series).await,
            }
        };
        // A tool whose time is up is dropped where it stands: perf counts it as cancelled.
        timeout(TOOL_LIMIT, call).await.unwrap_or(Err(AnalystError::NoFinding(topic.tool().0)))
    }

    #[monitor_tool("busiest_day")]
    async fn busiest_day(&self, series: &Series) -> Result<Finding, AnalystError> {
        self.fault.is_over(Fault::HangingTool).await;
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

/// A tool as OpenAI's chat describes it.
fn in_model_words(topic: Topic) -> Value {
    let (name, description) = topic.tool();
    let parameters = json!({ "type": "object", "properties": {} });
    json!({ "type": "function", "function": { "name": name, "description": description, "parameters": parameters } })
}

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
