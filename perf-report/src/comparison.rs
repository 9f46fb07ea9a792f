//! Two ranges of time side by side, as one page.

use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// Two ranges of time, or the times of two versions, compared series by series: one page for [`Comparison::html`].
///
/// ```
/// use perf_report::{ChangeClass, Compared, ComparedFigure, Comparison};
///
/// let slower = Compared {
///     series: "operation{operation=search}".to_owned(),
///     class: ChangeClass::Regressed,
///     before: Some(0.010),
///     after: Some(0.012),
///     between: Some((0.0015, 0.0024)),
///     relative: Some(0.2),
/// };
/// let compared = Comparison {
///     service: "shop".to_owned(),
///     before: "1.4.1".to_owned(),
///     after: "1.4.2".to_owned(),
///     figures: vec![ComparedFigure { name: "duration".to_owned(), unit: "seconds".to_owned(), rows: vec![slower], notes: Vec::new() }],
/// };
/// let mut page = Vec::new();
/// compared.html(&mut page)?;
/// assert!(String::from_utf8_lossy(&page).contains("1 regressed"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The service.
    pub service: String,
    /// The range or version before, in words.
    pub before: String,
    /// The one after.
    pub after: String,
    /// The figures that were compared.
    pub figures: Vec<ComparedFigure>,
}

/// A figure in both ranges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparedFigure {
    /// Its name, such as `duration`.
    pub name: String,
    /// The unit of its values: `seconds`, `ratio`, or any other text.
    pub unit: String,
    /// The series, in any order.
    pub rows: Vec<Compared>,
    /// Reasons why something was not compared, one sentence each.
    pub notes: Vec<String>,
}

/// A series in both ranges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its name.
    pub series: String,
    /// The class of the change.
    pub class: ChangeClass,
    /// The value before.
    pub before: Option<f64>,
    /// The value after.
    pub after: Option<f64>,
    /// The interval of the difference, in the unit of the values.
    pub between: Option<(f64, f64)>,
    /// The difference as a share of the value before.
    pub relative: Option<f64>,
}

/// The class of a change, in the order in which a page has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeClass {
    /// Worse, for sure.
    Regressed,
    /// Better, for sure.
    Improved,
    /// More, where neither side is bad.
    Increased,
    /// Less, where neither side is bad.
    Decreased,
    /// The values spread too far to tell.
    Unclear,
    /// For sure no change that matters.
    NoChange,
}

impl ChangeClass {
    /// Every class, in the order of the page.
    pub const ALL: [Self; 6] =
        [Self::Regressed, Self::Improved, Self::Increased, Self::Decreased, Self::Unclear, Self::NoChange];

    /// Its words: `regressed`, `no change` and so on.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Increased => "increased",
            Self::Decreased => "decreased",
            Self::Unclear => "unclear",
            Self::NoChange => "no change",
        }
    }
}

impl Comparison {
    /// Whether anything could be compared.
    pub fn is_known(&self) -> bool {
        self.figures.iter().any(|figure| !figure.rows.is_empty())
    }

    /// Writes the page: one file that loads nothing and runs nothing.
    ///
    /// # Errors
    /// As `out` has them.
    pub fn html(&self, out: &mut dyn Write) -> io::Result<()> {
        crate::html::write_comparison(self, out)
    }
}
