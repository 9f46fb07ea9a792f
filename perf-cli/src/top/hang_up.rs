//! A terminal that goes away: a window that is closed, a connection that breaks.

use crate::failure::Failure;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

/// So long the command may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// Ends the process once its terminal has gone. `crossterm` reads the end of an input again and again and never comes back, so that nobody else
/// can.
pub(super) fn watch() -> io::Result<()> {
    let stdin = io::stdin();
    // Where `crossterm` reads from.
    let terminal: File =
        if stdin.is_terminal() { stdin.as_fd().try_clone_to_owned()?.into() } else { File::open("/dev/tty")? };
    thread::Builder::new().name("perf-terminal".to_owned()).spawn(move || {
        if has_gone(&terminal) {
            thread::sleep(GRACE);
            std::process::exit(Failure::Closed.code().into());
        }
    })?;
    Ok(())
}

/// Waits until it has gone; `false` where the system cannot wait for that.
fn has_gone(terminal: &File) -> bool {
    // Asked for nothing, it tells of the end alone.
    let mut watched = [PollFd::new(terminal, PollFlags::empty())];
    loop {
        match poll(&mut watched, None) {
            Ok(_) => return watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
