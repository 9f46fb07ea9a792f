//! Blocks: the chunks of some neighbouring series in one period, in pieces that each fill a page of the engine.
//!
//! The engine splits a full page in halves, and a chunk has a length of its own: entries of a chunk each would leave a third of the
//! file empty. A piece is as long as a page takes, so that only the last one of a block has room left. Blocks are ordered by
//! time, so that what is written together lies together, and what is forgotten too.

use super::{Store, StoreError};
use crate::rows::{put_number, take_number};
use redb::{ReadableTable, Table, TableDefinition};

/// So many series, neighbours by number, share a block. They are sealed in one commit: their pages are in memory until then.
pub(super) const GROUP: u32 = 16;

/// A page of 4,096 bytes less its head, and the key and the length of one entry.
const PIECE: usize = 4_096 - 4 - 15 - 4;

/// The longest head: a damaged one asks for no more.
const MOST_CHUNKS: u64 = GROUP as u64;

/// By tier, number of the period, group of series and place of the piece.
pub(super) type Key = (u8, u64, u32, u16);
pub(super) const BLOCKS: TableDefinition<'_, Key, &'static [u8]> = TableDefinition::new("blocks");

/// The name of a block: tier, period and group.
pub(super) type BlockId = (u8, u64, u32);

/// The chunks of a block, by the number of their series, ascending.
pub(super) type Chunks = Vec<(u32, Vec<u8>)>;

pub(super) const fn group_of(series: u32) -> u32 {
    series / GROUP
}

/// The first series after a group.
pub(super) const fn end_of(group: u32) -> u32 {
    group.saturating_add(1).saturating_mul(GROUP)
}

/// The first place for a block after this one.
pub(super) fn after((tier, period, group): BlockId) -> Option<BlockId> {
    let in_period = group.checked_add(1).map(|group| (tier, period, group));
    in_period.or_else(|| period_after((tier, period, group)))
}

/// The first place for a block of the next period.
pub(super) fn period_after((tier, period, _): BlockId) -> Option<BlockId> {
    period.checked_add(1).map(|period| (tier, period, 0))
}

/// The places of chunks in a block.
struct Head {
    /// Series, begin and length of each.
    places: Vec<(u32, usize, usize)>,
}

impl Head {
    /// Reads the head of a block from its first piece; `None` where it is damaged.
    fn read(group: u32, piece: &[u8]) -> Option<Self> {
        let mut bytes = piece;
        let length = take_number(&mut bytes).ok().filter(|length| *length <= MOST_CHUNKS)?;
        let mut places = Vec::new();
        for _ in 0..length {
            let within = u32::try_from(take_number(&mut bytes).ok()?).ok().filter(|within| *within < GROUP)?;
            let length = usize::try_from(take_number(&mut bytes).ok()?).ok()?;
            places.push((group.checked_mul(GROUP)?.checked_add(within)?, 0, length));
        }
        let (sum, _) = bytes.split_first_chunk()?;
        let mut begin = piece.len() - bytes.len();
        if crc32fast::hash(piece.get(..begin)?) != u32::from_le_bytes(*sum) {
            return None;
        }
        begin += sum.len();
        for (_, at, length) in &mut places {
            *at = begin;
            begin = begin.checked_add(*length)?;
        }
        Some(Self { places })
    }

    fn write(chunks: &Chunks) -> Vec<u8> {
        let mut head = Vec::new();
        put_number(&mut head, chunks.len() as u64);
        for (series, chunk) in chunks {
            put_number(&mut head, u64::from(series % GROUP));
            put_number(&mut head, chunk.len() as u64);
        }
        let sum = crc32fast::hash(&head);
        head.extend(sum.to_le_bytes());
        head
    }
}

/// The reader of blocks in a table, whether it is being written or not. A block whose head is damaged is none, and counted.
pub(super) struct Blocks<'a, T> {
    pub(super) table: &'a T,
    pub(super) store: &'a Store,
}

impl<T: ReadableTable<Key, &'static [u8]>> Blocks<'_, T> {
    /// The series of a block; none where there is no such block.
    pub(super) fn series(&self, id: BlockId) -> Result<Vec<u32>, StoreError> {
        Ok(self.head(id)?.map(|head| head.places.iter().map(|(series, ..)| *series).collect()).unwrap_or_default())
    }

    /// The chunk of a series; `None` where it has none in this block.
    pub(super) fn chunk(&self, (tier, period, group): BlockId, series: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(head) = self.head((tier, period, group))? else { return Ok(None) };
        let found = head.places.into_iter().find(|(one, ..)| *one == series);
        found.map(|(_, begin, length)| self.bytes((tier, period, group), begin, length)).transpose()
    }

