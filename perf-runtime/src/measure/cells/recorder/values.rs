//! Values of the fields of a call, as they were when it began: written into a box that is used again, and read when somebody asks.
//!
//! A value that is a number or a bool is kept as it is, any other as the text that the span would show; each cut, and all together too.

use crate::guarded::run_guarded;
use crate::measure::cells::failures::cut;
use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Debug, Write};
use std::sync::atomic::AtomicPtr;
use tracing::field::{Field, FieldSet, Value, Visit};
use tracing::subscriber::Interest;
use tracing::{Metadata, callsite};
use tracing_core::identify_callsite;

/// So many values of a call are kept. Of those beyond, and of those that no room is left for, it is kept that there were any.
pub(crate) const MOST_VALUES: usize = 16;
/// So many bytes of a text.
pub(crate) const MOST_TEXT: usize = 256;
/// So many bytes of all values of a call, but for the marks of those that are left out.
const MOST_BYTES: usize = 1_024;
/// The bytes before a text: the field's place, the sort of value and the length.
const HEAD: usize = 4;
/// The bytes of a value that is no text.
const NUMBER: usize = 10;

/// The text in place of one whose `Debug` or `Display` panicked.
const PANICKED: &str = "(its Debug or Display panicked)";

/// The names of the fields that a function's attribute lists.
pub(crate) type Names = &'static [&'static str];

/// The field that the attribute of a call to a language model adds by itself, for its span: nobody named it.
const ADDED: &str = "gen_ai.operation.name";

/// Whether there is a field among these that somebody named.
#[inline]
pub(crate) fn are_worth_keeping(names: Names) -> bool {
    names.iter().any(|name| *name != ADDED)
}

/// The values of a call that runs. Boxed, and used again for another call.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Of the fields, in the order of the attribute.
    names: Names,
    bytes: Vec<u8>,
    /// The place of the call's record, once it is in the [list](super::values_list) of its root.
    pub(super) place: usize,
    pub(super) next: AtomicPtr<Self>,
}

/// The values of a call that is kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptValues {
    names: Names,
    bytes: Box<[u8]>,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: KeptValue<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeptValue<'a> {
    Text { text: &'a str, is_cut: bool },
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
}

impl fmt::Display for KeptValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text, .. } => f.write_str(text),
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Signed(number) => write!(f, "{number}"),
            // As a span's subscriber writes it: a whole number with its point.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(bool) => write!(f, "{bool}"),
        }
    }
}

const TEXT: u8 = 0;
const CUT_TEXT: u8 = 1;
const UNSIGNED: u8 = 2;
const SIGNED: u8 = 3;
const FLOAT: u8 = 4;
const BOOL: u8 = 5;

impl Values {
    /// The values of the fields of these names. None where there is none to keep: of fields that are recorded later.
    pub(crate) fn capture(names: Names, values: &[&dyn Value]) -> Option<Box<Self>> {
        let field = any_field()?;
        let mut this = hold();
        this.names = names;
        let mut kept = 0;
        for ((place, value), name) in (0_u8..).zip(values).zip(names) {
            if *name == ADDED {
                continue;
            }
            let (before, is_full) = (this.bytes.len(), kept == MOST_VALUES);
            if run_guarded(|| value.record(&field, &mut Pen { bytes: &mut this.bytes, place, is_full })).is_none() {
                this.bytes.truncate(before);
                Pen { bytes: &mut this.bytes, place, is_full }.text(|text| text.write_str(PANICKED));
            }
            // Fields that are recorded later have no value yet.
            kept += usize::from(!is_full && this.bytes.len() > before);
        }
        if this.bytes.is_empty() {
            release(this);
            return None;
        }
        Some(this)
    }

    /// The memory that it takes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    pub(super) fn keep(&self) -> KeptValues {
        KeptValues { names: self.names, bytes: self.bytes.as_slice().into() }
    }

    /// Forgets the values, for another call. Few need more memory than is left.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MOST_TEXT);
    }
}

impl KeptValues {
    /// The memory that it takes beside itself.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }

    /// The values, in the order of the attribute.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Shown<'_>> {
        let mut left: &[u8] = &self.bytes;
        std::iter::from_fn(move || {
            let (place, value, rest) = next(left)?;
            left = rest;
            Some((place, value))
        })
        .filter_map(|(place, value)| Some(Shown { name: self.names.get(usize::from(place))?, value }))
    }
}

/// The first value, and what is behind it.
fn next(bytes: &[u8]) -> Option<(u8, KeptValue<'_>, &[u8])> {
    let (&[place, sort], rest) = bytes.split_first_chunk()?;
    if matches!(sort, TEXT | CUT_TEXT) {
        let (&length, rest) = rest.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(length)))?;
        return Some((
            place,
            KeptValue::Text { text: std::str::from_utf8(text).ok()?, is_cut: sort == CUT_TEXT },
            rest,
        ));
    }
    let (&number, rest) = rest.split_first_chunk()?;
    let value = match sort {
        UNSIGNED => KeptValue::Unsigned(u64::from_le_bytes(number)),
        SIGNED => KeptValue::Signed(i64::from_le_bytes(number)),
        FLOAT => KeptValue::Float(f64::from_le_bytes(number)),
        _ => KeptValue::Bool(number != [0; 8]),
    };
    Some((place, value, rest))
}

