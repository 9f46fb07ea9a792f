//! Which series are meant.

use crate::measure::model::kind::Kind;
use crate::observe::series::identity::{Identity, write_labels};
use crate::observe::series::labels::Labels;
use crate::observe::series::series_id::SeriesId;
use std::fmt;
use std::str::FromStr;

/// Series of calls and of the application's own metrics, by what they are: for [`Monitor::tracks`](crate::Monitor::tracks).
///
/// As text it is the name of what it selects, such as `db_operation{table=users}` or `queue_depth`: kind or metric, then
/// labels, of which there may be fewer than the series has. `system_*` is every metric whose name begins so.
///
/// ```
/// use perf_runtime::Kind;
/// use perf_runtime::series::Selector;
///
/// let users = Selector::kind(Kind::DbOperation).label("table", "users");
/// assert_eq!(users, "db_operation{table=users}".parse()?);
/// let both = users.or(Selector::metric("queue_depth"));
/// assert_eq!(both.to_string(), "db_operation{table=users} or queue_depth");
/// # Ok::<(), perf_runtime::series::NoSelector>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    terms: Vec<Term>,
    limit: Option<usize>,
    is_joined: bool,
}

/// One alternative.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Term {
    of: Of,
    labels: Vec<(String, String)>,
    /// The number of labels that the series must have, where it is one alone.
    exactly: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Of {
    Everything,
    Calls,
    Metrics,
    Kind(Kind),
    Metric(String),
    MetricPrefix(String),
}

impl Selector {
    /// Every series of calls, and every metric.
    pub fn all() -> Self {
        Self::of(Of::Everything)
    }

    /// Every series of calls.
    pub fn calls() -> Self {
        Self::of(Of::Calls)
    }

    /// Every series of the application's own metrics, and of those that are sampled.
    pub fn metrics() -> Self {
        Self::of(Of::Metrics)
    }

    /// The series of a kind of calls.
    pub fn kind(kind: Kind) -> Self {
        Self::of(Of::Kind(kind))
    }

    /// The series of a metric of the application's own, or of a sampled one.
    pub fn metric(name: impl Into<String>) -> Self {
        Self::of(Of::Metric(name.into()))
    }

    /// The series of every metric whose name begins so, of those that only the past knows too.
    pub fn metrics_with_prefix(prefix: impl Into<String>) -> Self {
        Self::of(Of::MetricPrefix(prefix.into()))
    }

    /// The series of calls of this id alone, and none that has further labels as [`Selector::from`] an id means them. With
    /// [`or`](Self::or) those that a list names: each costs a comparison with the name of every series. Its text is that of the id, which
    /// read back means those with further labels too.
    pub fn series(id: &SeriesId) -> Self {
        let mut alone = Self::from(id);
        alone.terms.iter_mut().for_each(|term| term.exactly = Some(id.labels.len()));
        alone
    }

