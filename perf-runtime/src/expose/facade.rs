//! The `metrics` facade in both directions: in, so that what an application counts through it is observed here
//! ([`recorder`]); and out, so that a recorder which is installed already gets what is observed here ([`push`]).

pub(crate) mod push;
pub(crate) mod recorder;

/// How a monitor that is installed goes together with the `metrics` facade.
///
/// A process has one recorder, and the first that is installed stays. So whatever installs one of its own, such as
/// `PrometheusBuilder::install_recorder`, `PrometheusMetricLayer::pair` of `axum-prometheus` or `set_global_recorder`, comes
/// before [`install`](crate::MonitorBuilder::install): after it that fails or panics, unless the monitor was told
/// [`Push`](Self::Push) or [`Off`](Self::Off).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricsFacade {
    /// The default. Where no recorder is installed, the monitor installs its own: as [`Receive`](Self::Receive). Where there
    /// is one, its series are pushed there: as [`Push`](Self::Push); unless texts are merged
    /// ([`merge_prometheus`](crate::MonitorBuilder::merge_prometheus)), for then that recorder's metrics are served
    /// together with the monitor's already.
    #[default]
    Automatic,
    /// The monitor installs its recorder, where none is installed, and pushes nothing.
    Receive,
    /// The monitor installs no recorder. Once a second it pushes its series to the one that is installed then, now or
    /// later: to one that comes late everything since the monitor was made.
    Push,
    /// Neither.
    Off,
}
