//! Lines of parts, by their ends.

use super::logs::Log;
use super::{Batch, META, Store, StoreError, get, guarded, nanos_of, parse, put};
use crate::boots::Boot;
use perf_runtime::extend::PartLine;
use perf_runtime::series::TimeRange;
use redb::{TableDefinition, WriteTransaction};
use std::collections::HashSet;

/// Lines by their ends and the [numbers](number_of) of their parts and ids.
pub(super) const LINES: Log<'_> = TableDefinition::new("part-lines");

/// The name under which it is noted up to when lines were forgotten, in nanoseconds since 1970.
const FORGOTTEN: &str = "part-lines-forgotten";

/// The 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>) of a part and an id: the same in every process.
fn number_of(part: &str, id: &str) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = part.bytes().chain([0xff]).chain(id.bytes());
    bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

impl Store {
    /// Writes the lines of a batch. One of an id that is here already takes its place, where that ended since it began.
    pub(super) fn put_lines(transaction: &WriteTransaction, batch: &Batch) -> Result<(), StoreError> {
        {
            let mut lines = transaction.open_table(LINES)?;
            for line in &batch.lines {
                let number = number_of(&line.part, &line.id);
                lines.retain_in((nanos_of(line.start), 0).., |(_, other), _| other != number)?;
                put(&mut lines, (nanos_of(line.end), number), line)?;
            }
        }
        if batch.has_lost_lines {
            // Those that were lost ended before the first of these.
            let first = batch.lines.iter().map(|line| nanos_of(line.end)).min();
            Self::note_lines_forgotten(transaction, first.unwrap_or_default())?;
        }
        Ok(())
    }

    /// Shows the lines of a part that touch a range, those that ended last first, until it is told `false`.
    pub(crate) fn for_each_part_line(
        &self,
        part: &str,
        range: &TimeRange,
        show: &mut dyn FnMut(PartLine) -> bool,
    ) -> Result<(), StoreError> {
        guarded(|| {
            let table = self.read()?.open_table(LINES)?;
            // A file that was taken in may have had an earlier line of the same.
            let mut seen = HashSet::new();
            for entry in table.range((nanos_of(range.start()), 0)..)?.rev() {
                let (key, line) = entry?;
                let Ok(line) = parse::<PartLine>(line.value()) else {
                    self.count_damage();
                    continue;
                };
                if line.part == part && seen.insert(key.value().1) && line.touches(range) && !show(line) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The line of a part with this id.
    pub(crate) fn part_line(&self, part: &str, id: &str) -> Result<Option<PartLine>, StoreError> {
        let number = number_of(part, id);
        guarded(|| {
            let table = self.read()?.open_table(LINES)?;
            for entry in table.range::<(u64, u64)>(..)?.rev() {
                let (key, line) = entry?;
                if key.value().1 != number {
                    continue;
                }
                match parse::<PartLine>(line.value()) {
                    Ok(line) if line.part == part && line.id == id => return Ok(Some(line)),
                    Ok(_) => {}
                    Err(_) => self.count_damage(),
                }
            }
            Ok(None)
        })
    }

    /// Since when every line of a part is here, in nanoseconds since 1970: since the last boot that kept none of it, and since the time
    /// up to which lines were forgotten.
    pub(crate) fn part_lines_since(&self, part: &str, now: u64) -> Result<Option<u64>, StoreError> {
        let (with, without): (Vec<_>, Vec<_>) = self
            .boots()?
            .into_iter()
            .map(|(_, boot)| boot)
            .partition(|boot| boot.parts.iter().any(|kept| kept == part));
        // A boot whose clock was ahead ended in the future.
        let unknown_until = without.iter().filter_map(|boot| Some(boot.ended()?.min(now))).max().unwrap_or_default();
        let known = with.iter().filter(|boot| boot.ended().is_some_and(|end| end > unknown_until));
        let first = known.filter_map(Boot::started).min();
        let forgotten = guarded(|| self.lines_forgotten())?;
        Ok(first.map(|first| first.max(unknown_until).max(forgotten)))
    }

    /// The time up to which lines were forgotten, in nanoseconds since 1970.
    pub(super) fn lines_forgotten(&self) -> Result<u64, StoreError> {
        Ok(get(&self.read()?.open_table(META)?, FORGOTTEN)?.unwrap_or_default())
    }

    pub(super) fn note_lines_forgotten(transaction: &WriteTransaction, until: u64) -> Result<(), StoreError> {
        let mut meta = transaction.open_table(META)?;
        let known: u64 = get(&meta, FORGOTTEN)?.unwrap_or_default();
        if until > known {
            put(&mut meta, FORGOTTEN, &until)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::store::Room;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    fn open(folder: &Path, name: &str) -> Store {
        let settings = Settings::default();
        Store::open(&folder.join(name), &Arc::new(Room::new(&settings))).unwrap()
    }

    /// A line from one second to another.
    fn line(id: &str, start: u64, end: u64) -> PartLine {
        let at = |second: u64| perf_runtime::text::rfc3339(UNIX_EPOCH + Duration::from_secs(second));
        let line = serde_json::json!({"part": "backup", "id": id, "start": at(start), "end": at(end), "text": "x"});
        serde_json::from_value(line).unwrap()
    }

    fn batch(number: u64, lines: Vec<PartLine>) -> Batch {
        Batch { number, boot: (1, Boot { began: (7, 7), ..Boot::default() }), lines, ..Batch::default() }
    }

    fn told(store: &Store) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        let range = TimeRange::between(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
        let show = &mut |line: PartLine| {
            all.push((line.id, line.end.duration_since(UNIX_EPOCH).unwrap().as_secs()));
            true
        };
        store.for_each_part_line("backup", &range, show).unwrap();
        all
    }

    #[test]
    fn a_line_that_is_damaged_is_counted_and_the_others_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), "ours");
        store.append(&batch(1, vec![line("a", 10, 20), line("b", 30, 40)])).unwrap();
        let transaction = store.write().unwrap();
        transaction.open_table(LINES).unwrap().insert((nanos_of(UNIX_EPOCH), 0), b"torn".as_slice()).unwrap();
        transaction.commit().unwrap();
        assert_eq!(told(&store), [("b".to_owned(), 40), ("a".to_owned(), 20)]);
        assert_eq!(store.damaged(), 1);
    }

    #[test]
    fn the_last_line_of_an_id_stands_also_where_files_are_joined() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (open(folder.path(), "ours"), open(folder.path(), "theirs"));
        ours.append(&batch(1, vec![line("a", 10, 20), line("a", 10, 25), line("b", 30, 40)])).unwrap();
        assert_eq!(told(&ours), [("b".to_owned(), 40), ("a".to_owned(), 25)], "of one batch");
        theirs.append(&batch(1, vec![line("a", 10, 50), line("c", 5, 6)])).unwrap();
        theirs.forget_all_before(nanos_of(UNIX_EPOCH + Duration::from_secs(7))).unwrap();
        ours.take_in(&theirs).unwrap();
        assert_eq!(told(&ours), [("a".to_owned(), 50), ("b".to_owned(), 40)]);
        assert_eq!(ours.lines_forgotten().unwrap(), 7_000_000_000, "what one of them forgot, nobody claims");
    }
}
