//! Addresses of the network that nothing is sent to unless it is allowed.

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

/// Alibaba Cloud's metadata service.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
/// Amazon's metadata service.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether nothing is sent to an address: link-local ones, where clouds tell a machine its credentials, and those that are no
/// address of one machine. Loopback and private networks are allowed, for there the receivers are.
pub(super) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_this_network = v4.octets()[0] == 0;
            v4.is_link_local() || is_this_network || v4.is_multicast() || v4.is_broadcast() || v4 == METADATA_V4
        }
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_refused(IpAddr::V4(v4)),
            None => v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local() || v6 == METADATA_V6,
        },
    }
}

/// The IPv4 address within one of IPv6: mapped, translated (`64:ff9b::/96`) or 6to4 (`2002::/16`).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => of(high, low),
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
        let resolved = addresses_of(name.ok_or(Error::HostNotFound)?, *timeout.after)?;
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
fn addresses_of(name: String, timeout: Duration) -> Result<IntoIter<SocketAddr>, Error> {
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new().spawn(move || sender.send(name.to_socket_addrs()).ok())?;
    match receiver.recv_timeout(timeout) {
        Ok(addresses) => Ok(addresses?),
        Err(_) => Err(Error::Timeout(Timeout::Resolve)),
    }
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
            "fd00:ec2::254",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(is_refused(address.parse().unwrap()), "{address}");
        }
        for address in
            ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00::1", "8.8.8.8", "2600::1", "::ffff:10.0.0.1"]
        {
            assert!(!is_refused(address.parse().unwrap()), "{address}");
        }
    }
}
