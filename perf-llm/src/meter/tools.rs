//! Calls of tools in runs of agents, and those that repeat themselves.

use super::run::{current, locked};
use super::{Inner, Meter, Run};
use crate::rules::LOOP;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

/// The most different calls of tools that one run tells apart.
const MOST_CALLS: usize = 256;
/// The most loops that are kept.
const MOST_LOOPS: usize = 50;
/// A loop without a call for so long has ended, even if its run goes on.
const RESTED: Duration = Duration::from_secs(300);

/// The key of the hashes, made anew in each process: what a tool was called with cannot be found out from them, and they are not shown.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A call of a tool with its arguments, in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallHash(u64);

/// Arguments of a call, in 64 bits.
pub(crate) fn hash_of(arguments: &(impl Hash + ?Sized)) -> u64 {
    KEY.hash_one(arguments)
}

impl CallHash {
    pub(crate) fn new(tool: &str, arguments: u64) -> Self {
        Self(KEY.hash_one((tool, arguments)))
    }
}

/// A run of an agent that calls the same tool with the same arguments again and again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LoopView {
    /// The agent.
    pub agent: Arc<str>,
    /// The number of the run.
    pub run: u64,
    /// The tool.
    pub tool: Arc<str>,
    /// So often it was called with the same arguments: 8 times and more.
    pub times: u64,
    /// Whether the run goes on.
    pub running: bool,
    /// The last of these calls.
    #[serde(serialize_with = "super::book::moment")]
    pub last: SystemTime,
}

/// The calls of tools of one run.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    pub(super) calls: u64,
    /// So often a call was made that was made the most.
    pub(super) most: u64,
    times: HashMap<CallHash, Times>,
}

/// How often a call was made.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    times: u64,
    /// Whether the last of them is known to have failed.
    has_failed: bool,
}

/// A call of a tool, as it is counted.
#[derive(Clone, Copy, Debug)]
struct Counted {
    times: u64,
    /// Whether the same call had failed before it.
    is_retry: bool,
}

impl ToolCalls {
    /// Counts a call; how often it was made, `None` where its arguments are not known or the run has made too many different ones.
    fn count(&mut self, call: Option<CallHash>, has_failed: bool) -> Option<Counted> {
        self.calls += 1;
        let call = call?;
        if self.times.len() >= MOST_CALLS && !self.times.contains_key(&call) {
            return None;
        }
        let of_call = self.times.entry(call).or_default();
        let is_retry = std::mem::replace(&mut of_call.has_failed, has_failed);
        of_call.times += 1;
        self.most = self.most.max(of_call.times);
        Some(Counted { times: of_call.times, is_retry })
    }
}

/// The loops that were found.
#[derive(Debug, Default)]
pub(super) struct Loops(VecDeque<(CallHash, LoopView)>);

impl Loops {
    /// Notes how often a call was made.
    fn note(&mut self, call: CallHash, view: LoopView) {
        let known = self.0.iter_mut().find(|(of, known)| *of == call && known.run == view.run);
        if let Some((_, known)) = known {
            // Of two threads the later one may have counted first.
            let times = known.times.max(view.times);
            *known = LoopView { times, ..view };
            return;
        }
        if self.0.len() >= MOST_LOOPS {
            // Those that are over go first.
            let over = self.0.iter().position(|(_, known)| !known.running).unwrap_or(0);
            self.0.remove(over);
        }
        self.0.push_back((call, view));
    }

    pub(super) fn run_ended(&mut self, run: u64) {
        for (_, known) in self.0.iter_mut().filter(|(_, known)| known.run == run) {
            known.running = false;
        }
    }

    /// All, the last found first.
    pub(super) fn views(&self) -> Vec<LoopView> {
        self.0.iter().rev().map(|(_, view)| view.clone()).collect()
    }

    /// The most times in runs that go on, by agent and tool, where the last call was not long ago.
    pub(super) fn running(&self, now: SystemTime) -> BTreeMap<(Arc<str>, Arc<str>), u64> {
        let mut all = BTreeMap::new();
        let goes_on = |view: &LoopView| view.running && now.duration_since(view.last).is_ok_and(|since| since < RESTED);
        for (_, view) in self.0.iter().filter(|(_, view)| goes_on(view)) {
            let most: &mut u64 = all.entry((Arc::clone(&view.agent), Arc::clone(&view.tool))).or_default();
            *most = view.times.max(*most);
        }
        all
    }
}

impl Meter {
    /// Counts a call of a tool for the run of the agent that this thread is in; how often that run has made it with the same arguments, this
    /// time included, so that a program can stop an agent that goes round in circles. From the eighth time on it is a loop: on the page, in
    /// [`View::loops`](super::View::loops), and told by the rule `llm-loop`.
    ///
    /// Arguments are never kept: a hash of them is, by a key that each process makes anew. A call costs that hash and two locks.
    ///
    /// `None` outside of a run, and of a run that has made 256 different calls before: later ones are not told apart.
    ///
    /// ```
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// # let llm = perf_llm::Llm::with_settings(&monitor, perf_llm::Settings::default())?;
    /// # let meter = llm.meter();
    /// # let (query, limit) = ("rust", 10);
    /// // At the beginning of the tool `search`:
    /// if meter.tool_called("search", &(query, limit)).is_some_and(|times| times > 8) {
    ///     // Say so to the model, or give the run up.
    /// }
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn tool_called(&self, tool: &str, arguments: &(impl Hash + ?Sized)) -> Option<u64> {
        let frame = current()?;
        self.inner.tool_called(frame.run.as_deref()?, tool, Some(hash_of(arguments)), false)
    }
}

impl Inner {
    /// Counts a call of a tool in a run, and whether it is known to have failed; how often that run has made it with the same arguments.
    pub(crate) fn tool_called(&self, run: &Run, tool: &str, arguments: Option<u64>, has_failed: bool) -> Option<u64> {
        let tool = super::book::short(tool);
        let call = arguments.map(|arguments| CallHash::new(tool, arguments));
        let Counted { times, is_retry } = locked(&run.tools).count(call, has_failed)?;
        if is_retry {
            locked(&self.book).tool(&tool.into()).retries += 1;
            self.figures.tool_retried(tool);
        }
        let Some(call) = call.filter(|_| times >= LOOP) else { return Some(times) };
        let (agent, tool, last) = (Arc::clone(&run.agent), Arc::<str>::from(tool), SystemTime::now());
        if times == LOOP {
            tracing::warn!(target: "perf::llm", %agent, %tool, "run {} of the agent has called the tool with the same arguments {LOOP} times", run.id);
        }
        let mut book = locked(&self.book);
        // A tool may outlive its agent.
        let running = !run.is_over.load(Ordering::Relaxed);
        book.loops.note(call, LoopView { agent, run: run.id, tool, times, running, last });
        Some(times)
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_rests_or_whose_run_is_over_is_told_no_more() {
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut loops = Loops::default();
        let mut note = |run, times, running| {
            let view = LoopView { agent: "a".into(), run, tool: "t".into(), times, running, last };
            loops.note(CallHash(1), view);
        };
        note(1, 10, true);
        note(1, 9, true);
        note(2, 30, false);
        let told = |loops: &Loops, after| loops.running(last + Duration::from_secs(after)).into_values().next();
        assert_eq!((told(&loops, 0), told(&loops, 299), told(&loops, 300)), (Some(10), Some(10), None));
        loops.run_ended(1);
        assert_eq!(told(&loops, 0), None);
    }
}
