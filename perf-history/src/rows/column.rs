//! Columns of numbers: the pieces that a chunk is made of.
//!
//! A column is a constant, plain variable-length numbers, or compressed by `pco`, whichever is shortest. Its length is known
//! from elsewhere. Reading takes any bytes: those that are no column are [`Damaged`].

use super::Damaged;
use super::narrow::{self, Decimals};
use super::numbers::{Numbers, Scale};
use super::sides::{self, Sides};
use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

/// The format of columns. Another number is one that this version cannot read.
const FORMAT: u8 = 2;

const ZEROS: u8 = 0;
const CONSTANT: u8 = 1;
const PLAIN: u8 = 2;
/// Numbers with fractions, bit by bit.
const BITS: u8 = 3;
/// Numbers with few decimal places, as whole ones.
const DECIMAL: u8 = 4;
/// Counts side by side, bit by bit.
const SIDES: u8 = 5;
/// Whole numbers of 8 bits; of 16, 32 and 64 bits the numbers after it.
const NARROW: u8 = 8;

/// The work that the compressor puts into columns that are kept, and into those that are written anew within hours. More work than the
/// first makes the chunks of no file in `benches` shorter by more than a fifth of a percent; the other takes a fifth of it.
const WORK: usize = 5;
const LITTLE_WORK: usize = 1;

/// Counts side by side take at most so many halves of the room that they would take compressed.
const MOST_HALVES: usize = 3;

/// The compressor's pages have at most so many numbers.
const MOST_IN_PAGE: usize = 1 << 18;

/// Fewer numbers are not worth the head of a compressed column.
const WORTH_IT: usize = 8;

/// Writes a number in as many bytes as it needs, seven bits in each.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Reads what [`put_number`] wrote.
pub(crate) fn number(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Damaged)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged)
}

/// A number that may be negative as one that is small when it is near zero.
pub(super) fn folded(number: u64) -> u64 {
    number << 1 ^ (number.cast_signed() >> 63).cast_unsigned()
}

/// Takes [`folded`] back.
pub(super) fn unfolded(number: u64) -> u64 {
    number >> 1 ^ (number & 1).wrapping_neg()
}

/// How much work is put into columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As short as they get: for chunks, which are kept.
    Small,
    /// A little longer, with much less work: for chunks that are written anew within hours.
    Soon,
    /// Nearly as short, and so that many rows are summed in little time: for chunks that long ranges are read from.
    Summed,
    /// As they are: for the journal, which is read once more within the hour.
    Quick,
}

impl Packing {
    /// The work of the compressor.
    const fn work(self) -> usize {
        match self {
            Self::Small | Self::Summed => WORK,
            Self::Soon | Self::Quick => LITTLE_WORK,
        }
    }
}

/// Columns that are being written, one after the other.
pub(super) struct Columns {
    out: Vec<u8>,
    pub(super) packing: Packing,
    /// The values of the column that is being written.
    whole: Vec<u64>,
    floats: Vec<f64>,
}

impl Columns {
    pub(super) fn new(packing: Packing) -> Self {
        let mut out = vec![FORMAT];
        // Into memory: there is room.
        let _ = FileCompressor::default().write_header(&mut out);
        Self { out, packing, whole: Vec::new(), floats: Vec::new() }
    }

    pub(super) fn number(&mut self, number: u64) {
        put_number(&mut self.out, number);
    }

    /// Writes a column of whole numbers that do not depend on the ones before them.
    pub(super) fn whole(&mut self, values: impl IntoIterator<Item = u64>) {
        let Self { out, packing, whole, .. } = self;
        whole.clear();
        whole.extend(values);
        let first = whole.first().copied().unwrap_or_default();
        if whole.iter().all(|value| *value == first) {
            if first == 0 {
                return out.push(ZEROS);
            }
            out.push(CONSTANT);
            return put_number(out, first);
        }
        let start = out.len();
        out.push(PLAIN);
        for &value in whole.iter() {
            put_number(out, value);
        }
        if *packing != Packing::Quick && whole.len() >= WORTH_IT {
            put_shorter(out, start, |out| put_narrow(out, whole, 0, *packing));
        }
    }

