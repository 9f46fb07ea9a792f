use super::{ConnectionPool, PoolUsage};
use bb8::{ManageConnection, Pool};

/// A pool of `bb8`, which does not say itself how many connections it may have, nor who waits: it takes whoever gave up for
/// somebody who still waits. [`PoolWatch::wait`](super::PoolWatch::wait) knows.
#[derive(Clone, Debug)]
pub struct Bb8Pool<M: ManageConnection> {
    /// The pool.
    pub pool: Pool<M>,
    /// The `max_size` of its builder; 10 where none was given.
    pub max_size: u32,
}

impl<M: ManageConnection> ConnectionPool for Bb8Pool<M> {
    fn usage(&self) -> Option<PoolUsage> {
        let state = self.pool.state();
        Some(PoolUsage {
            connections: state.connections.into(),
            idle: state.idle_connections.into(),
            max: self.max_size.into(),
            waiting: None,
            failures: Some(state.statistics.get_timed_out),
            waited: Some(state.statistics.get_wait_time),
        })
    }
}
