//! Longer steps, made of the shorter ones of the tier before: when a chunk of minutes is over, or the shorter ones are to be forgotten.
//!
//! So nothing of the last hours is in two tiers, and no chunk of the longer ones is written again each hour. Up to when a tier
//! has everything is noted; from there on its steps are read from shorter ones. Rows that come for a time before it, after a clock
//! was set back, go into that tier too when they are sealed. Group by group, with a note of how far it came in the same commit.

use super::block::{self, BLOCKS, BlockId, Blocks, Chunks, end_of, group_of};
use super::forget::FORGOTTEN;
use super::{FINEST, META, Store, StoreError, TIERS, Tier, get, guarded, put, with_sum};
use crate::names::Name;
use crate::rows::{At, CallRow, PointRow, Row, insert};
use redb::{ReadOnlyTable, ReadableTable};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

/// The names under which it is noted up to when each tier has everything, and how far it came with more.
const MADE: [&str; TIERS.len()] = ["made-0", "made-1", "made-2"];
const MAKING: [&str; TIERS.len()] = ["making-0", "making-1", "making-2"];

/// Up to when a tier has everything, in nanoseconds since 1970; further for the series below a number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    pub(super) until: u64,
    making: Option<Making>,
}

/// How far the making of steps up to a time came: those of the series below this number are there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Making {
    until: u64,
    below: u32,
}

impl Made {
    /// Up to when each tier has everything. The finest has it always.
    pub(super) fn of(
        meta: &impl ReadableTable<&'static str, &'static [u8]>,
    ) -> Result<[Self; TIERS.len()], StoreError> {
        let mut all = [Self { until: u64::MAX, making: None }; TIERS.len()];
        for ((made, name), making) in all.iter_mut().zip(MADE).zip(MAKING).skip(1) {
            *made = Self { until: get(meta, name)?.unwrap_or_default(), making: get(meta, making)? };
        }
        Ok(all)
    }

    /// The same for a group of series.
    pub(super) fn of_group(self, group: u32) -> u64 {
        let further = self.making.filter(|making| end_of(group) <= making.below);
        further.map_or(self.until, |making| making.until)
    }
}

impl Store {
    /// Up to when each tier has everything, once what was begun is finished, in nanoseconds since 1970.
    pub(super) fn made(&self) -> Result<[u64; TIERS.len()], StoreError> {
        let made = guarded(|| Made::of(&self.read()?.open_table(META)?))?;
        Ok(made.map(|made| made.making.map_or(made.until, |making| making.until)))
    }

