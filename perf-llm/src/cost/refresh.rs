//! A newer table in the place of the one in use.

use super::RefreshError;
use super::loading::Loading;
use super::table::{Source, Table, TableInfo};
use crate::usage::Class;
use genai_prices::{Calculator, PriceCalculation, PriceRequest, Usage, UsageKey};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// The largest table, in bytes.
pub(super) const MAX_TABLE: u64 = 8 << 20;
/// The highest price of a million tokens, in dollars: a dollar for each.
const MAX_DOLLARS: f64 = 1e6;

pub(super) fn from_file(loading: &Arc<Loading>, path: &Path) -> Result<TableInfo, RefreshError> {
    let read = || -> io::Result<(Vec<u8>, SystemTime)> {
        let file = File::open(path)?;
        // One that is to come would have all later tables be older, even after the clock was put right.
        let as_of = file.metadata()?.modified()?.min(SystemTime::now());
        let mut bytes = Vec::new();
        // One more than is allowed, so that a file that is too large shows.
        file.take(MAX_TABLE + 1).read_to_end(&mut bytes)?;
        Ok((bytes, as_of))
    };
    let (bytes, as_of) = read().map_err(|error| RefreshError::File { path: path.to_owned(), error })?;
    from_bytes(loading, &bytes, as_of)
}

pub(super) fn from_bytes(loading: &Arc<Loading>, bytes: &[u8], as_of: SystemTime) -> Result<TableInfo, RefreshError> {
    from(loading, bytes, as_of, false)
}

/// The same of a table that nobody has looked at: one that has lost most of its models is refused.
#[cfg(feature = "prices-url")]
pub(super) fn from_address(loading: &Arc<Loading>, bytes: &[u8], as_of: SystemTime) -> Result<TableInfo, RefreshError> {
    from(loading, bytes, as_of, true)
}

fn from(loading: &Arc<Loading>, bytes: &[u8], as_of: SystemTime, is_unseen: bool) -> Result<TableInfo, RefreshError> {
    if bytes.len() as u64 > MAX_TABLE {
        return Err(RefreshError::TooLarge { bytes: bytes.len() as u64 });
    }
    let Some(current) = loading.table() else {
        loading.begin();
        return Err(RefreshError::NotLoaded);
    };
    is_newer(&current, as_of)?;
    let version = version(bytes, as_of);
    let checksum = |version: &str| version.rsplit(' ').next().map(str::to_owned);
    if checksum(&version) == checksum(&current.info.version) {
        // The same once more: what was worked out from it stays.
        return Ok(current.info.clone());
    }
    let calculator = Calculator::from_json(bytes).map_err(|error| RefreshError::Invalid { why: error.to_string() })?;
    let new = Table::new(Source::Loaded(Box::new(calculator)), current.newer(), version, as_of);
    if new.info.models == 0 {
        return Err(RefreshError::Empty);
    }
    if is_unseen && new.info.models < current.info.models / 2 {
        return Err(RefreshError::Shrunk { models: new.info.models, current: current.info.models });
    }
    compare(&current, &new, |provider, model| loading.may_be_free(provider, model))?;
    let info = new.info.clone();
    // Somebody else may have put a table in place meanwhile: the later one of both stays.
    loading.swap(new, |current| is_newer(current, as_of), RefreshError::NotLoaded)?;
    Ok(info)
}

fn is_newer(current: &Table, as_of: SystemTime) -> Result<(), RefreshError> {
    if as_of < current.info.as_of {
        return Err(RefreshError::Older { given: as_of, current: current.info.as_of });
    }
    Ok(())
}

/// The day of the table, and a checksum that tells two tables of one day apart.
fn version(bytes: &[u8], as_of: SystemTime) -> Arc<str> {
    let day = jiff::Timestamp::try_from(as_of).map(|time| time.strftime("%Y-%m-%d").to_string());
    format!("{} {:08x}", day.unwrap_or_default(), crc32fast::hash(bytes)).into()
}

/// A million of a class, with what it is a part of.
struct Side {
    name: &'static str,
    usage: Usage,
    /// The part of the price that the class alone makes.
    price: fn(&PriceCalculation) -> f64,
}

impl Side {
    fn new(class: Class) -> Self {
        let counts = class.wholes().iter().chain([&class]).map(|class| (UsageKey::from(class.name()), 1e6));
        let price: fn(&PriceCalculation) -> f64 = if class == Class::Input || class.wholes().contains(&Class::Input) {
            |price| price.input_price
        } else {
            |price| price.output_price
        };
        Self { name: class.name().trim_end_matches("_tokens"), usage: counts.collect(), price }
    }
}

/// The classes whose prices are looked at. A tool's is not: a price of 0 cannot be told from none, which leaves its calls incomplete.
const LOOKED_AT: [Class; 7] = [
    Class::Input,
    Class::Output,
    Class::CacheRead,
    Class::CacheWrite,
    Class::CacheWrite1h,
    Class::InputAudio,
    Class::OutputAudio,
];

/// Looks for prices that no provider makes.
fn compare(current: &Table, new: &Table, may_be_free: impl Fn(&str, &str) -> bool) -> Result<(), RefreshError> {
    let now = SystemTime::now();
    let sides = LOOKED_AT.map(Side::new);
    let mut fell: Option<RefreshError> = None;
    for provider in new.calculator().providers() {
        for model in provider.models() {
            let mut has_fallen = false;
            for Side { name, usage, price } in &sides {
                let request = PriceRequest::new(model.id(), usage).with_provider_id(provider.id()).with_timestamp(now);
                let Ok(dollars) = new.calculator().calculate(&request).map(|found| price(&found)) else { continue };
                let names = || (provider.id().to_owned(), model.id().to_owned());
                if dollars > MAX_DOLLARS {
                    let (provider, model) = names();
                    return Err(RefreshError::Absurd { provider, model, dollars });
                }
                let Ok(before) = current.calculator().calculate(&request).map(|found| price(&found)) else { continue };
                if before > 0.0 && dollars <= 0.0 && !has_fallen && !may_be_free(provider.id(), model.id()) {
                    has_fallen = true;
                    if let Some(RefreshError::FellToZero { others, .. }) = &mut fell {
                        *others += 1;
                    } else {
                        let ((provider, model), side) = (names(), *name);
                        fell = Some(RefreshError::FellToZero { provider, model, side, others: 0 });
                    }
                }
            }
        }
    }
    fell.map_or(Ok(()), Err)
}