/// Writes one value.
struct Pen<'a> {
    bytes: &'a mut Vec<u8>,
    place: u8,
    /// Whether there were as many values before it as are kept.
    is_full: bool,
}

impl Pen<'_> {
    fn number(&mut self, sort: u8, number: [u8; 8]) {
        if self.room(NUMBER).is_none() {
            return self.leave_out();
        }
        self.bytes.extend([self.place, sort]);
        self.bytes.extend(number);
    }

    /// The room behind so many bytes.
    fn room(&self, bytes: usize) -> Option<usize> {
        MOST_BYTES.checked_sub(self.bytes.len() + bytes).filter(|_| !self.is_full)
    }

    /// Keeps of a value that there was one: a text of which nothing is left.
    fn leave_out(&mut self) {
        self.bytes.extend([self.place, CUT_TEXT, 0, 0]);
    }

    fn text(&mut self, write: impl FnOnce(&mut Text<'_>) -> fmt::Result) {
        let head = self.bytes.len();
        let Some(room) = self.room(HEAD) else { return self.leave_out() };
        self.bytes.extend([self.place, TEXT, 0, 0]);
        let mut text = Text { bytes: self.bytes, room: room.min(MOST_TEXT), is_cut: false };
        // An error of the value's own: it is shown as far as it came.
        let is_cut = write(&mut text).is_err() | text.is_cut;
        let length = u16::try_from(self.bytes.len() - head - HEAD).unwrap_or(0).to_le_bytes();
        if let Some([_, sort, l0, l1]) = self.bytes.get_mut(head..head + HEAD) {
            (*sort, *l0, *l1) = (if is_cut { CUT_TEXT } else { TEXT }, length[0], length[1]);
        }
    }
}

impl Visit for Pen<'_> {
    fn record_f64(&mut self, _: &Field, value: f64) {
        self.number(FLOAT, value.to_le_bytes());
    }

    fn record_i64(&mut self, _: &Field, value: i64) {
        self.number(SIGNED, value.to_le_bytes());
    }

    fn record_u64(&mut self, _: &Field, value: u64) {
        self.number(UNSIGNED, value.to_le_bytes());
    }

    fn record_bool(&mut self, _: &Field, value: bool) {
        self.number(BOOL, u64::from(value).to_le_bytes());
    }

    fn record_str(&mut self, _: &Field, value: &str) {
        self.text(|text| text.write_str(value));
    }

    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        self.text(|text| write!(text, "{value}"));
    }

    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        self.text(|text| write!(text, "{value:?}"));
    }
}

/// The text of a value, as far as there is room for it.
struct Text<'a> {
    bytes: &'a mut Vec<u8>,
    room: usize,
    is_cut: bool,
}

/// Text that does not fit is left out, and no error: there are `Debug`s that panic of one.
impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Ok(());
        }
        let fitting = cut(text, self.room);
        self.is_cut = fitting.len() < text.len();
        self.room -= fitting.len();
        self.bytes.extend_from_slice(fitting.as_bytes());
        Ok(())
    }
}

/// A field, which a value wants to see before it shows itself. Nobody looks which.
fn any_field() -> Option<Field> {
    static FIELDS: FieldSet = FieldSet::new(&["value"], identify_callsite!(&NoCallsite));
    FIELDS.iter().next()
}

/// In place of the callsite of a span: values are shown to nobody but us.
struct NoCallsite;

impl callsite::Callsite for NoCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        static METADATA: Metadata<'static> = Metadata::new(
            "values",
            module_path!(),
            tracing::Level::TRACE,
            None,
            None,
            None,
            FieldSet::new(&["value"], identify_callsite!(&NoCallsite)),
            tracing::metadata::Kind::SPAN,
        );
        &METADATA
    }
}

/// As many as a thread keeps, of some 300 bytes at most: calls within calls, or calls that wait, that ended on it.
const KEPT: usize = 32;

type Boxes = Vec<Box<Values>>;

thread_local!(static EMPTY: RefCell<Boxes> = const { RefCell::new(Vec::new()) });

/// An empty box.
#[expect(clippy::unnecessary_box_returns, reason = "the box is what is to be had")]
fn hold() -> Box<Values> {
    let kept = EMPTY.try_with(|boxes| boxes.try_borrow_mut().ok()?.pop()).ok().flatten();
    kept.unwrap_or_default()
}

/// Keeps a box for another call.
pub(crate) fn release(mut values: Box<Values>) {
    values.clear();
    // Refused while the thread ends; then the box is freed.
    let _ = EMPTY.try_with(|boxes| {
        if let Some(mut boxes) = boxes.try_borrow_mut().ok().filter(|boxes| boxes.len() < KEPT) {
            boxes.push(values);
        }
    });
}

#[cfg(test)]
mod tests;
