//! Things that the end of a call's body hands over to the end of the call itself.

use super::inside::Inside;
use super::recording::Recording;
use crate::measure::cells::tree::node::Node;
use crate::measure::cells::tree::parent::Parent;
use std::sync::atomic::{AtomicU16, Ordering};

/// Things that the end of a call's body hands over to the end of the call itself: whether calls inside it are recorded, and where.
///
/// Of a call without a caller it is its recording; of another the place of its record, counted from one. Until then, while the call is paused, it
/// keeps the child for which the call waits. Atomic, though one thread at a time has the call, so that futures may be shared between threads as
/// their bodies may; and within 16 bits, for every future holds one.
#[derive(Debug, Default)]
pub(crate) struct HandedOver(AtomicU16);

/// The place of a call's record in the buffer of its root.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Yet to be reserved: the call made no others.
    None,
    /// There is none left.
    Refused,
    Of(usize),
}

impl HandedOver {
    /// Of a call without a caller: calls inside it are recorded nowhere. Of another: there is no place for it.
    const NOWHERE: u16 = u16::MAX;

    pub(crate) const fn nothing() -> Self {
        Self(AtomicU16::new(0))
    }

    /// Keeps the child for which a call waits that is paused.
    #[inline]
    pub(crate) fn keep(&mut self, child: Option<Node>) {
        *self.0.get_mut() = child.map_or(0, Node::number);
    }

    /// Takes the child for which a call waited that was paused.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Node> {
        let number = std::mem::take(self.0.get_mut());
        (number != 0).then(|| Node::from_number(number))
    }

    #[inline]
    fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }

    /// The calls inside a call without a caller.
    pub(super) fn of_root(&self) -> Inside {
        match self.get() {
            0 => Inside::Nothing,
            Self::NOWHERE => Inside::Unknown(None),
            bits => Inside::Recorded(Recording::from_bits(bits)),
        }
    }

    /// The place of a call that was made inside another.
    #[inline]
    pub(super) fn place(&self) -> Place {
        match self.get() {
            0 => Place::None,
            Self::NOWHERE => Place::Refused,
            place => Place::Of(usize::from(place) - 1),
        }
    }

    /// Whether a call without a caller has a buffer.
    #[inline]
    pub(super) fn is_recording(&self) -> bool {
        !matches!(self.get(), 0 | Self::NOWHERE)
    }

    /// The calls inside a call of this name, which was made inside `parent`, are over for it: they covered so much of its time.
    #[inline]
    pub(crate) fn set(&self, name: Parent, parent: Parent, covered: u64) {
        if name.recording().is_some() {
            self.0.store(hand_over(name, parent, covered), Ordering::Relaxed);
        } else if !parent.is_some() && name.is_some() {
            self.0.store(Self::NOWHERE, Ordering::Relaxed);
        }
    }
}

fn hand_over(name: Parent, parent: Parent, covered: u64) -> u16 {
    let recording = name.recording();
    if !parent.is_some() {
        return if claim(name, covered) { recording.bits() } else { HandedOver::NOWHERE };
    }
    let Some((place, record)) = recording.buffer().reserve(recording) else { return HandedOver::NOWHERE };
    record.write_inside(name, covered);
    // Places are below `MOST_CALLS`.
    u16::try_from(place + 1).unwrap_or(HandedOver::NOWHERE)
}

/// Takes its buffer from a root of this name that ends; `false` where somebody has it already.
fn claim(name: Parent, covered: u64) -> bool {
    let buffer = name.recording().buffer();
    let is_own = buffer.claim(name);
    if is_own {
        buffer.write_root(name, covered);
    }
    is_own
}

/// The calls inside a call without a caller that kept its name, none where it made no calls, and the time that they covered.
pub(super) fn of_late_root(name: Parent, covered: u64) -> Inside {
    let recording = name.recording();
    match name.is_some() {
        false => Inside::Nothing,
        true if recording.is_some() && claim(name, covered) => Inside::Recorded(recording),
        true => Inside::Unknown(Some(covered)),
    }
}
