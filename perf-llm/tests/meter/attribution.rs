use super::{assert_law, plain, polled_once, told};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Label, monitor_agent, monitor_llm_call};
use proptest::prelude::*;
use std::pin::Pin;

#[derive(Clone, Copy, Debug, Label)]
enum Agent {
    Planner,
    Researcher,
    Writer,
}

/// The work of a task.
#[derive(Clone, Debug)]
enum Work {
    /// Calls a model, waits so many polls, and tells its usage or not.
    Call { polls: u8, tells: bool, picos: i64 },
    /// Runs an agent that does these one after another.
    Agent(Agent, Vec<Work>),
    /// Runs them side by side in one task.
    Together(Vec<Work>),
    /// Gives up after one poll.
    Abandon(Box<Work>),
    /// Runs it on a task of its own, which belongs to no agent.
    Apart(Box<Work>),
}

fn work() -> impl Strategy<Value = Work> {
    let agent = prop_oneof![Just(Agent::Planner), Just(Agent::Researcher), Just(Agent::Writer)];
    let call =
        (0..3_u8, any::<bool>(), 1..1_000_i64).prop_map(|(polls, tells, picos)| Work::Call { polls, tells, picos });
    call.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            (agent.clone(), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(agent, all)| Work::Agent(agent, all)),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Work::Together),
            inner.clone().prop_map(|work| Work::Abandon(Box::new(work))),
            inner.prop_map(|work| Work::Apart(Box::new(work))),
        ]
    })
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
async fn ask(polls: u8, told: Option<ToldUsage>) -> Result<ToldUsage, ()> {
    for _ in 0..polls {
        tokio::task::yield_now().await;
    }
    told.ok_or(())
}

#[monitor_agent(agent)]
async fn run(agent: Agent, all: Vec<Work>) {
    let _ = agent;
    for work in all {
        perform(work).await;
    }
}

fn perform(work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        match work {
            Work::Call { polls, tells, picos } => drop(ask(polls, tells.then(|| told(3, 2, picos))).await),
            Work::Agent(agent, all) => run(agent, all).await,
            Work::Together(all) => {
                let mut all: Vec<_> = all.into_iter().map(perform).collect();
                std::future::poll_fn(|context| {
                    all.retain_mut(|one| one.as_mut().poll(context).is_pending());
                    if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                })
                .await;
            }
            Work::Abandon(work) => polled_once(perform(*work)).await,
            Work::Apart(work) => tokio::spawn(perform(*work)).await.unwrap(),
        }
    })
}

/// The calls that a work begins for certain, and the most that it can begin.
fn begun(work: &Work) -> (u64, u64) {
    let all = |all: &[Work]| all.iter().map(begun).fold((0, 0), |(l, m), (least, most)| (l + least, m + most));
    match work {
        Work::Call { .. } => (1, 1),
        Work::Agent(_, works) | Work::Together(works) => all(works),
        Work::Abandon(work) => (0, begun(work).1),
        Work::Apart(work) => begun(work),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_sum_over_agents_and_what_none_did_is_all(work in work()) {
        let _alone = isolated();
        let (_monitor, llm) = plain();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(perform(work.clone()));
        // Tasks that an abandoned one left.
        drop(runtime);
        assert_law(llm.meter());
        let view = llm.meter().view();
        let (least, most) = begun(&work);
        prop_assert!((least..=most).contains(&view.total.calls), "{} calls of {least} to {most}", view.total.calls);
        prop_assert!(view.agents.iter().all(|agent| agent.running == 0), "runs that never ended: {:?}", view.agents);
        // The own calls of runs that ended are those of the agents; there are fewer runs than are kept.
        let own: u64 = view.last_runs.iter().map(|run| run.own.calls).sum();
        let of_agents: u64 = view.agents.iter().map(|agent| agent.totals.calls).sum();
        prop_assert_eq!(own, of_agents);
        for run in &view.last_runs {
            let inside: u64 = view.last_runs.iter().filter(|other| other.parent == Some(run.id)).map(|other| other.totals.calls).sum();
            prop_assert_eq!(run.totals.calls, run.own.calls + inside);
        }
    }
}

#[test]
fn the_law_holds_while_many_threads_run_agents() {
    let alone = isolated();
    let (_monitor, llm) = plain();
    let handle = alone.handle();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(4).on_thread_start(move || handle.join_thread()).build().unwrap();
    let of_agent = |agent| {
        let calls = (0..5).map(|picos| Work::Call { polls: 1, tells: picos % 2 == 0, picos }).collect();
        Work::Agent(agent, calls)
    };
    let meter = llm.meter().clone();
    runtime.block_on(async {
        let agents = [Agent::Planner, Agent::Researcher, Agent::Writer];
        let tasks: Vec<_> = (0..300).map(|number| tokio::spawn(perform(of_agent(agents[number % 3])))).collect();
        for (number, task) in tasks.into_iter().enumerate() {
            if number % 50 == 0 {
                assert_law(&meter);
            }
            task.await.unwrap();
        }
    });
    assert_law(&meter);
    let view = meter.view();
    assert_eq!((view.total.calls, view.unattributed.calls), (1_500, 0));
    assert_eq!((view.total.by_price["unknown"], view.total.cost), (600, 300 * 6));
}
