use super::{ConnectionPool, PoolUsage};
use deadpool::managed::{Manager, Object, Pool};

impl<M: Manager + 'static, W: From<Object<M>> + 'static> ConnectionPool for Pool<M, W>
where
    Self: Send,
{
    fn usage(&self) -> Option<PoolUsage> {
        let status = self.status();
        let usage = || PoolUsage {
            connections: status.size as u64,
            idle: status.available.min(status.size) as u64,
            max: status.max_size as u64,
            waiting: Some(status.waiting as u64),
            ..PoolUsage::default()
        };
        (!self.is_closed()).then(usage)
    }
}