    /// Writes columns of counts, each of so many rows, one after the other.
    pub(super) fn side_by_side(&mut self, counts: &[u64], rows: usize) {
        let start = self.out.len();
        self.whole(counts.iter().copied());
        if self.packing == Packing::Summed {
            let compressed = self.out.len() - start;
            let mut bytes = vec![SIDES];
            if sides::put(&mut bytes, counts.chunks(rows.max(1)), compressed * MOST_HALVES / 2) {
                self.out.truncate(start);
                self.out.append(&mut bytes);
            }
        }
    }

    /// Writes a column of numbers with fractions, bit by bit as they are.
    pub(super) fn floats(&mut self, values: impl IntoIterator<Item = f64>) {
        let Self { out, packing, floats, .. } = self;
        floats.clear();
        floats.extend(values);
        let first = floats.first().copied().unwrap_or_default();
        if floats.iter().all(|value| value.to_bits() == first.to_bits()) {
            out.push(CONSTANT);
            return out.extend(first.to_le_bytes());
        }
        let start = out.len();
        out.push(PLAIN);
        out.extend(floats.iter().flat_map(|value| value.to_le_bytes()));
        if *packing != Packing::Quick && floats.len() >= WORTH_IT {
            put_shorter(out, start, |out| {
                let Some(mut decimals) = narrow::decimals(floats) else {
                    out.push(BITS);
                    return compress(out, floats, &ChunkConfig::default().with_compression_level(packing.work()));
                };
                out.extend([DECIMAL, decimals.places]);
                put_number(out, folded(decimals.lowest.cast_unsigned()));
                let order = narrow::order(&decimals.above);
                put_narrow(out, &mut decimals.above, order, *packing)
            });
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

/// Puts a compressed column in place of the plain one that begins at `start`, where it is shorter.
fn put_shorter(out: &mut Vec<u8>, start: usize, put: impl FnOnce(&mut Vec<u8>) -> pco::errors::PcoResult<()>) {
    let end = out.len();
    let is_done = put(out).is_ok();
    let length = out.len() - end;
    if is_done && length < end - start {
        out.copy_within(end.., start);
        out.truncate(start + length);
    } else {
        out.truncate(end);
    }
}

/// Writes whole numbers less the lowest of them and divided by what they have in common, in as few bits as the greatest needs: the
/// compressor's tables have numbers of that width. Of numbers that follow each other, differences are taken so often.
fn put_narrow(out: &mut Vec<u8>, values: &mut [u64], order: usize, packing: Packing) -> pco::errors::PcoResult<()> {
    let (lowest, unit, width) = narrow::reduce(values);
    out.push(NARROW + width);
    put_number(out, lowest);
    put_number(out, unit);
    let config = ChunkConfig::default().with_compression_level(packing.work());
    let mut config = config.with_mode_spec(ModeSpec::Classic).with_enable_8_bit(true);
    config.delta_spec = if order == 0 { DeltaSpec::NoOp } else { DeltaSpec::TryConsecutive(order) };
    match width {
        0 => compress::<u8>(out, &narrow::narrowed(values), &config),
        1 => compress::<u16>(out, &narrow::narrowed(values), &config),
        2 => compress::<u32>(out, &narrow::narrowed(values), &config),
        _ => compress::<u64>(out, values, &config),
    }
}

fn compress<N: Number>(out: &mut Vec<u8>, values: &[N], config: &ChunkConfig) -> pco::errors::PcoResult<()> {
    // The reader splits it in the same way.
    let config = config.clone().with_paging_spec(PagingSpec::EqualPagesUpTo(MOST_IN_PAGE));
    let mut chunk = FileCompressor::default().chunk_compressor(values, &config)?;
    chunk.write_meta(&mut *out)?;
    for page in 0..chunk.n_per_page().len() {
        chunk.write_page(page, &mut *out)?;
    }
    Ok(())
}

/// Columns of counts that were read.
#[derive(Debug)]
pub(super) enum SideBySide {
    Numbers(Numbers),
    Bits(Sides),
}

impl SideBySide {
    /// Makes numbers of bits.
    pub(super) fn unpack(&mut self) {
        if let Self::Bits(sides) = self {
            *self = Self::Numbers(Numbers::Each(sides.unpacked()));
        }
    }
}

/// Columns that are being read, one after the other.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    file: FileDecompressor,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let (&format, bytes) = bytes.split_first().ok_or(Damaged)?;
        let (file, bytes) = FileDecompressor::new(bytes).map_err(|_| Damaged)?;
        if format == FORMAT { Ok(Self { bytes, file }) } else { Err(Damaged) }
    }

    /// There must be nothing more.
    pub(super) fn end(&self) -> Result<(), Damaged> {
        if self.bytes.is_empty() { Ok(()) } else { Err(Damaged) }
    }

    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        number(&mut self.bytes)
    }

