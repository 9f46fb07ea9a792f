//! The profiler's samples: each of a thread that was interrupted counts for the innermost call that runs on it.
//!
//! Samples are counted in signal handlers, so nothing that a handler reaches from here takes a lock, allocates, unwinds, or touches a
//! thread-local that would have to be made first.

use super::sampled::{Sampled, SampledReading, add_lent};
use super::tree::around::{Innermost, with_innermost};
use super::tree::node::Node;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// Whether a profiler ever ran.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Samples of threads that ran no call.
static OUTSIDE: Sampled = Sampled::new();

/// Says that a profiler runs: from now on series tell their samples.
pub fn begin() {
    IS_TOLD.store(true, Relaxed);
}

/// Counts a sample of this thread that stands for so many nanoseconds, for the innermost call that runs on it. For signal handlers.
///
/// It is safe there as long as this crate is a part of the main program: a thread-local of a shared library may be allocated at its first use.
pub fn count(nanos: u64) {
    let add = |to: &Sampled| to.add(nanos);
    with_innermost(|innermost| match innermost {
        Innermost::Call(meter) => add(&meter.sampled),
        Innermost::Lent(node) if node != Node::OVERFLOW => add_lent(node, nanos),
        Innermost::Lent(_) | Innermost::None => add(&OUTSIDE),
    });
}

/// Samples of threads that ran no call, since the process started.
#[must_use]
pub fn outside() -> SampledReading {
    OUTSIDE.read()
}

/// Whether a profiler ever ran.
#[inline]
pub(crate) fn is_told() -> bool {
    IS_TOLD.load(Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::call::execution::prepare;
    use crate::measure::cells::tree::frame::Frame;
    use crate::measure::model::label::LabelSpec;
    use crate::measure::model::outcome::Outcome;
    use crate::measure::site::annotated::{Site, Spec, State};
    use crate::record::in_current_call::InCurrentCall;
    use std::pin::pin;
    use std::task::{Context, Waker};

    static OUTER: Site =
        Site { spec: Spec { labels: &[LabelSpec::Text("outer")], ..Spec::BLANK }, state: State::Operation };
    static INNER: Site =
        Site { spec: Spec { labels: &[LabelSpec::Text("inner")], ..Spec::BLANK }, state: State::Operation };

    fn samples(site: &'static Site) -> SampledReading {
        site.meters()[0].sampled()
    }

    fn inside(site: &'static Site, work: impl FnOnce()) {
        let mut call = prepare(site);
        let frame = Frame::new();
        let entered = call.enter(&frame);
        work();
        drop(entered);
        call.finish(Outcome::Ok);
    }

    #[test]
    fn a_sample_belongs_to_the_innermost_call_alone() {
        inside(&OUTER, || {
            count(3);
            inside(&INNER, || count(5));
            count(4);
        });
        count(100);
        assert_eq!(samples(&OUTER), SampledReading { samples: 2, nanos: 7 });
        assert_eq!(samples(&INNER), SampledReading { samples: 1, nanos: 5 });
        assert!(outside().nanos >= 100, "other tests may count there");
    }

    #[test]
    fn a_sample_of_what_a_call_was_lent_to_is_the_call_s() {
        static LENDER: Site =
            Site { spec: Spec { labels: &[LabelSpec::Text("lender")], ..Spec::BLANK }, state: State::Operation };
        let mut lent = None;
        inside(&LENDER, || lent = Some(async { count(11) }.in_current_call()));
        let future = pin!(lent.unwrap());
        assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(samples(&LENDER), SampledReading { samples: 1, nanos: 11 });
    }
}