    /// Of these series, those that have this label. Several labels must all be there.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let label = (name.into(), value.into());
        self.terms.iter_mut().for_each(|term| term.labels.push(label.clone()));
        self
    }

    /// These series and others.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// At most so many series of calls, and as many of metrics: the first by name and labels. The rest is counted.
    #[must_use]
    pub fn limit(self, most: usize) -> Self {
        Self { limit: Some(most), ..self }
    }

    /// Series as a reader sees them: HTTP requests of one method and route as one, whatever their status; and before the series
    /// of a kind all of them together, under the id of the kind as a whole, those that [`limit`](Self::limit) leaves out too.
    #[must_use]
    pub fn joined(self) -> Self {
        Self { is_joined: true, ..self }
    }

    pub(crate) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// The id under which a series is shown.
    pub(crate) fn shown_as(&self, id: &SeriesId) -> SeriesId {
        let labels = id.labels.iter().take(self.told_by(id)).cloned().collect();
        SeriesId { kind: id.kind, labels }
    }

    /// Whether two series, neighbours in the order of ids, are shown as one.
    pub(crate) fn shows_as_one(&self, one: &SeriesId, other: &SeriesId) -> bool {
        let ours = one.labels.iter().take(self.told_by(one));
        one.kind == other.kind && ours.eq(other.labels.iter().take(self.told_by(other)))
    }

    /// How many labels tell a series apart.
    fn told_by(&self, id: &SeriesId) -> usize {
        let is_cut = self.is_joined && id.kind.has_late_labels();
        if is_cut { id.kind.early_labels().len() } else { usize::MAX }
    }

    /// How many series of calls there are at most, and of metrics.
    pub(crate) fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Whether it means a series of calls.
    pub fn selects_series(&self, id: &SeriesId) -> bool {
        self.terms.iter().any(|term| term.of.is_kind(id.kind) && term.fits(&id.labels.pairs()))
    }

    /// Whether it means a series of a metric of the application's own.
    pub fn selects_metric(&self, name: &str, labels: &Labels) -> bool {
        self.terms.iter().any(|term| term.of.is_metric(name) && term.fits(&labels.pairs()))
    }

    pub(crate) fn selects_identity(&self, identity: &Identity) -> bool {
        self.terms.iter().any(|term| term.of.is_kind(identity.kind) && term.fits(&identity.pairs()))
    }

    /// Whether nothing but series of this metric is meant.
    pub(crate) fn is_of_metric(&self, name: &str) -> bool {
        self.terms.iter().all(|term| matches!(&term.of, Of::Metric(own) if own == name))
    }

    /// Whether any metric may be meant.
    pub(crate) fn may_select_metrics(&self) -> bool {
        self.terms.iter().any(|term| !matches!(term.of, Of::Calls | Of::Kind(_)))
    }

    fn of(of: Of) -> Self {
        Self { terms: vec![Term { of, labels: Vec::new(), exactly: None }], limit: None, is_joined: false }
    }
}

impl Of {
    fn is_kind(&self, kind: Kind) -> bool {
        match self {
            Self::Everything | Self::Calls => true,
            Self::Kind(own) => *own == kind,
            Self::Metrics | Self::Metric(_) | Self::MetricPrefix(_) => false,
        }
    }

    fn is_metric(&self, name: &str) -> bool {
        match self {
            Self::Everything | Self::Metrics => true,
            Self::Metric(own) => own == name,
            Self::MetricPrefix(prefix) => name.starts_with(prefix.as_str()),
            Self::Calls | Self::Kind(_) => false,
        }
    }
}

impl Term {
    fn fits<'n, 'v>(&self, labels: &(impl Iterator<Item = (&'n str, &'v str)> + Clone)) -> bool {
        self.exactly.is_none_or(|exactly| labels.clone().count() == exactly)
            && self.labels.iter().all(|(name, value)| labels.clone().any(|(own, has)| own == name && has == value))
    }
}

impl From<&SeriesId> for Selector {
    /// The series of this id, and those that have further labels.
    fn from(id: &SeriesId) -> Self {
        id.labels.pairs().fold(Self::kind(id.kind), |selector, (name, value)| selector.label(name, value))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Term { of, labels, .. }) in self.terms.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { " or " })?;
            match of {
                Of::Everything => f.write_str("*")?,
                Of::Calls => f.write_str("calls")?,
                Of::Metrics => f.write_str("metrics")?,
                Of::Kind(kind) => write!(f, "{kind}")?,
                Of::Metric(name) => f.write_str(name)?,
                Of::MetricPrefix(prefix) => write!(f, "{prefix}*")?,
            }
            if !labels.is_empty() || matches!(of, Of::Kind(_)) {
                write_labels(f, labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
            }
        }
        Ok(())
    }
}

/// The error of a text that selects nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSelector;

impl fmt::Display for NoSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a series such as operation{operation=checkout}, or of a metric such as queue_depth")
    }
}