    /// Reads a column of `length` whole numbers.
    pub(super) fn whole(&mut self, length: usize) -> Result<Vec<u64>, Damaged> {
        Ok(self.numbers(length)?.into_vec(length))
    }

    /// Reads a column of `length` whole numbers, as narrow as they are.
    pub(super) fn numbers(&mut self, length: usize) -> Result<Numbers, Damaged> {
        match self.byte()? {
            ZEROS => Ok(Numbers::Same(0)),
            CONSTANT => Ok(Numbers::Same(self.number()?)),
            // Each takes a byte at least: a length that is made up takes no memory.
            PLAIN if length <= self.bytes.len() => {
                (0..length).map(|_| self.number()).collect::<Result<_, _>>().map(Numbers::Each)
            }
            tag => self.narrow(tag, length),
        }
    }

    /// Reads columns of counts, each of so many rows.
    pub(super) fn side_by_side(&mut self, columns: usize, rows: usize) -> Result<SideBySide, Damaged> {
        if self.bytes.first() == Some(&SIDES) {
            self.byte()?;
            return Sides::read(&mut self.bytes, columns, rows).map(SideBySide::Bits);
        }
        self.numbers(columns.checked_mul(rows).ok_or(Damaged)?).map(SideBySide::Numbers)
    }

    /// Reads a column of `length` numbers with fractions.
    pub(super) fn floats(&mut self, length: usize) -> Result<Vec<f64>, Damaged> {
        match self.byte()? {
            CONSTANT => Ok(vec![self.float()?; length]),
            PLAIN if length <= self.bytes.len() / size_of::<f64>() => (0..length).map(|_| self.float()).collect(),
            BITS => self.decompress(length),
            DECIMAL => {
                let (places, lowest) = (self.byte()?, unfolded(self.number()?).cast_signed());
                let tag = self.byte()?;
                narrow::floats(&Decimals { places, lowest, above: self.narrow(tag, length)?.into_vec(length) })
                    .ok_or(Damaged)
            }
            _ => Err(Damaged),
        }
    }

    fn narrow(&mut self, tag: u8, length: usize) -> Result<Numbers, Damaged> {
        let width = tag.checked_sub(NARROW).ok_or(Damaged)?;
        let scale = Scale { lowest: self.number()?, unit: self.number()? };
        match width {
            0 => Ok(Numbers::Bytes(scale, self.decompress(length)?)),
            1 => Ok(Numbers::Shorts(scale, self.decompress(length)?)),
            2 => Ok(Numbers::Words(scale, self.decompress(length)?)),
            3 => Ok(Numbers::Wide(scale, self.decompress(length)?)),
            _ => Err(Damaged),
        }
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        let (&byte, rest) = self.bytes.split_first().ok_or(Damaged)?;
        self.bytes = rest;
        Ok(byte)
    }

    fn float(&mut self) -> Result<f64, Damaged> {
        let (float, rest) = self.bytes.split_first_chunk().ok_or(Damaged)?;
        self.bytes = rest;
        Ok(f64::from_le_bytes(*float))
    }

    fn decompress<N: Number>(&mut self, length: usize) -> Result<Vec<N>, Damaged> {
        let (mut chunk, rest) = self.file.chunk_decompressor::<N, _>(self.bytes).map_err(|_| Damaged)?;
        self.bytes = rest;
        let mut values = vec![N::default(); length];
        // Many numbers are in pages of about the same length.
        let pages = length.div_ceil(MOST_IN_PAGE);
        let mut left = values.as_mut_slice();
        for page in (1..=pages).rev() {
            let (of_page, others) = left.split_at_mut_checked(left.len().div_ceil(page)).ok_or(Damaged)?;
            let mut page = chunk.page_decompressor(self.bytes, of_page.len()).map_err(|_| Damaged)?;
            let progress = page.read(of_page).map_err(|_| Damaged)?;
            self.bytes = page.into_src();
            if progress.n_processed != of_page.len() {
                return Err(Damaged);
            }
            left = others;
        }
        Ok(values)
    }
}