    /// The chunks of some series of a block, ascending.
    pub(super) fn chunks_of(&self, id: BlockId, series: &[u32]) -> Result<Chunks, StoreError> {
        let Some(mut head) = self.head(id)? else { return Ok(Chunks::new()) };
        let all = head.places.len();
        head.places.retain(|(one, ..)| series.contains(one));
        let places = || head.places.iter().copied();
        if places().count() * 2 < all {
            return places().map(|(series, begin, length)| Ok((series, self.bytes(id, begin, length)?))).collect();
        }
        // Of most of it all pieces are read at once.
        let first = places().map(|(_, begin, _)| begin).min().unwrap_or_default();
        let end = places().map(|(_, begin, length)| begin.saturating_add(length)).max().unwrap_or_default();
        let bytes = self.bytes(id, first, end.saturating_sub(first))?;
        if bytes.len() < end - first {
            // A piece is missing: what lies in the others is read for itself.
            return places().map(|(series, begin, length)| Ok((series, self.bytes(id, begin, length)?))).collect();
        }
        let chunk = |(series, begin, length): (u32, usize, usize)| {
            let begin = (begin - first).min(bytes.len());
            let end = begin.saturating_add(length).min(bytes.len());
            (series, bytes.get(begin..end).unwrap_or_default().to_vec())
        };
        Ok(places().map(chunk).collect())
    }

    /// All chunks of a block.
    pub(super) fn chunks(&self, id: BlockId) -> Result<Chunks, StoreError> {
        let Some(head) = self.head(id)? else { return Ok(Chunks::new()) };
        let places = head.places.into_iter();
        places.map(|(series, begin, length)| Ok((series, self.bytes(id, begin, length)?))).collect()
    }

    /// The first block at or after this one, of its tier and no period beyond `last`; `None` after none.
    pub(super) fn next(&self, from: Option<BlockId>, last: u64) -> Result<Option<BlockId>, StoreError> {
        let Some((tier, period, group)) = from.filter(|(_, period, _)| *period <= last) else { return Ok(None) };
        let mut range = self.table.range((tier, period, group, 0)..=(tier, last, u32::MAX, u16::MAX))?;
        let Some((key, _)) = range.next().transpose()? else { return Ok(None) };
        let (of, found, group_of, _) = key.value();
        // Of a page that is damaged the same blocks would come again for ever.
        if of != tier || !(period..=last).contains(&found) || (found == period && group_of < group) {
            return Err(StoreError::Damaged("its blocks do not ascend".to_owned()));
        }
        Ok(Some((of, found, group_of)))
    }

    fn head(&self, (tier, period, group): BlockId) -> Result<Option<Head>, StoreError> {
        let Some(piece) = self.table.get((tier, period, group, 0))? else { return Ok(None) };
        let head = Head::read(group, piece.value());
        if head.is_none() {
            self.store.count_damage();
        }
        Ok(head)
    }

    /// Bytes of a block. Fewer where pieces are missing: the checksum of the chunk tells.
    fn bytes(&self, (tier, period, group): BlockId, begin: usize, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let (first, last) = (begin / PIECE, (begin + length.max(1) - 1) / PIECE);
        let [first_place, last_place] = [first, last].map(|place| u16::try_from(place).unwrap_or(u16::MAX));
        for piece in self.table.range((tier, period, group, first_place)..=(tier, period, group, last_place))? {
            bytes.extend_from_slice(piece?.1.value());
        }
        let begin = begin - first * PIECE;
        bytes.truncate(begin.saturating_add(length));
        Ok(bytes.split_off(begin.min(bytes.len())))
    }
}

/// Writes a block in the place of the one that is there; none where it has no chunk.
pub(super) fn write(
    table: &mut Table<'_, Key, &'static [u8]>,
    (tier, period, group): BlockId,
    chunks: &Chunks,
) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    if !chunks.is_empty() {
        bytes = Head::write(chunks);
        for (_, chunk) in chunks {
            bytes.extend_from_slice(chunk);
        }
    }
    let mut places = 0..u16::MAX;
    for (piece, place) in bytes.chunks(PIECE).zip(places.by_ref()) {
        table.insert((tier, period, group, place), piece)?;
    }
    let rest = (tier, period, group, places.start)..=(tier, period, group, u16::MAX);
    table.retain_in(rest, |_, _| false)?;
    Ok(())
}
