//! Networks: what interfaces carry, and how long others take to answer.

use crate::background::Background;
use crate::counters::Counters;
use crate::proc_root::{ProcRoot, number};
use crate::rate::Rate;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

const BYTES: SampledMetric =
    SampledMetric::counter(names::SYSTEM_NETWORK_IO_BYTES_TOTAL, "bytes", "What an interface received and sent.");
const PACKETS: SampledMetric =
    SampledMetric::counter(names::SYSTEM_NETWORK_PACKETS_TOTAL, "", "Packets that an interface received and sent.");
const ERRORS: SampledMetric =
    SampledMetric::counter(names::SYSTEM_NETWORK_ERRORS_TOTAL, "", "Packets that an interface got wrong.");
const DROPPED: SampledMetric = SampledMetric::counter(
    names::SYSTEM_NETWORK_PACKETS_DROPPED_TOTAL,
    "",
    "Packets that an interface had no room for.",
);
const THROUGHPUT: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_NETWORK_THROUGHPUT_BYTES_PER_SECOND,
    "bytes_per_second",
    "What an interface receives and sends in a second, over the last five.",
);
const LATENCY: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_NETWORK_LATENCY_SECONDS,
    "seconds",
    "How long a target took to accept a TCP connection; absent while it does not.",
);
const REACHABLE: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_NETWORK_TARGET_UP,
    "",
    "1 where a target accepted the last TCP connection, 0 where not.",
);
const FAILURES: SampledMetric = SampledMetric::counter(
    names::SYSTEM_NETWORK_LATENCY_FAILURES_TOTAL,
    "",
    "How many times a target could not be found, or did not accept a TCP connection in time.",
);

/// A time that is over is noticed by then, on a busy machine too.
const LATE: Duration = Duration::from_secs(1);

const DIRECTIONS: [&str; 2] = ["receive", "transmit"];
/// Interfaces that only pass on what others carry, or that come and go with containers.
const PASSING: [&str; 10] = ["lo", "veth", "docker", "br-", "virbr", "cali", "cni", "flannel", "ifb", "dummy"];

/// The traffic of network interfaces.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    /// Those named, or all that carry traffic of their own.
    wanted: Option<Vec<String>>,
    interfaces: BTreeMap<String, Seen>,
}

/// The counters of an interface, four in each direction, and the rates computed from them.
#[derive(Debug, Default)]
struct Seen {
    counters: Counters<8>,
    rates: [Rate; 2],
}

/// A line of `/proc/net/dev`: received and sent.
#[derive(Debug, PartialEq)]
struct Interface<'a> {
    name: &'a str,
    bytes: [f64; 2],
    packets: [f64; 2],
    errors: [f64; 2],
    dropped: [f64; 2],
}

impl<'a> Interface<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        // A long name leaves no space before its first number.
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<f64> = numbers.split_ascii_whitespace().map_while(number).collect();
        let both = |place: usize| Some([*numbers.get(place)?, *numbers.get(place + 8)?]);
        Some(Self { name: name.trim(), bytes: both(0)?, packets: both(1)?, errors: both(2)?, dropped: both(3)? })
    }
}

impl Interfaces {
    pub(crate) fn new(wanted: Option<Vec<String>>) -> Self {
        Self { wanted, interfaces: BTreeMap::new() }
    }

    fn wants(&self, name: &str) -> bool {
        match &self.wanted {
            Some(wanted) => wanted.iter().any(|wanted| wanted == name),
            None => !PASSING.iter().any(|kind| name.starts_with(kind)),
        }
    }

    pub(crate) fn sample(&mut self, files: &ProcRoot, at: Duration, samples: &mut Samples<'_>) {
        let text = files.read("/proc/self/net/dev").unwrap_or_default();
        let found: Vec<Interface<'_>> =
            text.lines().filter_map(Interface::parse).filter(|one| self.wants(one.name)).collect();
        let names: BTreeSet<&str> = found.iter().map(|one| one.name).collect();
        self.interfaces.retain(|name, _| names.contains(name.as_str()));
        for one in found {
            let seen = self.interfaces.entry(one.name.to_owned()).or_default();
            let read = [one.bytes, one.packets, one.errors, one.dropped];
            let steady = seen.counters.steady(std::array::from_fn(|place| Some(read[place / 2][place % 2])));
            for (place, direction) in DIRECTIONS.into_iter().enumerate() {
                let labels = [("network_interface_name", one.name), ("network_io_direction", direction)];
                for (metric, both) in [&BYTES, &PACKETS, &ERRORS, &DROPPED].into_iter().zip(steady.chunks(2)) {
                    samples.put(metric, &labels, both.get(place).copied().flatten());
                }
                samples.put(&THROUGHPUT, &labels, seen.rates[place].per_second(at, Some(one.bytes[place])));
            }
        }
    }
}

