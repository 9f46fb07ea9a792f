//! The metrics by OpenTelemetry's names, where the settings ask for them.

use super::book::Entry;
use super::run::RunView;
use crate::conventions::{
    AGENT_NAME, GenAiNames, INVOKE_AGENT, OPERATION_NAME, PROVIDER_NAME, REQUEST_MODEL, RESPONSE_MODEL, new, old,
};
use crate::usage::Class;
use perf_runtime::Monitor;
use perf_runtime::extend::ToldUsage;
use perf_runtime::metric::{Histogram, MetricBuilder};
use std::time::Duration;

pub(super) struct GenAi {
    monitor: Monitor,
    names: GenAiNames,
}

impl GenAi {
    pub(super) fn new(monitor: &Monitor, names: GenAiNames) -> Self {
        Self { monitor: monitor.clone(), names }
    }

    /// Records a call. One that told no usage is in none of them: whether it failed is not known here, and a duration without `error.type` says
    /// that it did not.
    pub(super) fn record(
        &self,
        entry: &Entry<'_>,
        operation: Option<&str>,
        told: Option<&ToldUsage>,
        took: Option<Duration>,
    ) {
        let Some(told) = told.filter(|_| self.names != GenAiNames::None && !entry.usage.is_unknown()) else { return };
        let named = [(PROVIDER_NAME, entry.provider), (REQUEST_MODEL, entry.model)];
        let answered = told.model.as_deref().map(|name| (RESPONSE_MODEL, name));
        let labels: Vec<_> =
            operation.map(|name| (OPERATION_NAME, name)).into_iter().chain(named).chain(answered).collect();
        if self.names.is_old() {
            for (class, name) in [(Class::Input, "input"), (Class::Output, "output")] {
                if let Some(count) = entry.usage.get(class) {
                    let usage = self.histogram(old::TOKEN_USAGE, "tokens", "Tokens of a call, by type.");
                    all(usage, &labels).label(old::TOKEN_TYPE, name).register().record(count as f64);
                }
            }
            if let Some(took) = took {
                let duration =
                    self.histogram(old::OPERATION_DURATION, "seconds", "Duration of calls that told their usage.");
                all(duration, &labels).register().record(took.as_secs_f64());
            }
        }
        if self.names.is_new() {
            self.record_new(entry, &labels, told, took);
        }
    }

    fn record_new(&self, entry: &Entry<'_>, labels: &[(&str, &str)], told: &ToldUsage, took: Option<Duration>) {
        for (class, name) in new::USAGE {
            if let Some(count) = entry.usage.get(class) {
                let counter = self.monitor.metrics().counter(name).help("Tokens of calls.");
                all(counter, labels).label(new::MODALITY, new::MODALITY_UNKNOWN).register().add(count as f64);
            }
        }
        for (class, name) in new::OF_OPERATION {
            if let Some(count) = entry.usage.get(class) {
                all(self.histogram(name, "tokens", "Tokens of a call."), labels).register().record(count as f64);
            }
        }
        if let Some(took) = took {
            let help = "Duration of calls that told their usage.";
            let duration = self.histogram(new::INFERENCE_DURATION, "seconds", help);
            all(duration, labels).register().record(took.as_secs_f64());
        }
        if let Some(first) = told.first_token {
            let help = "From the request to the first chunk of the answer.";
            all(self.histogram(new::FIRST_CHUNK, "seconds", help), labels).register().record(first.as_secs_f64());
        }
    }

    /// Records a run of an agent that has ended, with the calls that it made itself.
    pub(super) fn run_ended(&self, run: &RunView) {
        if !self.names.is_new() {
            return;
        }
        let labels = [(OPERATION_NAME, INVOKE_AGENT), (AGENT_NAME, &*run.agent)];
        let figures = [
            (new::AGENT_DURATION, "seconds", "Duration of runs of agents.", run.seconds),
            (
                new::AGENT_INFERENCE_CALLS,
                "",
                "Calls of models in a run, those of agents inside it left out.",
                run.own.calls as f64,
            ),
            (new::AGENT_TOOL_CALLS, "", "Calls of tools in a run that were seen.", run.tool_calls as f64),
        ];
        for (name, unit, help, value) in figures {
            all(self.histogram(name, unit, help), &labels).register().record(value);
        }
    }

    fn histogram(&self, name: &str, unit: &str, help: &str) -> MetricBuilder<Histogram> {
        let histogram = self.monitor.metrics().histogram(name).help(help);
        if unit.is_empty() { histogram } else { histogram.unit(unit) }
    }
}

/// With all labels.
fn all<M>(builder: MetricBuilder<M>, labels: &[(&str, &str)]) -> MetricBuilder<M> {
    labels.iter().fold(builder, |builder, (name, value)| builder.label(*name, *value))
}
