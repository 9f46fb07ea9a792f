//! The segments of the main program in memory.

use std::ffi::{c_int, c_void};
use std::slice;

/// An address that is looked for.
struct Asked {
    address: usize,
    is_found: bool,
}

/// Whether an address is a part of the main program, and not of a shared library.
pub(super) fn holds(address: usize) -> bool {
    let mut asked = Asked { address, is_found: false };
    // SAFETY: `look` takes what `dl_iterate_phdr` gives, and the pointer is to `asked`, which lives on.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut asked).cast()) };
    asked.is_found
}

/// Looks at the first object, which is the main program, and at no other.
///
/// <https://man7.org/linux/man-pages/man3/dl_iterate_phdr.3.html>
unsafe extern "C" fn look(object: *mut libc::dl_phdr_info, _: usize, asked: *mut c_void) -> c_int {
    // SAFETY: both are valid for the call, by `dl_iterate_phdr` and by `holds`.
    let (object, asked) = unsafe { (&*object, &mut *asked.cast::<Asked>()) };
    if !object.dlpi_phdr.is_null() {
        // SAFETY: so many headers there are, and the loader does not change them.
        let headers = unsafe { slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
        let base = usize::try_from(object.dlpi_addr).unwrap_or(usize::MAX);
        asked.is_found = headers.iter().filter(|header| header.p_type == libc::PT_LOAD).any(|header| {
            let [place, size] = [header.p_vaddr, header.p_memsz].map(|number| usize::try_from(number).unwrap_or(0));
            asked.address.checked_sub(base.wrapping_add(place)).is_some_and(|offset| offset < size)
        });
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_itself_is_told_from_its_libraries() {
        assert!(holds(holds as fn(usize) -> bool as usize));
        assert!(
            !holds(libc::getpid as unsafe extern "C" fn() -> libc::pid_t as usize)
                || cfg!(target_feature = "crt-static")
        );
        assert!(!holds(0) && !holds(usize::MAX));
    }
}
