//! Rows over a window, as clients know them: of calls, or of metrics.

use super::message::{Body, Written};
use super::number::Number;
use super::watch::{For, Wanted};
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
    /// Those whose points somebody asked for.
    drawn: HashSet<usize>,
}

#[derive(Debug)]
struct Row {
    is: Numbered,
    /// `None` of a row that is there no more.
    numbers: Option<Numbers>,
    points: VecDeque<Point>,
    total: u64,
}

/// A row as it comes with `initial_data`.
#[derive(Serialize)]
struct WholeRow<'a> {
    #[serde(flatten)]
    is: &'a Numbered,
    numbers: &'a Option<Numbers>,
    points: &'a VecDeque<Point>,
}

static NO_POINTS: VecDeque<Point> = VecDeque::new();

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

/// The points of a row: `[id, point, ..]`.
struct RowPoints<'a> {
    id: usize,
    points: &'a VecDeque<Point>,
}

impl Serialize for RowPoints<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(1 + self.points.len()))?;
        list.serialize_element(&self.id)?;
        self.points.iter().try_for_each(|point| list.serialize_element(point))?;
        list.end()
    }
}

impl Rows {
    pub(super) fn new<E: Entry>(
        members: [&'static str; 2],
        grid: CellGrid,
        entries: impl IntoIterator<Item = E>,
    ) -> Self {
        let mut this = Self { members, grid, all: Vec::new(), by_name: HashMap::new(), drawn: HashSet::new() };
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

    pub(super) fn write_all(&self, wanted: Wanted, body: &mut Body) {
        put_grid(body, &self.grid);
        self.put_rows(wanted, body, |are_all| {
            let whole = self.all.iter().enumerate().map(|(id, row)| {
                let points = if are_all || self.is_drawn(id) { &row.points } else { &NO_POINTS };
                WholeRow { is: &row.is, numbers: &row.numbers, points }
            });
            Written::new(&whole.collect::<Vec<_>>())
        });
    }

    /// Puts the rows with all points, or with the points alone that somebody asked for, or both: as `write` makes them.
    fn put_rows(&self, wanted: Wanted, body: &mut Body, write: impl Fn(bool) -> Written) {
        if wanted.points {
            body.put_for(For::Points, self.members[0], write(true));
        }
        if wanted.few_points {
            body.put_for(For::FewPoints, self.members[0], write(false));
        }
    }

    /// Whether the points of a row are for all: those of kinds as a whole and of metrics are.
    fn is_drawn(&self, id: usize) -> bool {
        let is_series =
            |row: &Row| matches!(&row.is.definition, Definition::Calls { labels, .. } if !labels.is_empty());
        self.drawn.contains(&id) || !self.all.get(id).is_some_and(is_series)
    }

    /// Writes the points of some rows, which come with all changes from now on.
    pub(super) fn draw(&mut self, ids: &[usize], body: &mut Body) {
        let known: Vec<usize> = ids.iter().copied().filter(|&id| id < self.all.len()).collect();
        self.drawn.extend(&known);
        let row = |id: usize| Some(RowPoints { id, points: &self.all.get(id)?.points });
        body.put("row_points", &known.into_iter().filter_map(row).collect::<Vec<_>>());
    }

    /// Goes on to what is seen now, and writes what is new: definitions and changes. `false` where the baseline was moved.
    pub(super) fn update<E: Entry>(
        &mut self,
        grid: CellGrid,
        entries: impl IntoIterator<Item = E>,
        wanted: Wanted,
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
        self.put_rows(wanted, body, |are_all| {
            let row = |&(id, points)| {
                let points = if are_all || self.is_drawn(id) { points } else { 0 };
                Some(Change { id, row: self.all.get(id)?, points })
            };
            Written::new(&changes.iter().filter_map(row).collect::<Vec<_>>())
        });
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
