//! Addresses of the network that nothing is sent to unless it is allowed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;
use std::vec::IntoIter;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// Where clouds tell a machine its credentials beside link-local addresses: Alibaba's, Azure's, and the block of Oracle's.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const PROTOCOLS: [u8; 3] = [192, 0, 0];
/// As these: the block of Amazon's, and Google's.
const AMAZON: [u16; 2] = [0xfd00, 0xec2];
const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);

/// Whether nothing is sent to an address: link-local ones, where clouds tell a machine its credentials, and those that are no
/// address of one machine. Loopback and private networks are allowed, for there the receivers are.
pub(super) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_this_network = v4.octets()[0] == 0;
            let is_metadata = METADATA_V4.contains(&v4) || v4.octets().starts_with(&PROTOCOLS);
            v4.is_link_local() || is_this_network || v4.is_multicast() || v4.is_broadcast() || is_metadata
        }
        IpAddr::V6(v6) => {
            let is_metadata = v6.segments().starts_with(&AMAZON) || v6 == GOOGLE;
            let is_refused_itself =
                v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local() || is_metadata;
            is_refused_itself || embedded(v6).is_some_and(|v4| is_refused(IpAddr::V4(v4)))
        }
    }
}

/// The IPv4 address within one of IPv6: mapped, translated (`64:ff9b::/96`, `64:ff9b:1::/48`, `::ffff:0:0/96`), 6to4 (`2002::/16`) or
/// of ISATAP (`..:5efe:0:0`).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, .., high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [.., 0 | 0x200, 0x5efe, high, low]
        | [0x2002, high, low, ..] => of(high, low),
        // Of ::/96 there are only ::1 and :: that are none of IPv4.
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => of(high, low),
        _ => v6.to_ipv4_mapped(),
    }
}

/// The addresses that may be sent to.
pub(super) fn allowed(addresses: impl Iterator<Item = SocketAddr>, allow_link_local: bool) -> Vec<SocketAddr> {
    addresses.filter(|address| allow_link_local || !is_refused(address.ip())).collect()
}

/// All addresses of a name are refused ones.
#[derive(Debug)]
pub(super) struct AddressRefused;

impl std::fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("its address is link-local or of a metadata service, which `allow_link_local = true` would allow")
    }
}

impl std::error::Error for AddressRefused {}

/// A resolver whose answer has no refused address: a connection is made to nothing but its answer.
#[derive(Debug)]
pub(super) struct CheckedResolver {
    pub(super) allow_link_local: bool,
}

impl Resolver for CheckedResolver {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let name =
            uri.scheme().zip(uri.authority()).and_then(|(scheme, name)| DefaultResolver::host_and_port(scheme, name));
        let resolved = addresses_of(name.ok_or(Error::HostNotFound)?, *timeout.after).map_err(|error| {
            let is_late = error.kind() == io::ErrorKind::TimedOut;
            if is_late { Error::Timeout(Timeout::Resolve) } else { Error::Io(error) }
        })?;
        let mut checked = self.empty();
        for address in allowed(resolved.into_iter(), self.allow_link_local).into_iter().take(MOST) {
            checked.push(address);
        }
        if checked.is_empty() { Err(Error::Other(Box::new(AddressRefused))) } else { Ok(checked) }
    }
}

/// The most addresses of a name that are tried: as many as an answer has room for.
const MOST: usize = 16;

/// The addresses of a name and a port. A look-up cannot be broken off, so a thread waits for it. Unlike ureq's own resolver,
/// which panics without one, this is told where there is no thread.
pub(super) fn addresses_of<N>(name: N, timeout: Duration) -> io::Result<IntoIter<SocketAddr>>
where
    N: ToSocketAddrs<Iter = IntoIter<SocketAddr>> + Send + 'static,
{
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new().spawn(move || sender.send(name.to_socket_addrs()).ok())?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the look-up of its name took too long");
    receiver.recv_timeout(timeout).map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_metadata_are_refused_in_every_form() {
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "64:ff9b:1::a9fe:a9fe",
            "64:ff9b:1:abcd::a9fe:a9fe",
            "::ffff:0:a9fe:a9fe",
            "fd00::5efe:a9fe:a9fe",
            "2001:db8::200:5efe:169.254.169.254",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(is_refused(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "fd00::1",
            "8.8.8.8",
            "2600::1",
            "::ffff:10.0.0.1",
            "64:ff9b:1::a00:1",
        ] {
            assert!(!is_refused(address.parse().unwrap()), "{address}");
        }
    }
}
