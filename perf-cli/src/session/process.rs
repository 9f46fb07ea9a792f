//! One command: run to its end, or until somebody has had enough, and what it used.

use super::instructions::Counter;
use super::stop::Stop;
use std::io;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// How often a command is looked at.
const BEAT: Duration = Duration::from_millis(5);
/// The time that a command has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// The words for a counter up to when it is read.
const NOT_READ: &str = "the counter is not read";
/// The time after which nobody looks any more whether all of a group has ended.
#[cfg(unix)]
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Time on processors, of the command and what it waited for; `None` where the system does not tell.
    pub(crate) cpu_seconds: Option<f64>,
    /// The most memory that one of these processes had. Not less than this process had when it started the command.
    pub(crate) peak_bytes: Option<u64>,
    /// Instructions outside of the kernel, of the command and what it waited for, or why they are not known.
    pub(crate) instructions: Result<u64, String>,
}

/// Why instructions cannot be counted here; `None` where they can.
pub(crate) fn why_no_instructions() -> Option<String> {
    Counter::begin().err()
}

/// Runs a command to its end. Where somebody asks this process to stop, the command and what it started are asked to end, and ended.
pub(crate) fn run(command: &mut Command, stop: &Stop) -> io::Result<Ended> {
    // A group of its own: so that all of it can be ended, and the terminal's Ctrl-C comes here alone.
    #[cfg(unix)]
    command.process_group(0);
    // Of what this thread starts.
    let counter = Counter::begin();
    let mut child = command.spawn()?;
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(mut ended) = ended(&mut child)? {
            ended.instructions = counter.and_then(Counter::read);
            if asked.is_some() || stop.is_asked() {
                end_the_rest(&child, asked.unwrap_or_else(Instant::now));
            }
            return Ok(ended);
        }
        match asked {
            None if stop.is_asked() => {
                asked = Some(Instant::now());
                end(&mut child, false)?;
            }
            Some(at) if at.elapsed() > GRACE => end(&mut child, true)?,
            _ => {}
        }
        thread::sleep(BEAT);
    }
}

/// The time and memory that the command used, where it has ended.
#[cfg(unix)]
fn ended(child: &mut Child) -> io::Result<Option<Ended>> {
    use std::mem::MaybeUninit;
    use std::os::unix::process::ExitStatusExt;

    let Some(id) = id_of(child) else { return Err(io::ErrorKind::InvalidData.into()) };
    let (mut status, mut used) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to places of ours that live longer than the call. The child is waited for here alone: nobody has taken its
    // id before, and once it is taken `Child` is not asked any more.
    let waited = unsafe { libc::wait4(id, &raw mut status, libc::WNOHANG, used.as_mut_ptr()) };
    if waited < 0 {
        return Err(io::Error::last_os_error());
    }
    if waited == 0 {
        return Ok(None);
    }
    // SAFETY: it was filled with zeros, which are a value of it, and by the call.
    let used = unsafe { used.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    // The BSDs' descendants tell bytes, the others KiB.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1_024 };
    Ok(Some(Ended {
        status: ExitStatus::from_raw(status),
        cpu_seconds: Some(seconds(used.ru_utime) + seconds(used.ru_stime)),
        peak_bytes: u64::try_from(used.ru_maxrss).ok().map(|peak| peak.saturating_mul(unit)),
        instructions: Err(NOT_READ.to_owned()),
    }))
}

#[cfg(unix)]
fn id_of(child: &Child) -> Option<libc::pid_t> {
    libc::pid_t::try_from(child.id()).ok()
}

/// Asks the command with all of its group to end, or ends them.
#[cfg(unix)]
fn end(child: &mut Child, at_once: bool) -> io::Result<()> {
    let Some(group) = id_of(child) else { return Ok(()) };
    let signal = if at_once { libc::SIGKILL } else { libc::SIGTERM };
    // SAFETY: no memory is handed over. The command has not been waited for, so that its id is still that of its own group.
    let sent = unsafe { libc::kill(-group, signal) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends what a command that has ended has left of its group: asked again, and ended after the grace. What nobody waits for counts as
/// there for a while, so this has an end too.
#[cfg(unix)]
fn end_the_rest(child: &Child, asked: Instant) {
    let Some(group) = id_of(child) else { return };
    let begun = Instant::now();
    loop {
        let signal = if asked.elapsed() > GRACE { libc::SIGKILL } else { libc::SIGTERM };
        // SAFETY: no memory is handed over. As long as one process of the group is there, no other gets its id.
        let sent = unsafe { libc::kill(-group, signal) };
        if sent != 0 || begun.elapsed() > GRACE + LAST_WAIT {
            return;
        }
        thread::sleep(BEAT);
    }
}

#[cfg(not(unix))]
fn end_the_rest(_child: &Child, _asked: Instant) {}

#[cfg(not(unix))]
fn ended(child: &mut Child) -> io::Result<Option<Ended>> {
    let instructions = Err(NOT_READ.to_owned());
    Ok(child.try_wait()?.map(|status| Ended { status, cpu_seconds: None, peak_bytes: None, instructions }))
}

#[cfg(not(unix))]
fn end(child: &mut Child, _at_once: bool) -> io::Result<()> {
    child.kill()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_what_it_used() {
        let stop = Stop::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"]);
        let ended = run(&mut command, &stop).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.cpu_seconds.unwrap() > 0.0 && ended.peak_bytes.unwrap() > 100_000, "{ended:?}");
        let counted = ended.instructions.as_ref();
        assert!(counted.map_or_else(|why| why != NOT_READ, |count| *count > 100_000), "{ended:?}");
        assert!(why_no_instructions().is_none() || counted.is_err());
        assert!(run(&mut Command::new("/nowhere/at/all"), &stop).is_err());
    }
}
