//! How long a command took: by the clock on the wall, and of the processors.

use std::fs;
use std::time::Instant;

/// The cost of a command, in seconds.
pub(crate) struct Cost {
    pub(crate) wall: f64,
    /// User and system time of all processes. It hardly depends on what else the machine does, as the other one does.
    /// `None` where the system does not tell.
    pub(crate) processor: Option<f64>,
}

/// Runs something that waits for child processes.
pub(crate) fn measure<E>(run: impl FnOnce() -> Result<(), E>) -> Result<Cost, E> {
    let (started, before) = (Instant::now(), processor_seconds());
    run()?;
    let processor = processor_seconds().zip(before).map(|(after, before)| after - before);
    Ok(Cost { wall: started.elapsed().as_secs_f64(), processor })
}

/// The time of all children that have ended, and of theirs: from Linux's `/proc`, which needs no foreign function.
fn processor_seconds() -> Option<f64> {
    /// `proc(5)`: clock ticks. Linux shows 100 a second to programs, whatever the kernel's own.
    const TICKS_A_SECOND: f64 = 100.0;
    /// Where `cutime` and `cstime` stand behind the program's name, which itself may contain spaces.
    const CHILDREN: usize = 13;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(CHILDREN);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_A_SECOND)
}

/// The middle one of at least one number.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
