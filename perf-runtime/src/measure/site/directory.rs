//! Which sites the program has, called or not.
//!
//! On Linux, Android and FreeBSD the attribute places each site in a section of the executable of its own, and the linker
//! names the section's ends: so every site is known before its first call, at no cost at start. Elsewhere, and in shared
//! libraries that were loaded later, a site makes itself known with its first call.

use super::annotated::Site;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The sites that made themselves known: a list that only grows, linked through the sites.
static HEAD: AtomicPtr<Site> = AtomicPtr::new(ptr::null_mut());
static CHANGES: AtomicUsize = AtomicUsize::new(0);

/// Makes a site known, once, unless the section has it.
#[cold]
pub(crate) fn list(site: &'static Site) {
    if section::sites().as_ptr_range().contains(&ptr::from_ref(site)) || site.state.listed.swap(true, Ordering::Relaxed)
    {
        return;
    }
    let mut head = HEAD.load(Ordering::Acquire);
    loop {
        site.state.next.store(head, Ordering::Relaxed);
        match HEAD.compare_exchange_weak(head, ptr::from_ref(site).cast_mut(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(newer) => head = newer,
        }
    }
    CHANGES.fetch_add(1, Ordering::Release);
}

/// Says that a site's labels have become known with its first call.
#[cold]
pub(crate) fn values_came() {
    CHANGES.fetch_add(1, Ordering::Release);
}

/// Grows whenever there is more to know than before: another site, or another site's labels.
pub(crate) fn changes() -> usize {
    CHANGES.load(Ordering::Acquire)
}

/// All known sites.
pub(crate) fn sites() -> impl Iterator<Item = &'static Site> {
    // SAFETY: what is in the list came from `&'static Site`, and `next` is set before a site is published.
    let follow = |link: &AtomicPtr<Site>| unsafe { link.load(Ordering::Acquire).as_ref() };
    let mut next = follow(&HEAD);
    let listed = std::iter::from_fn(move || {
        let site = next?;
        next = follow(&site.state.next);
        Some(site)
    });
    section::sites().iter().chain(listed)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod section {
    use super::Site;
    use std::ptr;

    /// The name of the section, as `perf-macros` makes it of its version, with something before it.
    macro_rules! section {
        ($front:literal) => {
            concat!(
                $front,
                "perf_sites_",
                env!("CARGO_PKG_VERSION_MAJOR"),
                "_",
                env!("CARGO_PKG_VERSION_MINOR"),
                "_",
                env!("CARGO_PKG_VERSION_PATCH")
            )
        };
    }

    unsafe extern "Rust" {
        #[link_name = section!("__start_")]
        static START: Site;
        #[link_name = section!("__stop_")]
        static STOP: Site;
    }

    /// Keeps the section in being, so that the linker defines its ends also where no site is linked.
    #[used]
    #[unsafe(link_section = section!(""))]
    static ANCHOR: [Site; 0] = [];

    pub(super) fn sites() -> &'static [Site] {
        let (start, stop) = (&raw const START, &raw const STOP);
        let bytes = stop.addr() - start.addr();
        // SAFETY: the linker puts the section's start and end there. Only `static`s of type `Site` are placed in it (its
        // name carries the version, so that two versions of this crate do not meet), each is as long as the type and
        // aligned as the type, so they lie side by side. They are never moved nor freed, and are `Sync`.
        unsafe { &*ptr::slice_from_raw_parts(start, bytes / size_of::<Site>()) }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod section {
    use super::Site;

    pub(super) fn sites() -> &'static [Site] {
        &[]
    }
}