/// How long a target takes to accept a connection, asked on a thread of its own.
#[derive(Debug)]
pub(crate) struct Target {
    name: String,
    aside: Background<Answer>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Answer {
    accepted: bool,
    seconds: Option<f64>,
    failures: f64,
}

impl Target {
    /// `name` is a host and a port. Asked every so often, waiting for `timeout` at most for each of its addresses.
    pub(crate) fn watch(name: &str, every: Duration, timeout: Duration) -> Self {
        let target = name.to_owned();
        let mut failures = 0.0;
        let aside = Background::spawn("latency", every, move || {
            let seconds = connect(&target, timeout);
            failures += if seconds.is_none() { 1.0 } else { 0.0 };
            // Longer than it may take: this process was stopped meanwhile, and that is not the target's time.
            Answer {
                accepted: seconds.is_some(),
                seconds: seconds.filter(|took| *took <= timeout.as_secs_f64()),
                failures,
            }
        });
        Self { name: name.to_owned(), aside }
    }

    pub(crate) fn sample(&self, samples: &mut Samples<'_>) {
        let Some(answer) = self.aside.latest() else { return };
        let target = [("network_target", self.name.as_str())];
        samples.put(&LATENCY, &target, answer.seconds);
        samples.put(&REACHABLE, &target, if answer.accepted { 1.0 } else { 0.0 });
        samples.put(&FAILURES, &target, answer.failures);
    }
}

/// The time until the first of a target's addresses that accepts did so. To find the addresses is not in it: that is
/// another server's time, and mostly one's own cache's.
fn connect(target: &str, timeout: Duration) -> Option<f64> {
    let attempt = |address: &SocketAddr| {
        let started = Instant::now();
        let connected = TcpStream::connect_timeout(address, timeout);
        (connected.is_ok(), started.elapsed())
    };
    target.to_socket_addrs().ok()?.find_map(|address| {
        let (mut accepted, mut took) = attempt(&address);
        // It cannot wait for so long: this process was stopped meanwhile, and the target may have answered.
        if !accepted && took > timeout + LATE {
            (accepted, took) = attempt(&address);
        }
        accepted.then_some(took.as_secs_f64())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_interface_is_read_however_long_its_name() {
        let line = "enp0s31f6x:2091 7340 1 2 0 0 0 0 55 6 3 4 0 0 0 0";
        let expected = Interface {
            name: "enp0s31f6x",
            bytes: [2091.0, 55.0],
            packets: [7340.0, 6.0],
            errors: [1.0, 3.0],
            dropped: [2.0, 4.0],
        };
        assert_eq!(Interface::parse(line), Some(expected));
        assert_eq!(Interface::parse(" face |bytes    packets errs"), None);
        assert_eq!(Interface::parse("eth0: 1 2 3"), None);
    }

    #[test]
    fn what_only_passes_on_is_left_out_unless_it_is_named() {
        let default = Interfaces::new(None);
        let wants = |name| default.wants(name);
        assert!(wants("eth0") && wants("wlan0") && !wants("lo") && !wants("veth12ab") && !wants("docker0"));
        let named = Interfaces::new(Some(vec!["lo".to_owned()]));
        assert!(named.wants("lo") && !named.wants("eth0"));
    }

    #[test]
    fn a_target_answers_or_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let timeout = Duration::from_secs(5);
        assert!(connect(&target, timeout).unwrap() >= 0.0);
        drop(listener);
        assert_eq!(connect(&target, timeout), None, "nobody listens any more");
        assert_eq!(connect("no port", timeout), None);
    }
}
