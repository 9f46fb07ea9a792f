//! Rows over a window, as clients know them: of calls, or of metrics.

use super::message::Body;
use super::number::Number;
use perf_runtime::Kind;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{CellGrid, Labels};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

/// The source of a row.
pub(super) trait Entry {
    /// The name by which it is known.
    fn name(&self) -> String;
    /// Its definition: kind, name and labels, and of a metric also the unit and the help.
    fn definition(&self) -> Definition;
    /// How it stands.
    fn numbers(&self) -> Numbers;
    /// Its cells, the oldest first.
    fn points(&self) -> Vec<Point>;
    /// A count that never shrinks, unless the baseline is moved.
    fn total(&self) -> u64;
}

/// How a row stands, column by column.
pub(super) type Numbers = Box<[Number]>;

/// One cell of a row: an array that begins with the cell's number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) cell: u64,
    pub(super) numbers: Numbers,
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(1 + self.numbers.len()))?;
        list.serialize_element(&self.cell)?;
        self.numbers.iter().try_for_each(|number| list.serialize_element(number))?;
        list.end()
    }
}

/// Rows of one sort.
#[derive(Debug)]
pub(super) struct Rows {
    /// The members of a message that bring rows, and those that are new.
    members: [&'static str; 2],
    grid: CellGrid,
    all: Vec<Row>,
    by_name: HashMap<String, usize>,
}

/// As it comes with `initial_data`.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    is: Numbered,
    /// `None` of a row that is there no more.
    numbers: Option<Numbers>,
    points: VecDeque<Point>,
    #[serde(skip)]
    total: u64,
}

/// The definition of a row, and the number by which its changes name it.
#[derive(Debug, Serialize)]
struct Numbered {
    id: usize,
    #[serde(flatten)]
    definition: Definition,
}

/// The definition of a row: one or more series of calls, or a series of a metric. Labels keep their order.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Definition {
    Calls { kind: Kind, labels: Labels, name: String },
    Metric { name: String, kind: MetricKind, unit: Option<String>, help: Option<String>, labels: Labels },
}

/// A row that changed: `[id, [numbers], [point] ..]`, or `[id, null]` where it is there no more.
struct Change<'a> {
    id: usize,
    row: &'a Row,
    /// How many of its points are new: the last ones.
    points: usize,
}

impl Serialize for Change<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { numbers, points, .. } = self.row;
        let mut list = serializer.serialize_seq(Some(2 + self.points))?;
        list.serialize_element(&self.id)?;
        list.serialize_element(numbers)?;
        let known = points.len().saturating_sub(self.points);
        points.iter().skip(known).try_for_each(|point| list.serialize_element(point))?;
        list.end()
    }
}

impl Rows {
    pub(super) fn new<E: Entry>(
        members: [&'static str; 2],
        grid: CellGrid,
        entries: impl IntoIterator<Item = E>,
    ) -> Self {
        let mut this = Self { members, grid, all: Vec::new(), by_name: HashMap::new() };
        for entry in entries {
            this.add(entry.name(), &entry);
        }
        this
    }

    fn add(&mut self, name: String, entry: &impl Entry) -> usize {
        let id = self.all.len();
        let is = Numbered { id, definition: entry.definition() };
        let (numbers, points) = (Some(entry.numbers()), entry.points().into());
        self.all.push(Row { is, numbers, points, total: entry.total() });
        self.by_name.insert(name, id);
        id
    }

    /// The last tick that is in it, as a time since the monitor was made.
    pub(super) fn ticked(&self) -> Duration {
        Duration::try_from_secs_f64(self.grid.ticked).unwrap_or_default()
    }

    pub(super) fn write_all(&self, body: &mut Body) {
        put_grid(body, &self.grid);
        body.put(self.members[0], &self.all);
    }

    /// Goes on to what is seen now, and writes what is new: definitions and changes. `false` where the baseline was moved.
    pub(super) fn update<E: Entry>(
        &mut self,
        grid: CellGrid,
        entries: impl IntoIterator<Item = E>,
        body: &mut Body,
    ) -> bool {
        self.grid = grid;
        let oldest = (grid.newest + 1).saturating_sub(grid.cells);
        let (mut new, mut changes, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for entry in entries {
            let name = entry.name();
            let known = self.by_name.get(&name).copied();
            let id = known.unwrap_or_else(|| self.add(name, &entry));
            seen.insert(id);
            let Some(row) = self.all.get_mut(id) else { continue };
            let total = entry.total();
            if total < row.total {
                return false;
            }
            let (numbers, mut points) = (Some(entry.numbers()), entry.points());
            if known.is_some() {
                points.retain(|point| !row.points.contains(point));
                if numbers == row.numbers && points.is_empty() {
                    continue;
                }
            } else {
                new.push(id);
            }
            // Of a row that is new, all points are.
            let count = points.len();
            row.go_on(numbers, points, oldest);
            row.total = total;
            changes.push((id, count));
        }
        for (id, row) in self.all.iter_mut().enumerate().filter(|(id, _)| !seen.contains(id)) {
            if row.numbers.take().is_some() {
                changes.push((id, 0));
            }
        }
        put_grid(body, &self.grid);
        if !new.is_empty() {
            let new: Vec<_> = new.iter().filter_map(|&id| self.all.get(id)).map(|row| &row.is).collect();
            body.put(self.members[1], &new);
        }
        let row = |&(id, points)| Some(Change { id, row: self.all.get(id)?, points });
        body.put(self.members[0], &changes.iter().filter_map(row).collect::<Vec<_>>());
        true
    }
}

impl Row {
    fn go_on(&mut self, numbers: Option<Numbers>, points: Vec<Point>, oldest: u64) {
        for point in points {
            while self.points.back().is_some_and(|last| last.cell >= point.cell) {
                self.points.pop_back();
            }
            self.points.push_back(point);
        }
        while self.points.front().is_some_and(|point| point.cell < oldest) {
            self.points.pop_front();
        }
        self.numbers = numbers;
    }
}

/// The cells of a window, with times to a millisecond.
#[derive(Serialize)]
struct Grid {
    step: Number,
    cells: u64,
    newest: u64,
    filled: f64,
    ticked: f64,
}

pub(super) fn put_grid(body: &mut Body, grid: &CellGrid) {
    let millis = |seconds: f64| (seconds * 1_000.0).round() / 1_000.0;
    let CellGrid { step, cells, newest, filled, ticked, .. } = *grid;
    body.put("grid", &Grid { step: step.into(), cells, newest, filled: millis(filled), ticked: millis(ticked) });
}
