//! Runs of agents lead to the recorded calls that they were made in.

use perf_llm::{Llm, Meter, Settings};
use perf_runtime::series::RecordedTree;
use perf_runtime::test_util::{Isolated, ManualClock, isolated};
use perf_runtime::{Kind, Monitor, monitor_agent, monitor_llm_call};
use std::time::Duration;

#[monitor_llm_call("ollama", "llama")]
fn ask() {}

/// A run that makes another one of the same agent after a millisecond, and so on.
#[monitor_agent("twin")]
fn twin(clock: &ManualClock, deeper: u32) {
    clock.advance(Duration::from_millis(1));
    ask();
    if deeper > 0 {
        twin(clock, deeper - 1);
    }
}

struct Recording {
    _alone: Isolated,
    clock: ManualClock,
    monitor: Monitor,
    llm: Llm,
}

fn recording(is_on: bool) -> Recording {
    let (alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(is_on).build().unwrap();
    let llm = Llm::with_settings(&monitor, Settings::default()).unwrap();
    Recording { _alone: alone, clock, monitor, llm }
}

impl Recording {
    /// The recorded calls of the runs that ended last, the last first.
    fn calls(&self) -> Vec<Option<RecordedTree>> {
        let runs = self.llm.meter().view().last_runs;
        runs.iter().map(|run| self.monitor.recorded_call(run.recorded.as_deref()?)).collect()
    }

    /// The operation or the agent that each of these calls is of.
    fn names(&self) -> Vec<String> {
        let name = |tree: RecordedTree| tree.call.series.labels.pairs().map(|(_, value)| value).collect::<String>();
        self.calls().into_iter().map(|tree| tree.map(name).unwrap_or_default()).collect()
    }
}

#[test]
fn runs_that_are_alike_in_agent_beginning_and_length_lead_each_to_its_own_call() {
    let here = recording(true);
    for name in ["first", "second", "third"] {
        here.monitor.operation(name).run(|| twin(&here.clock, 0));
    }
    assert_eq!(here.names(), ["third", "second", "first"]);
    // Several in one call, and one that is the outermost call itself.
    here.monitor.operation("fourth").run(|| twin(&here.clock, 1));
    twin(&here.clock, 0);
    assert_eq!(here.names(), ["twin", "fourth", "fourth", "third", "second", "first"]);
    let tree = here.calls().remove(1).unwrap();
    assert_eq!(tree.inside.iter().filter(|inside| inside.series.kind == Kind::Agent).count(), 2);
}

#[tokio::test]
async fn an_async_run_leads_to_its_call_as_well() {
    #[monitor_agent("async_twin")]
    async fn twin(clock: &ManualClock) {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(1));
    }
    let here = recording(true);
    twin(&here.clock).await;
    here.monitor.operation("around").watch(twin(&here.clock)).await;
    assert_eq!(here.names(), ["around", "async_twin"]);
}

#[test]
fn a_run_leads_to_its_call_once_that_is_over_and_where_it_is_kept() {
    let here = recording(true);
    let meter: &Meter = here.llm.meter();
    here.monitor.operation("around").run(|| {
        twin(&here.clock, 0);
        assert_eq!(meter.view().last_runs[0].recorded, None, "it goes on");
    });
    assert_eq!(here.names(), ["around"]);
    // Of a series and a minute the three slowest are kept: one that was, and gave way, leads nowhere.
    for slower in 1..=3 {
        here.monitor.operation("around").run(|| twin(&here.clock, slower));
    }
    assert!(here.calls().pop().unwrap().is_none());
    // It is noted at ticks too, as nobody may look for as long as memory holds it.
    here.monitor.operation("later").run(|| twin(&here.clock, 0));
    here.clock.advance(Duration::from_secs(2));
    here.monitor.tick();
    assert_eq!(here.names()[0], "later");
}

#[test]
fn without_a_recorder_runs_lead_nowhere() {
    let here = recording(false);
    here.monitor.operation("around").run(|| twin(&here.clock, 0));
    assert_eq!(here.names(), [""]);
}

#[cfg(feature = "tracing-layer")]
#[test]
fn a_run_of_a_span_leads_to_no_call_that_is_made_inside_it() {
    use tracing_subscriber::layer::SubscriberExt;
    let here = recording(true);
    let subscriber = tracing_subscriber::registry().with(here.llm.meter().layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let span = || {
        tracing::info_span!("invoke_agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "rig")
            .in_scope(|| {
                here.monitor.operation("inner").run(|| {
                    here.clock.advance(Duration::from_millis(1));
                    ask();
                });
            });
    };
    span();
    here.monitor.operation("around").run(span);
    assert_eq!(here.names(), ["around", ""]);
}
