//! The series that the requests of one route count in.

use crate::measure::model::kind::Kind;
use crate::observe::metrics::handle::{Described, Gauge};
use crate::observe::metrics::known as names;
use crate::observe::series::entry::Series;
use crate::observe::series::lookup::{Lookup, hash_of};
use crate::observe::series::overflow::Overflow;
use crate::observe::series::registry::Registry;
use std::sync::{Arc, OnceLock, Weak};

thread_local! {
    /// Routes by the method and the route that were asked for: a thread keeps its own, so that none of them is written by
    /// two threads for as long as requests stay where they are.
    static ROUTES: Lookup<Arc<Route>> = Lookup::new();
}

/// A route under one method. The series of its requests are looked up once, not for each request.
#[derive(Debug)]
pub(super) struct Route {
    /// The method and the route, one after the other, and where the route begins. In a place of their own, for to find
    /// them in the series is to wait for memory four times.
    name: Box<str>,
    method_length: usize,
    /// Weak, for a thread keeps routes longer than a monitor may live.
    registry: Weak<Registry>,
    /// Where its requests are in flight: the series of its method and route without a status.
    pub(super) open: Arc<Series>,
    /// How method and route overflowed.
    overflow: Option<Overflow>,
    answered: OnceLock<Box<Answered>>,
    /// Answers that are being sent; there from the first on. `None` where the monitor was gone.
    streams: OnceLock<Option<Gauge>>,
}

/// A number in place of a method's hash: no two methods of HTTP have the same. Of others that do, routes are looked up more slowly.
#[inline]
fn seed_of(method: &str) -> u64 {
    let [first, second, ..] = *method.as_bytes() else { return 0 };
    (method.len() as u64) << 16 | u64::from(first) << 8 | u64::from(second)
}

/// The requests of a route that were answered with one status.
#[derive(Debug)]
pub(super) struct Answered {
    status: u16,
    pub(super) series: Arc<Series>,
    overflow: Option<Overflow>,
    /// Those of another status. A route has few, and the first is most often the one that is wanted.
    next: OnceLock<Box<Self>>,
}

impl Route {
    /// The route of a method, which is one of few where it `is_template`. Costs a hash and a comparison where this thread met
    /// the route before.
    pub(super) fn of(registry: &Arc<Registry>, method: &str, route: &str, is_template: bool) -> Arc<Self> {
        let hash = hash_of(seed_of(method), [route]);
        let is_it = |known: &Arc<Self>| known.is(method, route);
        let kept = ROUTES.try_with(|cache| cache.with(registry.owner(), hash, is_it, Arc::clone));
        // No cache, while the thread ends.
        if let Ok(Some(kept)) = kept { kept } else { Self::meet(registry, (method, route, is_template), hash) }
    }

    /// For the first time on this thread.
    #[cold]
    #[inline(never)]
    fn meet(registry: &Arc<Registry>, (method, route, is_template): (&str, &str, bool), hash: u64) -> Arc<Self> {
        if is_template {
            registry.know(Kind::HttpRequest, "route", route);
        }
        let fresh = Arc::new(registry.with(Kind::HttpRequest, &[method, route, ""], |open, overflow| Self {
            name: open.identity.labels.concat().into(),
            method_length: open.identity.labels.first().map_or(0, |method| method.len()),
            registry: Arc::downgrade(registry),
            open: Arc::clone(open),
            overflow: overflow.cloned(),
            answered: OnceLock::new(),
            streams: OnceLock::new(),
        }));
        // A value that overflowed is not kept: it is one of too many.
        if fresh.is(method, route) {
            let _ = ROUTES.try_with(|cache| cache.keep(registry.owner(), hash, Arc::clone(&fresh)));
        }
        fresh
    }

    fn is(&self, method: &str, route: &str) -> bool {
        let own = self.name.as_bytes().split_at_checked(self.method_length);
        own.is_some_and(|(own_method, own_route)| own_route == route.as_bytes() && own_method == method.as_bytes())
    }

    /// The label of the route, which is bounded.
    pub(super) fn label(&self) -> &str {
        self.open.identity.labels.get(1).map_or("", |route| &**route)
    }

    /// Counts that a request's labels overflowed, if they did.
    pub(super) fn count_overflow(&self) {
        self.overflow.as_ref().inspect(|overflow| overflow.count());
    }

    /// Where a request is counted that was answered with this status; nowhere once its monitor is gone.
    pub(super) fn answered(&self, status: u16) -> Option<&Answered> {
        let mut place = &self.answered;
        loop {
            let answered = if let Some(answered) = place.get() {
                answered
            } else {
                let fresh = self.look_up(status)?;
                place.get_or_init(|| fresh)
            };
            // Another thread may have been the first here, with another status.
            if answered.status == status {
                return Some(answered);
            }
            place = &answered.next;
        }
    }

    /// Counts that a request's status overflowed, or what else did that had not when it came.
    pub(super) fn count_overflow_of(&self, answered: &Answered) {
        answered.overflow.as_ref().inspect(|overflow| overflow.count_besides(self.overflow.as_ref()));
    }

    /// Counts answers that begin to be sent, or end.
    pub(super) fn add_streams(&self, by: f64) {
        self.streams.get_or_init(|| self.look_up_streams()).as_ref().inspect(|streams| streams.add(by));
    }

    #[cold]
    fn look_up_streams(&self) -> Option<Gauge> {
        let registry = self.registry.upgrade()?;
        let [method, route, _] = &*self.open.identity.labels else { return None };
        let help = "Answers that are being sent, of those that come in several parts or wait for one.";
        let labels: [(&str, &str); 2] = [("method", method), ("route", route)];
        let name = names::HTTP_OPEN_STREAMS;
        Some(registry.custom().gauge(Described { name, labels: &labels, unit: "", help }))
    }

    #[cold]
    fn look_up(&self, status: u16) -> Option<Box<Answered>> {
        let registry = self.registry.upgrade()?;
        let [method, route, _] = &*self.open.identity.labels else { return None };
        let labels: [&str; 3] = [method, route, &status.to_string()];
        Some(registry.with(Kind::HttpRequest, &labels, |series, overflow| {
            let (series, overflow) = (Arc::clone(series), overflow.cloned());
            Box::new(Answered { status, series, overflow, next: OnceLock::new() })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn methods_have_numbers_of_their_own() {
        let methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER"];
        assert_eq!(methods.map(seed_of).into_iter().collect::<HashSet<_>>().len(), methods.len());
    }
}
