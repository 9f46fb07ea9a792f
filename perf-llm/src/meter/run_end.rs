use serde::Serialize;

/// How a run of an agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEnd {
    /// It returned, and no error.
    Ok,
    /// It returned an error.
    Error,
    /// It panicked.
    Panicked,
    /// It was given up before its end.
    Cancelled,
    /// A budget stopped it: it failed, or its span tells no answer, and a budget had refused the last call that it asked room for.
    Budget,
    /// Its span tells neither an answer nor an error: it failed, was given up, or tells nothing of its end.
    Unknown,
}

impl RunEnd {
    /// All ways.
    pub const ALL: &[Self] = &[Self::Ok, Self::Error, Self::Panicked, Self::Cancelled, Self::Budget, Self::Unknown];

    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
            Self::Budget => "budget",
            Self::Unknown => "unknown",
        }
    }
}
