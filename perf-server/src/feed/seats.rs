//! How many may listen at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many clients at once; more are told to come back.
const MOST: usize = 256;
/// So many of one address, so that no one peer has all seats. Peers of this machine may be a proxy for everybody.
const MOST_OF_ONE: usize = 32;

/// The seats that are taken. A cheap handle.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A seat, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    peer: Option<IpAddr>,
}

impl Seats {
    /// `None` where there are too many already, of all or of this peer.
    pub(super) fn take(&self, peer: Option<IpAddr>) -> Option<Seat> {
        let peer = peer.map(|peer| peer.to_canonical()).filter(|peer| !peer.is_loopback());
        let mut taken = self.taken();
        let own = peer.map_or(0, |peer| taken.by_peer.get(&peer).copied().unwrap_or(0));
        if taken.all >= MOST || own >= MOST_OF_ONE {
            return None;
        }
        taken.all += 1;
        if let Some(peer) = peer {
            taken.by_peer.insert(peer, own + 1);
        }
        Some(Seat { seats: self.clone(), peer })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all = taken.all.saturating_sub(1);
        let Some(peer) = self.peer else { return };
        if let Some(own) = taken.by_peer.get_mut(&peer) {
            *own -= 1;
            if *own == 0 {
                taken.by_peer.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peer_has_all_seats_and_a_seat_that_is_left_is_free() {
        let (seats, peer) = (Seats::default(), Some("10.0.0.1".parse().unwrap()));
        let mut taken: Vec<Seat> = std::iter::from_fn(|| seats.take(peer)).collect();
        assert_eq!(taken.len(), MOST_OF_ONE);
        let others: Vec<Seat> = std::iter::from_fn(|| seats.take(None)).collect();
        assert_eq!(taken.len() + others.len(), MOST);
        drop(others);
        taken.pop();
        assert!(seats.take(peer).is_some());
        drop(taken);
        assert!(seats.taken().by_peer.is_empty() && seats.taken().all == 0);
    }
}
