//! Guards that let go of their lock for a while.

use crate::watch::{Held, Hold, Holds, Mark, Mode, Watch};
use std::mem;

/// The time in which a guard has let go of its lock. Dropped, whether by unwinding or not, the guard has it again.
pub(super) struct Resume<'a> {
    mark: &'a mut Mark,
    hold: &'a mut Hold,
    watch: &'a Watch,
    mode: Mode,
}

impl<'a> Resume<'a> {
    /// Ends the hold. To be made before the lock is let go of, and dropped when it is taken again.
    pub(super) fn after(mark: &'a mut Mark, hold: &'a mut Hold, watch: &'a Watch, mode: Mode) -> Self {
        mark.clear();
        hold.count();
        Self { mark, hold, watch, mode }
    }
}

impl Drop for Resume<'_> {
    fn drop(&mut self) {
        let Held { mark, hold } = self.watch.resumed(self.mode, Holds::ByThread);
        // The earlier ones are over already.
        mem::forget(mem::replace(self.mark, mark));
        mem::forget(mem::replace(self.hold, hold));
    }
}
