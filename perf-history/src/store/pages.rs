//! The pages of the engine, as far as they name others: none may be longer than the file.
//!
//! The engine takes memory for a page, up to 4 GiB of it, before it looks whether the file has one. So one flipped bit of a page's
//! number could take it all. Every page that branches is looked at as it is read, and the roots of the tables before a file is opened.

use redb::StorageBackend;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};

/// The shortest page, and the unit of all others.
const PAGE: usize = 4_096;

/// The first byte of a page of entries, and of one that branches.
const LEAF: u8 = 1;
const BRANCH: u8 = 2;

/// The first bytes of the engine's file.
const MAGIC: &[u8] = b"redb";

/// A commit's place in the head of the file: that of two in turn which the first bit of this byte names.
const TURN: usize = 9;
const COMMITS: [usize; 2] = [64, 192];
/// Where a commit says whether it has a tree of tables, and where that begins: the tables of the user, and those of the engine.
const TREES: [(usize, usize); 2] = [(1, 8), (2, 40)];
/// Where the head says how many pages the head of a region has, and how many others at most.
const REGION: (usize, usize) = (16, 20);
const HEAD: usize = 320;

/// A table's entry says in this byte whether the table has a root, and then which.
const HAS_ROOT: usize = 9;

/// So many pages of trees of tables are looked at: there are some dozen tables.
const MOST_PAGES: usize = 4_096;

/// The number of a page, as it is stored.
#[derive(Clone, Copy)]
struct Number(u64);

impl Number {
    fn at(bytes: &[u8], place: usize) -> Option<Self> {
        Some(Self(u64::from_le_bytes(*bytes.get(place..)?.first_chunk()?)))
    }

    /// The length of the page; `None` where no page is so long.
    fn length(self) -> Option<u64> {
        let order = u32::try_from(self.0 >> 59).ok().filter(|order| *order <= 20)?;
        (PAGE as u64).checked_shl(order)
    }

    fn fits(self, file: u64) -> bool {
        self.length().is_some_and(|length| length < file)
    }

    /// Where the page begins in the file.
    fn begin(self, [heads, others]: [u64; 2]) -> Option<u64> {
        let (region, index) = ((self.0 >> 20) & 0xf_ffff, self.0 & (0xf_ffff >> (self.0 >> 59)));
        let before = region.checked_mul(heads.checked_add(others)?)?.checked_add(heads)?.checked_add(1)?;
        before.checked_mul(PAGE as u64)?.checked_add(index.checked_mul(self.length()?)?)
    }
}

/// The guard of the pages of one file.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// Whether the tables were looked at. By the first read of a page the engine has locked the file.
    has_tables: AtomicBool,
}

impl Guard {
    /// Looks at a page as it was read, and before the first one at the tables.
    ///
    /// # Errors
    /// It names a page that is longer than the file, and what the file says.
    pub(super) fn look_at(&self, page: &[u8], file: &impl StorageBackend) -> io::Result<()> {
        if page.len() < PAGE {
            return Ok(());
        }
        if !self.has_tables.swap(true, Ordering::Relaxed) {
            check_tables(file)?;
        }
        let mut children = children(page).peekable();
        if children.peek().is_none() {
            return Ok(());
        }
        let length = file.len()?;
        if children.all(|child| child.fits(length)) { Ok(()) } else { Err(too_long()) }
    }
}

fn too_long() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it names a page that is longer than the file")
}

/// The pages that a page branches to; none of a page of entries, and of the head of the file.
fn children(page: &[u8]) -> impl Iterator<Item = Number> {
    let branches = page.len() >= PAGE && page.first() == Some(&BRANCH);
    let all = if branches { usize::from(short(page, 2)) + 1 } else { 0 };
    // A checksum of each comes before them.
    (0..all).map_while(move |child| Number::at(page, 8 + 16 * all + 8 * child))
}

/// The roots of tables in a page of their entries.
fn roots(page: &[u8]) -> impl Iterator<Item = Number> {
    let all = if page.first() == Some(&LEAF) { usize::from(short(page, 2)) } else { 0 };
    // The ends of all keys, and then those of all values; a value begins where the one before ends, the first where the last key does.
    let begin_of = move |entry: usize| Some(word(page, 4 + 4 * (all + entry).checked_sub(1)?)? as usize);
    let root_of = move |entry: usize| {
        let begin = begin_of(entry)?;
        let value = page.get(begin..)?;
        if value.get(HAS_ROOT).is_some_and(|has| *has != 0) { Number::at(value, HAS_ROOT + 1) } else { None }
    };
    (0..all).filter_map(root_of)
}

fn short(bytes: &[u8], place: usize) -> u16 {
    bytes.get(place..).and_then(<[u8]>::first_chunk).map_or(0, |two| u16::from_le_bytes(*two))
}

fn word(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(place..)?.first_chunk()?))
}

/// Looks at the trees of tables: of the commit that the engine opens the file at.
fn check_tables(file: &impl StorageBackend) -> io::Result<()> {
    let length = file.len()?;
    let mut head = [0; HEAD];
    if length < HEAD as u64 {
        return Ok(());
    }
    file.read(0, &mut head)?;
    if !head.starts_with(MAGIC) {
        return Ok(());
    }
    let is_other = head.get(TURN).is_some_and(|byte| byte & 1 != 0);
    let commit = head.get(COMMITS[usize::from(is_other)]..).unwrap_or_default();
    let region = [REGION.0, REGION.1].map(|place| word(&head, place).map_or(0, u64::from));
    let root = |(has, root): &(usize, usize)| {
        commit.get(*has).filter(|has| **has != 0).and_then(|_| Number::at(commit, *root))
    };
    let mut next: Vec<Number> = TREES.iter().filter_map(root).collect();
    let mut page = Vec::new();
    for _ in 0..MOST_PAGES {
        let Some(number) = next.pop() else { break };
        let long = number.length().filter(|_| number.fits(length)).ok_or_else(too_long)?;
        page.clear();
        page.resize(usize::try_from(long).map_err(|_| too_long())?, 0);
        // Where there is no such page, the engine says so.
        let is_read = number.begin(region).is_some_and(|begin| file.read(begin, &mut page).is_ok());
        if is_read {
            next.extend(children(&page));
            if roots(&page).any(|root| !root.fits(length)) {
                return Err(too_long());
            }
        }
    }
    Ok(())
}
