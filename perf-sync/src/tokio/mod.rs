//! Locks and channels of tokio's, watched: the same types with the same methods. Locks have a `named` beside `new`, and channels are made with a name.
//!
//! Each waits by tokio's own future, so that fairness, the budget of a task (`coop`) and cancellation are tokio's. An attempt whose future is ready at
//! its first poll did not wait, nor did one that had all and whose task had no budget left.

mod blocking;
pub mod broadcast;
mod budgeted;
mod erased;
mod existing;
pub mod mpsc;
mod mutex;
mod mutex_owned;
mod notify;
pub mod oneshot;
mod permit;
mod rwlock;
mod rwlock_guards;
mod rwlock_owned;
mod semaphore;
mod waiting;
pub mod watch;

pub use existing::{ExistingChannel, watch_channel};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use mutex_owned::{OwnedMappedMutexGuard, OwnedMutexGuard};
pub use notify::{Notified, Notify, OwnedNotified};
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};
pub use rwlock::RwLock;
pub use rwlock_guards::{RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard};
pub use rwlock_owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
pub use semaphore::Semaphore;
pub use tokio::sync::{AcquireError, TryAcquireError, TryLockError};
