//! The contract for parts: what a crate beside this one needs to watch a monitor, add to it, and outlive a restart.
//!
//! A part (history, delivery, insight, a server) depends on this crate alone and never on another part. It finds here:
//!
//! | need | how |
//! |---|---|
//! | to act once a second | [`Monitor::on_tick`](crate::Monitor::on_tick) with a [`Tick`] |
//! | every event of alerts, without loss | [`Alerts::events_since`](crate::alert::Alerts::events_since), woken by [`Alerts::subscribe`](crate::alert::Alerts::subscribe) |
//! | to note that people were told, and to keep such notes | [`Alerts::note_delivery`](crate::alert::Alerts::note_delivery), [`Alerts::deliveries_since`](crate::alert::Alerts::deliveries_since) |
//! | to go on after a restart | [`Monitor::state`](crate::Monitor::state) and [`Monitor::restore`](crate::Monitor::restore) |
//! | to keep a state of its own over it | [`Monitor::keep_state`](crate::Monitor::keep_state) and [`Monitor::kept_state`](crate::Monitor::kept_state) |
//! | to keep what happened to it, by time, over it | [`Monitor::keep_lines`](crate::Monitor::keep_lines) with [`KeptLines`] |
//! | to answer for the past beyond memory | [`Past`], [`AlertLog`], [`ErrorLog`], [`TreeLog`], [`CallLog`] and [`PartLog`] |
//! | to estimate figures that rules judge | [`Estimator`] |
//! | something of another part | [`Monitor::provide`](crate::Monitor::provide) and [`Monitor::ask`](crate::Monitor::ask), by a trait |
//! | to say which alerts belong together, and why | [`AlertGroups`] |
//! | to send people a short text | [`Deliver`] with a [`Notice`] |
//! | the usage of language models that calls tell | [`receive_usage`] with a [`UsageReceiver`] |
//! | to count what is done inside calls | [`running_call`], and [`Monitor::call_series`](crate::Monitor::call_series) for the names |
//! | to say what calls waited for | [`Monitor::add_wait_source`](crate::Monitor::add_wait_source) with a [`Wait`](crate::series::Wait) |
//! | to lead to the recorded call that something was done in | [`Monitor::recorded_since`](crate::Monitor::recorded_since) |
//! | to expose families that it counts itself | [`Monitor::expose_text`](crate::Monitor::expose_text) |
//! | settings of its own | [`Monitor::section`](crate::Monitor::section) and [`Monitor::on_reload`](crate::Monitor::on_reload) |
//! | to say what it costs | [`Monitor::cost`](crate::Monitor::cost) |
//! | to carry on the trace that work came with | [`TraceContext`] |
//! | to end well | [`Monitor::on_shutdown`](crate::Monitor::on_shutdown) |
//! | threads that leave the application's first | [`give_way`] |
//! | to say whom it speaks for | [`Monitor::service`](crate::Monitor::service) |
//!
//! Everything that is registered gives a guard; dropping the guard takes it back.

mod alert_groups;
mod cost;
mod deliver;
mod folder;
mod kept_state;
mod overhead;
mod part_log;
mod priority;
mod provider;
mod reload;
mod running;
mod shutdown;
mod state;
mod tick;
mod trace_context;
pub(crate) mod waits;

pub use crate::collect::others::ExposedText;
pub use crate::judge::alerts::log::AlertLog;
pub use crate::judge::rule::estimate::{Estimate, EstimateQuestion, Estimator};
pub use crate::measure::call::metered::{
    MeteredCall, ReceiverTaken, ReceivesUsage, TellsUsage, ToldUsage, UsageReceiver, receive_usage,
};
pub use crate::measure::model::run_budget::RunBudget;
pub use crate::measure::model::service::Service;
pub use crate::observe::query::call_log::CallLog;
pub use crate::observe::query::error_log::{ErrorLog, ErrorSlice};
pub use crate::observe::query::log_position::LogPosition;
pub use crate::observe::query::log_slice::LogSlice;
pub use crate::observe::query::past::{LATE, Past, PastBucket, PastMetric, PastPoint, PastSink, PastSlice};
pub use crate::observe::query::tree_log::{TreeLog, TreeSlice};
pub use crate::observe::ticker::TickCounts;
pub use alert_groups::{AlertGroup, AlertGroups};
pub(crate) use cost::Costs;
pub use cost::{Cost, PartCost};
pub use deliver::{Deliver, DeliverError, Notice, NoticeError};
pub use folder::{prepare_folder, state_folder};
pub use kept_state::KeptState;
pub(crate) use kept_state::KeptStates;
pub use overhead::Overhead;
pub(crate) use part_log::PartLogs;
pub use part_log::{KeptLines, PartLine, PartLines, PartLog};
pub use priority::give_way;
pub(crate) use provider::Providers;
pub use provider::{ProvideError, Provided};
pub use reload::ReloadObserver;
pub(crate) use reload::ReloadObservers;
pub use running::{CallSeries, RecordedCursor, RunningCall, running_call, series_of_span};
pub(crate) use shutdown::ShutdownHooks;
pub use shutdown::{Deadline, ShutdownHook, ShutdownReport};
pub use state::{RestoreError, State};
pub(crate) use tick::TickObservers;
pub use tick::{Tick, TickObserver};
pub use trace_context::{EnteredTrace, TraceContext};
pub use waits::WaitSource;
pub(crate) use waits::WaitSources;
