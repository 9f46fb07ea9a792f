#![doc = include_str!("../README.md")]

mod alongside;
mod comparison;
mod csv_table;
mod datadog;
mod datadog_events;
mod export;
mod file;
mod format;
mod gather;
mod grafana;
mod html;
mod kept;
mod lines;
mod moment;
mod new_relic;
mod openmetrics;
mod overview;
mod packed;
mod report;
mod reports;
mod settings;
mod source;
mod summary;
mod words;

pub use alongside::{Alongside, Finding, Incident, Spend, SpendRow};
pub use comparison::{ChangeClass, Compared, ComparedFigure, Comparison};
pub use export::Export;
pub use format::Format;
pub use gather::{MOST_POINTS, MOST_SERIES, range_of};
pub use grafana::{dashboard, dashboard_names};
pub use kept::{
    Due, InvalidId, KeptFile, KeptRange, KeptReport, KeptReports, Life, MakeError, ReportId, ReportKind, ReportsView,
    Trouble, Wanted,
};
pub use openmetrics::{openmetrics, prometheus};
pub use report::{KindNames, ReadError, Report, SCHEMA};
pub use reports::{Reports, Sources};
pub use settings::Settings;
