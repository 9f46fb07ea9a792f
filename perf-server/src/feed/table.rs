//! Rows over a window, as clients know them: of calls, or of metrics.

use super::common::member;
use perf_runtime::CellGrid;
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::time::Duration;

/// What can be a row.
pub(super) trait Entry {
    /// By which it is known.
    fn name(&self) -> String;
    /// What it is: a JSON object.
    fn definition(&self) -> Value;
    /// How it stands: a JSON array.
    fn numbers(&self) -> String;
    /// Its cells, the oldest first: each a JSON array that begins with the cell's number.
    fn points(&self) -> Vec<(u64, String)>;
    /// What never shrinks, unless the baseline is moved.
    fn total(&self) -> u64;
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

#[derive(Debug)]
struct Row {
    definition: String,
    numbers: String,
    points: VecDeque<(u64, String)>,
    total: u64,
}

/// The numbers of a row that is there no more.
const GONE: &str = "null";

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
        let mut definition = entry.definition();
        definition["id"] = id.into();
        let (numbers, points) = (entry.numbers(), entry.points().into());
        self.all.push(Row { definition: definition.to_string(), numbers, points, total: entry.total() });
        self.by_name.insert(name, id);
        id
    }

    /// The last tick that is in it, as a time since the monitor was made.
    pub(super) fn ticked(&self) -> Duration {
        Duration::try_from_secs_f64(self.grid.ticked).unwrap_or_default()
    }

    pub(super) fn write_all(&self, body: &mut String) {
        write_grid(body, &self.grid);
        body.extend([",\"", self.members[0], "\":["]);
        for (place, row) in self.all.iter().enumerate() {
            comma(body, place);
            // By hand, for its numbers are texts already.
            let inside = row.definition.strip_suffix('}').unwrap_or_default();
            body.extend([inside, r#","numbers":"#, &row.numbers, r#","points":["#]);
            for (place, (_, point)) in row.points.iter().enumerate() {
                comma(body, place);
                body.push_str(point);
            }
            body.push_str("]}");
        }
        body.push(']');
    }

    /// Goes on to what is seen now, and writes what is new: new definitions, and rows of `[id,[numbers],[point]..]`.
    /// `false` where the baseline was moved.
    pub(super) fn update<E: Entry>(
        &mut self,
        grid: CellGrid,
        entries: impl IntoIterator<Item = E>,
        body: &mut String,
    ) -> bool {
        self.grid = grid;
        let oldest = (grid.newest + 1).saturating_sub(grid.cells);
        let (mut new, mut rows, mut seen) = (String::new(), String::new(), HashSet::new());
        for entry in entries {
            let name = entry.name();
            let known = self.by_name.get(&name).copied();
            let id = known.unwrap_or_else(|| self.add(name, &entry));
            seen.insert(id);
            let Some(row) = self.all.get_mut(id) else { continue };
            let (numbers, total) = (entry.numbers(), entry.total());
            if total < row.total {
                return false;
            }
            let mut points = entry.points();
            if known.is_some() {
                points.retain(|point| !row.points.contains(point));
            } else {
                separate(&mut new);
                new.push_str(&row.definition);
            }
            if known.is_some() && numbers == row.numbers && points.is_empty() {
                continue;
            }
            write_row(&mut rows, id, &numbers, &points);
            row.go_on(numbers, points, oldest);
            row.total = total;
        }
        for (id, row) in self.all.iter_mut().enumerate().filter(|(id, _)| !seen.contains(id)) {
            if row.numbers != GONE {
                write_row(&mut rows, id, GONE, &[]);
                GONE.clone_into(&mut row.numbers);
            }
        }
        write_grid(body, &self.grid);
        if !new.is_empty() {
            member(body, self.members[1], &format!("[{new}]"));
        }
        member(body, self.members[0], &format!("[{rows}]"));
        true
    }
}

impl Row {
    fn go_on(&mut self, numbers: String, points: Vec<(u64, String)>, oldest: u64) {
        for (cell, text) in points {
            while self.points.back().is_some_and(|(last, _)| *last >= cell) {
                self.points.pop_back();
            }
            self.points.push_back((cell, text));
        }
        while self.points.front().is_some_and(|(cell, _)| *cell < oldest) {
            self.points.pop_front();
        }
        self.numbers = numbers;
    }
}

fn write_row(rows: &mut String, id: usize, numbers: &str, points: &[(u64, String)]) {
    separate(rows);
    // A `String` takes all that is written.
    let _ = write!(rows, "[{id},{numbers}");
    for (_, text) in points {
        rows.extend([",", text]);
    }
    rows.push(']');
}

/// A comma, unless it is the first.
fn separate(list: &mut String) {
    if !list.is_empty() {
        list.push(',');
    }
}

pub(super) fn comma(text: &mut String, place: usize) {
    if place > 0 {
        text.push(',');
    }
}

pub(super) fn write_grid(body: &mut String, grid: &CellGrid) {
    let CellGrid { step, cells, newest, filled, ticked, .. } = grid;
    // A `String` takes all that is written.
    let _ = write!(
        body,
        r#","grid":{{"step":{step},"cells":{cells},"newest":{newest},"filled":{filled:.3},"ticked":{ticked:.3}}}"#
    );
}
