//! The priority of a part's own threads.

/// Lowers the priority of the calling thread for good, so that the application's threads are run first: on Linux by ten steps of niceness below the
/// process's first thread, a tenth of its share where all cores are busy. A process that is nice itself (`nice -n 15`) is given way to as far as there
/// are steps, 19 in all.
///
/// It does nothing on other systems, where it would be the priority of the whole process, and where it is refused.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: none of the three takes a pointer.
    unsafe {
        let first = libc::getpriority(libc::PRIO_PROCESS, libc::getpid().unsigned_abs());
        let own = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, lowered(first, own));
    }
}

#[cfg(target_os = "linux")]
const STEPS: i32 = 10;
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

/// The niceness of a thread that gives way to a first one. One that is nicer already stays so.
#[cfg(target_os = "linux")]
fn lowered(first: i32, own: i32) -> i32 {
    first.saturating_add(STEPS).min(NICEST).max(own)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_to_the_process_that_it_is_of() {
        for (first, own, lowers) in [(0, 0, 10), (-5, -5, 5), (5, 5, 15), (15, 15, 19), (19, 19, 19)] {
            assert_eq!(lowered(first, own), lowers, "of {first}");
            assert_eq!(lowered(first, lowers), lowers, "a second time it is the same");
        }
        assert_eq!(lowered(0, 15), 15, "it is never raised");
    }

    #[test]
    fn it_is_the_thread_that_gives_way() {
        // SAFETY: they take no pointers.
        let nice = |of: u32| unsafe { libc::getpriority(libc::PRIO_PROCESS, of) };
        let first = nice(std::process::id());
        let there = std::thread::spawn(move || {
            give_way();
            nice(0)
        });
        assert_eq!(there.join().unwrap(), (first + 10).min(19));
        assert_eq!(nice(std::process::id()), first);
    }
}