    /// Makes the steps of each longer tier up to a time, in nanoseconds since 1970, of those of the tier before, but begins nothing more
    /// after so long. Says whether all are made.
    pub(crate) fn make_longer(&self, until: [u64; TIERS.len()], at_most: Duration) -> Result<bool, StoreError> {
        self.finish_sealing()?;
        let begun = Instant::now();
        for (tier, until) in until.into_iter().enumerate().skip(1) {
            while guarded(|| self.make_next(tier, until))? {
                if begun.elapsed() >= at_most {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Makes the next steps of a tier: those of one group in one chunk. Says whether there were any.
    fn make_next(&self, tier: usize, until: u64) -> Result<bool, StoreError> {
        let step = Step { tier, of: TIERS[tier], shorter: TIERS[tier - 1] };
        let transaction = self.read()?;
        let made = Made::of(&transaction.open_table(META)?)?;
        let table = transaction.open_table(BLOCKS)?;
        let blocks = Blocks { table: &table, store: self };
        // Whole chunks of the finest tier, so that every hour lies on one side.
        let until = until.min(made[tier - 1].until) / FINEST.period() * FINEST.period();
        let (stretch, below) = match made[tier] {
            Made { until: begin, making: Some(making) } => (begin..making.until, making.below),
            Made { until: begin, .. } if until <= begin => return Ok(false),
            Made { until: begin, .. } => (step.next(&blocks, begin..until)?, 0),
        };
        let forgotten: u64 = get(&transaction.open_table(META)?, FORGOTTEN[tier])?.unwrap_or_default();
        let group = if stretch.is_empty() { None } else { step.next_group(&blocks, &stretch, group_of(below))? };
        // Of a longer step whose begin was forgotten, nothing is left.
        let wanted = stretch.start.max(forgotten)..stretch.end;
        let longer = group.map(|group| self.longer(&blocks, step, group, &wanted)).transpose()?;

        let transaction = self.write()?;
        {
            let mut meta = transaction.open_table(META)?;
            if let Some((group, longer)) = group.zip(longer) {
                block::write(&mut transaction.open_table(BLOCKS)?, step.made_in(group, &stretch), &longer)?;
                // There is nothing before it that is not made.
                put(&mut meta, MADE[tier], &stretch.start)?;
                put(&mut meta, MAKING[tier], &Making { until: stretch.end, below: end_of(group) })?;
            } else {
                put(&mut meta, MADE[tier], &stretch.end)?;
                meta.remove(MAKING[tier])?;
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    /// The chunks of a block, with the rows of a stretch of time added, from the tier before.
    fn longer(
        &self,
        blocks: &Blocks<'_, ReadOnlyTable<block::Key, &'static [u8]>>,
        step: Step,
        group: u32,
        stretch: &Range<u64>,
    ) -> Result<Chunks, StoreError> {
        let mut chunks: BTreeMap<u32, Vec<u8>> = blocks.chunks(step.made_in(group, stretch))?.into_iter().collect();
        let mut series = BTreeSet::new();
        for id in step.made_of(group, stretch) {
            series.extend(blocks.series(id)?);
        }
        // One after the other, so that the rows of one series are in memory.
        for series in series {
            let Some(name) = self.name_of(series) else { continue };
            let mut parts = Vec::new();
            for id in step.made_of(group, stretch) {
                parts.extend(blocks.chunk(id, series)?);
            }
            let before = chunks.get(&series).map(Vec::as_slice);
            let chunk = match &*name {
                Name::Calls(_) => self.widened::<CallRow>(before, &parts, step, stretch),
                Name::Metric { .. } => self.widened::<PointRow>(before, &parts, step, stretch),
            };
            if let Some(chunk) = chunk {
                chunks.insert(series, chunk);
            }
        }
        Ok(chunks.into_iter().collect())
    }

    /// A chunk with the rows of others added, in longer steps: those of a stretch of time. `None` where there is no row.
    fn widened<R: Row>(
        &self,
        before: Option<&[u8]>,
        parts: &[Vec<u8>],
        Step { of, shorter, .. }: Step,
        stretch: &Range<u64>,
    ) -> Option<Vec<u8>> {
        let mut joined: Vec<R> = before.map(|bytes| self.decode(bytes)).unwrap_or_default();
        let step_of = |at: &At| {
            let begin = at.cell.saturating_mul(shorter.step);
            stretch.contains(&begin).then_some(begin / of.step)
        };
        for row in parts.iter().flat_map(|chunk| self.decode_wide::<R>(chunk, step_of)) {
            insert(&mut joined, row.at().widened(shorter.step, of.step), &row);
        }
        (!joined.is_empty()).then(|| with_sum(R::encode(&joined, of.packing())))
    }
}

/// A step from a tier to the next longer one.
#[derive(Clone, Copy)]
struct Step {
    /// The number of the longer one.
    tier: usize,
    of: Tier,
    shorter: Tier,
}

impl Step {
    /// The number of the longer tier, and that of the shorter one.
    fn numbers(self) -> (u8, u8) {
        let longer = u8::try_from(self.tier).unwrap_or_default();
        (longer, longer.saturating_sub(1))
    }

    /// The next stretch of time to make, within one chunk of the longer tier: up to the end where there is nothing before it.
    fn next<T: ReadableTable<block::Key, &'static [u8]>>(
        self,
        blocks: &Blocks<'_, T>,
        Range { start, end }: Range<u64>,
    ) -> Result<Range<u64>, StoreError> {
        let periods = self.shorter_periods(&(start..end));
        let next = blocks.next(Some((self.numbers().1, periods.start, 0)), periods.end.saturating_sub(1))?;
        let Some((_, period, _)) = next else { return Ok(end..end) };
        let start = start.max(period.saturating_mul(self.shorter.period()));
        let chunk = start / self.of.period();
        Ok(start..end.min(chunk.saturating_add(1).saturating_mul(self.of.period())))
    }

    /// The first group, from this one on, that has a block to make steps of.
    fn next_group<T: ReadableTable<block::Key, &'static [u8]>>(
        self,
        blocks: &Blocks<'_, T>,
        stretch: &Range<u64>,
        from: u32,
    ) -> Result<Option<u32>, StoreError> {
        let mut first: Option<u32> = None;
        for period in self.shorter_periods(stretch) {
            let next = blocks.next(Some((self.numbers().1, period, from)), period)?;
            first = first.into_iter().chain(next.map(|(.., group)| group)).min();
        }
        Ok(first)
    }

    fn shorter_periods(self, stretch: &Range<u64>) -> Range<u64> {
        stretch.start / self.shorter.period()..stretch.end.div_ceil(self.shorter.period())
    }

    /// The block that a stretch of a group is made in.
    fn made_in(self, group: u32, stretch: &Range<u64>) -> BlockId {
        (self.numbers().0, stretch.end.saturating_sub(1) / self.of.period(), group)
    }

    /// The blocks that it is made of.
    fn made_of(self, group: u32, stretch: &Range<u64>) -> impl Iterator<Item = BlockId> {
        let (_, tier) = self.numbers();
        self.shorter_periods(stretch).map(move |period| (tier, period, group))
    }
}
