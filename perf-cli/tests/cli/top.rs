//! The screen on a terminal of its own, as a person sees it.

use crate::service::{READ, service};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// The command on a terminal, and the other side of that.
struct Shown {
    child: Child,
    person: File,
}

impl Shown {
    /// Waits until the screen is there.
    fn start() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("a terminal");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&person, size).expect("a size");
        let name = ptsname(&person, Vec::new()).expect("a name");
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NOCTTY);
        let terminal = options.open(OsStr::from_bytes(name.to_bytes())).expect("the terminal");
        let handle = || terminal.try_clone().expect("a handle");
        let mut command = Command::new(env!("CARGO_BIN_EXE_perf-cli"));
        command.arg("top").env("PERF_URL", service().url()).env("PERF_TOKEN", READ);
        let child = command.stdin(handle()).stdout(handle()).stderr(handle()).spawn().expect("the command starts");
        let mut shown = Self { child, person: person.into() };
        shown.wait_for(b"leave");
        shown
    }

    fn wait_for(&mut self, text: &[u8]) {
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        while !seen.windows(text.len()).any(|part| part == text) {
            let length = self.person.read(&mut piece).expect("a screen");
            seen.extend_from_slice(&piece[..length]);
        }
    }

    fn ended(child: &mut Child) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                return status;
            }
            if Instant::now() > deadline {
                drop(child.kill());
                panic!("it goes on");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_key_leaves_it_and_the_terminal_is_as_it_was() {
    let mut shown = Shown::start();
    shown.person.write_all(b"q").expect("a key");
    assert!(Shown::ended(&mut shown.child).success());
    // The other screen of the terminal is left.
    shown.wait_for(b"\x1b[?1049l");
}

/// A window that is closed takes its terminal with it; so does a connection that breaks, and then without a signal.
#[test]
fn it_ends_with_its_terminal() {
    let Shown { mut child, person } = Shown::start();
    drop(person);
    Shown::ended(&mut child);
}
