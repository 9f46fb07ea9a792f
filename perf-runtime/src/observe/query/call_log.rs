//! Recorded calls beyond what memory holds, as a part keeps them.

use super::range::TimeRange;
use super::recorded::RecordedTree;
use super::recorded_call::RecordedCall;

/// Recorded calls of before a restart, and of before what memory holds: what a store provides
/// ([`Monitor::provide`](crate::Monitor::provide)`::<dyn CallLog>`), so that [`Monitor::recorded_calls`](crate::Monitor::recorded_calls) and
/// [`Monitor::recorded_call`](crate::Monitor::recorded_call) answer for them too. It keeps what
/// [`Monitor::recorded_trees`](crate::Monitor::recorded_trees) tells.
///
/// Its methods are called by whoever asks, on their thread, and may take as long as that may.
pub trait CallLog: Send + Sync {
    /// Shows the calls that ended in a range, without those inside them.
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(RecordedCall));

    /// The call of an [id](RecordedCall::id), with all calls inside it; `None` where it is not kept.
    fn call(&self, id: &str) -> Option<RecordedTree>;
}