impl std::error::Error for NoSelector {}

impl FromStr for Selector {
    type Err = NoSelector;

    fn from_str(text: &str) -> Result<Self, NoSelector> {
        if let Ok(id) = text.parse::<SeriesId>() {
            return Ok(Self::from(&id));
        }
        let (name, rest) = text.find('{').map_or((text, "{}"), |brace| text.split_at(brace));
        let labels = SeriesId::labels_of(rest).map_err(|_| NoSelector)?;
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | ':'));
        let (name, is_prefix) = name.strip_suffix('*').map_or((name, false), |prefix| (prefix, true));
        let starts_well = starts_well || is_prefix && name.is_empty();
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.'));
        if !starts_well || !is_name {
            return Err(NoSelector);
        }
        let metrics = if is_prefix { Self::metrics_with_prefix(name) } else { Self::metric(name) };
        Ok(labels.into_iter().fold(metrics, |selector, (name, value)| selector.label(name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SeriesId {
        text.parse().unwrap()
    }

    #[test]
    fn a_selector_means_what_has_its_labels() {
        let users = Selector::kind(Kind::DbOperation).label("table", "users");
        assert!(users.selects_series(&id("db_operation{operation=select,table=users}")));
        assert!(!users.selects_series(&id("db_operation{operation=select,table=carts}")));
        assert!(!users.selects_metric("db_operation", &Labels::default()));
        let disks: Selector = "disk_used_ratio{mount=/}".parse().unwrap();
        let root: Labels = [("device", "sda"), ("mount", "/")].into_iter().collect();
        assert!(disks.selects_metric("disk_used_ratio", &root));
        assert!(!disks.selects_metric("disk_used_ratio", &Labels::default()));
        assert!(!disks.selects_metric("disk_free_ratio", &root));
        let either = users.or(disks);
        assert!(either.selects_metric("disk_used_ratio", &root));
        let [disks, all]: [Selector; 2] = ["disk_*{mount=/}", "*"].map(|text| text.parse().unwrap());
        assert!(
            disks.selects_metric("disk_free_ratio", &root)
                && !disks.selects_metric("disk_free_ratio", &Labels::default())
        );
        assert!(!disks.selects_metric("memory_ratio", &root) && disks.to_string() == "disk_*{mount=/}");
        assert!(all.selects_metric("memory_ratio", &root) && !all.selects_series(&id("tool{tool=a}")));
        assert!(Selector::all().selects_series(&id("tool{tool=a}")) && Selector::all().selects_metric("a", &root));
        assert!(
            !Selector::calls().selects_metric("a", &root) && !Selector::metrics().selects_series(&id("tool{tool=a}"))
        );
    }

    #[test]
    fn one_series_alone_is_none_with_further_labels() {
        let request = id("http_request{method=GET,route=/}");
        let ended = id("http_request{method=GET,route=/,status=200}");
        let (one, all) = (Selector::series(&request), Selector::from(&request));
        assert!(one.selects_series(&request) && !one.selects_series(&ended) && all.selects_series(&ended));
        assert!(!one.selects_series(&id("http_request{method=PUT,route=/}")));
        assert!(!one.clone().label("status", "200").selects_series(&ended), "nor those that have a label more");
        assert!(one.or(Selector::series(&ended)).selects_series(&ended));
    }

    #[test]
    fn a_text_that_names_nothing_is_refused() {
        for text in
            ["", "{}", "a*b", "1*", "a b", "1st", "<script>", "disk{", "disk}", "disk{a}", "operation{operation=a"]
        {
            assert_eq!(text.parse::<Selector>(), Err(NoSelector), "{text}");
        }
        let escaped: Selector = r"tool{tool=a\,b}".parse().unwrap();
        assert_eq!(escaped, Selector::kind(Kind::Tool).label("tool", "a,b"));
        assert_eq!(escaped.to_string(), r"tool{tool=a\,b}");
    }
}
