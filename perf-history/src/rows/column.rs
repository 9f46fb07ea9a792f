//! Columns of numbers: the pieces that a chunk is made of.
//!
//! A column is a constant, plain variable-length numbers, or compressed by `pco`, whichever is shortest. Its length is known
//! from elsewhere. Reading takes any bytes: those that are no column are [`Damaged`].

use super::Damaged;
use pco::ChunkConfig;
use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};

const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const COMPRESSED: u8 = 2;

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

/// How much work is put into columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As short as they get: for chunks, which are kept.
    Small,
    /// As they are: for the journal, which is read once more within the hour.
    Quick,
}

/// Columns that are being written, one after the other.
pub(super) struct Columns {
    out: Vec<u8>,
    packing: Packing,
    /// The values of the column that is being written.
    whole: Vec<u64>,
    floats: Vec<f64>,
}

impl Columns {
    pub(super) fn new(packing: Packing) -> Self {
        Self { out: Vec::new(), packing, whole: Vec::new(), floats: Vec::new() }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(super) fn number(&mut self, number: u64) {
        put_number(&mut self.out, number);
    }

    /// Writes a column of whole numbers.
    pub(super) fn whole(&mut self, values: impl IntoIterator<Item = u64>) {
        let Self { out, packing, whole, .. } = self;
        whole.clear();
        whole.extend(values);
        let first = whole.first().copied().unwrap_or_default();
        if whole.iter().all(|value| *value == first) {
            out.push(CONSTANT);
            return put_number(out, first);
        }
        let start = out.len();
        out.push(PLAIN);
        for &value in whole.iter() {
            put_number(out, value);
        }
        if *packing == Packing::Small && whole.len() >= WORTH_IT {
            put_shorter(out, start, whole);
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
        if *packing == Packing::Small && floats.len() >= WORTH_IT {
            put_shorter(out, start, floats);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

/// Puts a compressed column in place of the plain one that begins at `start`, where it is shorter.
fn put_shorter<N: Number>(out: &mut Vec<u8>, start: usize, values: &[N]) {
    let end = out.len();
    out.push(COMPRESSED);
    let is_done = compress(out, values).is_ok();
    let length = out.len() - end;
    if is_done && length < end - start {
        out.copy_within(end.., start);
        out.truncate(start + length);
    } else {
        out.truncate(end);
    }
}

/// Reads a column of `length` whole numbers.
pub(super) fn whole(bytes: &mut &[u8], length: usize) -> Result<Vec<u64>, Damaged> {
    match tag(bytes)? {
        CONSTANT => Ok(vec![number(bytes)?; length]),
        // Each takes a byte at least: a length that is made up takes no memory.
        PLAIN if length <= bytes.len() => (0..length).map(|_| number(bytes)).collect(),
        COMPRESSED => decompress(bytes, length),
        _ => Err(Damaged),
    }
}

/// Reads a column of `length` numbers with fractions.
pub(super) fn floats(bytes: &mut &[u8], length: usize) -> Result<Vec<f64>, Damaged> {
    match tag(bytes)? {
        CONSTANT => Ok(vec![float(bytes)?; length]),
        PLAIN if length <= bytes.len() / size_of::<f64>() => (0..length).map(|_| float(bytes)).collect(),
        COMPRESSED => decompress(bytes, length),
        _ => Err(Damaged),
    }
}

fn tag(bytes: &mut &[u8]) -> Result<u8, Damaged> {
    let (&tag, rest) = bytes.split_first().ok_or(Damaged)?;
    *bytes = rest;
    Ok(tag)
}

fn float(bytes: &mut &[u8]) -> Result<f64, Damaged> {
    let (float, rest) = bytes.split_first_chunk().ok_or(Damaged)?;
    *bytes = rest;
    Ok(f64::from_le_bytes(*float))
}

fn compress<N: Number>(out: &mut Vec<u8>, values: &[N]) -> pco::errors::PcoResult<()> {
    let file = FileCompressor::default();
    file.write_header(&mut *out)?;
    let mut chunk = file.chunk_compressor(values, &ChunkConfig::default())?;
    chunk.write_meta(&mut *out)?;
    for page in 0..chunk.n_per_page().len() {
        chunk.write_page(page, &mut *out)?;
    }
    Ok(())
}

fn decompress<N: Number>(bytes: &mut &[u8], length: usize) -> Result<Vec<N>, Damaged> {
    let (file, rest) = FileDecompressor::new(*bytes).map_err(|_| Damaged)?;
    let (mut chunk, rest) = file.chunk_decompressor::<N, _>(rest).map_err(|_| Damaged)?;
    let mut page = chunk.page_decompressor(rest, length).map_err(|_| Damaged)?;
    let mut values = vec![N::default(); length];
    let progress = page.read(&mut values).map_err(|_| Damaged)?;
    *bytes = page.into_src();
    if progress.n_processed == length { Ok(values) } else { Err(Damaged) }
}
