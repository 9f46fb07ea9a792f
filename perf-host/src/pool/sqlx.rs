use super::{ConnectionPool, PoolUsage};
use sqlx::{Database, Pool};

/// `sqlx` does not say who waits: [`PoolWatch::wait`](super::PoolWatch::wait) does.
impl<DB: Database> ConnectionPool for Pool<DB> {
    fn usage(&self) -> Option<PoolUsage> {
        let usage = || PoolUsage {
            connections: self.size().into(),
            idle: self.num_idle() as u64,
            max: self.options().get_max_connections().into(),
            ..PoolUsage::default()
        };
        (!self.is_closed()).then(usage)
    }
}
