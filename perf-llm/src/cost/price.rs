use super::PriceError;
use crate::Money;
use crate::usage::Class;
use std::fmt;
use std::sync::Arc;

/// A part of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item {
    /// Prompt tokens outside of caches, of every modality.
    Input,
    /// Prompt tokens read from a cache.
    CacheRead,
    /// Prompt tokens written to a cache of a lifetime that nobody told.
    CacheWrite,
    /// Prompt tokens written to a cache for five minutes.
    CacheWrite5m,
    /// Prompt tokens written to a cache for an hour.
    CacheWrite1h,
    /// Generated tokens but for reasoning, of every modality.
    Output,
    /// Generated tokens that the model thought with.
    Reasoning,
    /// Tool calls by the provider.
    Tools,
    /// The fee of a request by itself.
    Request,
    /// The cost that the provider told, which has no parts.
    Told,
}

impl Item {
    /// All items.
    pub const ALL: &[Self] = &[
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::Output,
        Self::Reasoning,
        Self::Tools,
        Self::Request,
        Self::Told,
    ];

    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::Tools => "tools",
            Self::Request => "request",
            Self::Told => "told",
        }
    }

    /// The item that a class is paid under.
    pub(super) const fn of(class: Class) -> Self {
        match class {
            Class::CacheRead | Class::CacheReadAudio | Class::CacheReadImage | Class::CacheReadVideo => Self::CacheRead,
            Class::CacheWrite => Self::CacheWrite,
            Class::CacheWrite5m => Self::CacheWrite5m,
            Class::CacheWrite1h => Self::CacheWrite1h,
            Class::Reasoning => Self::Reasoning,
            Class::Output | Class::OutputAudio | Class::OutputImage | Class::OutputVideo | Class::Citation => {
                Self::Output
            }
            _ if class.is_tool() => Self::Tools,
            _ => Self::Input,
        }
    }
}

/// A cost by item. Its total is the sum of its items, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    picos: [i64; Item::ALL.len()],
    total: i64,
}

impl Cost {
    /// The cost of an item; 0 for one that the call did not have.
    pub fn item(&self, item: Item) -> Money {
        Money::from_picos(self.picos.get(item as usize).copied().unwrap_or(0))
    }

    /// The items that cost something.
    pub fn items(&self) -> impl Iterator<Item = (Item, Money)> + '_ {
        Item::ALL.iter().map(|item| (*item, self.item(*item))).filter(|(_, cost)| *cost != Money::ZERO)
    }

    /// The sum of the items.
    pub fn total(&self) -> Money {
        Money::from_picos(self.total)
    }

    /// Adds to an item; the error names the class.
    pub(super) fn add(&mut self, item: Item, picos: i128, class: &'static str) -> Result<(), PriceError> {
        let add = || i64::try_from(i128::from(*self.picos.get(item as usize)?).checked_add(picos)?).ok();
        let (Some(sum), Ok(total)) = (add(), i64::try_from(i128::from(self.total) + picos)) else {
            return Err(PriceError::TooLarge { class });
        };
        if let Some(place) = self.picos.get_mut(item as usize) {
            (*place, self.total) = (sum, total);
        }
        Ok(())
    }
}

/// The state of a call's price: how much of it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PriceState {
    /// Everything that the call used has a price.
    Priced,
    /// The table has the model, and states that it costs nothing.
    Free,
    /// The model has no price: its cost is unknown, which is not 0.
    Unpriced,
    /// The cost is the best that can be said: [`Price::gaps`] names what it lacks.
    Incomplete,
    /// The model ran on a machine of the caller's own.
    Local,
}

impl PriceState {
    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Priced => "priced",
            Self::Free => "free",
            Self::Unpriced => "unpriced",
            Self::Incomplete => "incomplete",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for PriceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A reason why a cost is unknown or not the whole truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gap {
    /// The table is still being decoded: price the call again.
    TableNotLoaded,
    /// The table cannot be decoded.
    TableFailed,
    /// The table has no such provider.
    ProviderNotFound,
    /// The table has no such model of this provider.
    ModelNotFound,
    /// The table has the model, and states no price of it.
    NoPrice,
    /// The model is priced by seconds, pages or characters alone, and not by tokens.
    OtherUnit,
    /// The table has no price for the tier, speed or condition of this call: the usual one was taken.
    TierUnpriced,
    /// Nobody told how many tokens of the prompt, or of the answer, there were.
    UsageUnknown(Class),
    /// Nobody told the lifetime of cache writes, and it matters: the shorter one's price was taken.
    LifetimeUnknown,
    /// Nobody told how many of the cached tokens were of audio, images or video.
    OverlapUnknown,
    /// The class has no price of its own: the one of what it is part of was taken, or none.
    ClassUnpriced(Class),
}

/// Gaps one call can have.
pub(super) const MAX_GAPS: usize = 8;

/// The source of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PriceSource {
    /// The table of prices.
    Table,
    /// The provider, in its answer.
    Provider,
    /// Nobody.
    None,
}

/// The price of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    pub(super) state: PriceState,
    pub(super) source: PriceSource,
    pub(super) cost: Option<Cost>,
    pub(super) gaps: [Option<Gap>; MAX_GAPS],
    pub(super) names: Option<Arc<(String, String)>>,
    pub(super) table: Option<Arc<str>>,
}

impl Price {
    pub(super) fn new(state: PriceState, source: PriceSource, cost: Option<Cost>) -> Self {
        Self { state, source, cost, gaps: [None; MAX_GAPS], names: None, table: None }
    }

    pub(crate) fn unpriced(gap: Gap) -> Self {
        let mut price = Self::new(PriceState::Unpriced, PriceSource::None, None);
        price.note(gap);
        price
    }

    /// Notes a gap once; what does not fit is one gap of many.
    pub(super) fn note(&mut self, gap: Gap) {
        if self.gaps.contains(&Some(gap)) {
            return;
        }
        if let Some(place) = self.gaps.iter_mut().find(|place| place.is_none()) {
            *place = Some(gap);
        }
    }

    /// How much of the price is known.
    pub fn state(&self) -> PriceState {
        self.state
    }

    /// The source of the cost.
    pub fn source(&self) -> PriceSource {
        self.source
    }

    /// The cost by item; `None` where it is unknown.
    pub fn cost(&self) -> Option<&Cost> {
        self.cost.as_ref()
    }

    /// The cost of all that is known; `None` where nothing is.
    ///
    /// An `Incomplete` one may lack a part, which is no 0: settle a budget with [`Spend::of`](crate::budget::Spend::of).
    pub fn total(&self) -> Option<Money> {
        self.cost.as_ref().map(Cost::total)
    }

    /// The reasons why the cost is unknown or not the whole truth.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        self.gaps.iter().flatten().copied()
    }

    /// The id of the provider whose price was taken.
    pub fn provider(&self) -> Option<&str> {
        self.names.as_ref().map(|names| names.0.as_str())
    }

    /// The id of the model whose price was taken.
    pub fn model(&self) -> Option<&str> {
        self.names.as_ref().map(|names| names.1.as_str())
    }

    /// The version of the table that the price is from.
    pub fn table(&self) -> Option<&Arc<str>> {
        self.table.as_ref()
    }
}
