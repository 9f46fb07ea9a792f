//! The functions that write one series.

use crate::measure::cells::meter::Meter;
use std::iter;
use std::sync::OnceLock;

/// A list to which functions are only ever added. To read it takes no lock: that would be a write to memory, even where
/// nobody else holds it, and the processor begins no later read before it. A reader of many series waits for memory most
/// of all, and can wait for several of them at once.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    meter: OnceLock<&'static Meter>,
    next: OnceLock<Box<Sites>>,
}

impl Sites {
    pub(crate) fn new(first: Option<&'static Meter>) -> Self {
        Self { meter: first.map_or_else(OnceLock::new, OnceLock::from), next: OnceLock::new() }
    }

    pub(crate) fn add(&self, meter: &'static Meter) {
        let mut place = self;
        while place.meter.set(meter).is_err() {
            place = place.next.get_or_init(Box::default);
        }
    }

    /// All of them, the first that came first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Meter> {
        let places = iter::successors(Some(self), |place| place.next.get().map(AsRef::as_ref));
        places.map_while(|place| place.meter.get().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::model::kind::Kind;
    use std::collections::BTreeSet;
    use std::thread;

    fn meter() -> &'static Meter {
        Box::leak(Box::new(Meter::new(Kind::Tool)))
    }

    fn addresses(sites: &Sites) -> Vec<usize> {
        sites.iter().map(|meter| std::ptr::from_ref(meter).addr()).collect()
    }

    #[test]
    fn they_are_listed_in_the_order_in_which_they_came() {
        let meters = [meter(), meter(), meter()];
        let sites = Sites::new(Some(meters[0]));
        meters[1..].iter().for_each(|meter| sites.add(meter));
        assert_eq!(addresses(&sites), meters.map(|meter| std::ptr::from_ref(meter).addr()));
        assert_eq!(Sites::new(None).iter().count(), 0);
    }

    #[test]
    fn none_is_lost_where_several_come_at_once() {
        let (sites, each) = (Sites::new(None), 50);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..each).for_each(|_| sites.add(meter())));
            }
            let mut before = 0;
            while before < 4 * each {
                let now = sites.iter().count();
                assert!(now >= before, "there are never fewer");
                before = now;
            }
        });
        assert_eq!(addresses(&sites).into_iter().collect::<BTreeSet<_>>().len(), 4 * each);
    }
}
