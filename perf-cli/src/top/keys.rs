//! The keys of a terminal, while there is one.

use crate::failure::Failure;
use ratatui::crossterm::event;
use std::time::Duration;

/// The terminal that keys come from.
pub(super) struct Keys {
    #[cfg(unix)]
    input: std::fs::File,
}

impl Keys {
    /// Whether there is an event within this time.
    ///
    /// # Errors
    ///
    /// [`Failure::Closed`] where the terminal has gone, as when its window is closed: whoever asks `crossterm` for an event then waits for ever,
    /// and as busily as can be, for it reads the end of the input again and again.
    pub(super) fn wait(&self, span: Duration) -> Result<bool, Failure> {
        self.is_there(Duration::ZERO)?;
        // What came with an earlier key is kept by `crossterm`, and no input any more.
        if event::poll(Duration::ZERO)? {
            return Ok(true);
        }
        let left = if self.is_there(span)? { Duration::ZERO } else { span };
        Ok(event::poll(left)?)
    }
}

#[cfg(unix)]
impl Keys {
    /// Where `crossterm` reads from.
    pub(super) fn open() -> Result<Self, Failure> {
        use std::io::{self, IsTerminal};
        use std::os::fd::AsFd;

        let stdin = io::stdin();
        let input = if stdin.is_terminal() {
            stdin.as_fd().try_clone_to_owned()?.into()
        } else {
            std::fs::File::open("/dev/tty")?
        };
        Ok(Self { input })
    }

    /// Waits for input, or for this long; `false` where the system cannot wait for a terminal.
    fn is_there(&self, span: Duration) -> Result<bool, Failure> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::io::Errno;

        let mut watched = [PollFd::new(&self.input, PollFlags::IN)];
        match poll(&mut watched, Timespec::try_from(span).ok().as_ref()) {
            // A signal came, such as the one of a new size.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
        let seen = watched[0].revents();
        if seen.intersects(PollFlags::HUP | PollFlags::ERR) {
            return Err(Failure::Closed);
        }
        Ok(!seen.contains(PollFlags::NVAL))
    }
}

#[cfg(not(unix))]
impl Keys {
    pub(super) fn open() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Here `crossterm` waits by itself.
    fn is_there(&self, _: Duration) -> Result<bool, Failure> {
        Ok(false)
    }
}
