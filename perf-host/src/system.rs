//! The units in which the kernel counts.

#[cfg(unix)]
fn system_number(of: nix::unistd::SysconfVar) -> Option<f64> {
    nix::unistd::sysconf(of).ok().flatten().map(|number| number as f64).filter(|number| *number > 0.0)
}

/// The unit in which the kernel tells processor time.
#[cfg(unix)]
pub(crate) fn ticks_per_second() -> Option<f64> {
    system_number(nix::unistd::SysconfVar::CLK_TCK)
}

#[cfg(unix)]
pub(crate) fn page_bytes() -> Option<f64> {
    system_number(nix::unistd::SysconfVar::PAGE_SIZE)
}

#[cfg(not(unix))]
pub(crate) fn ticks_per_second() -> Option<f64> {
    None
}

#[cfg(not(unix))]
pub(crate) fn page_bytes() -> Option<f64> {
    None
}
