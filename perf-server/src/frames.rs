//! How fast frames came lately, page by page: the gauge that the rule `frames` judges.

use perf_runtime::Monitor;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The rules look for this name.
const FRAMES: SampledMetric = SampledMetric::gauge(
    names::UI_FRAMES_PER_SECOND,
    "hertz",
    "Frames that browsers drew in a second, the mean of the last minute, by page.",
);
const LATELY: Duration = Duration::from_secs(60);
/// So many pages are told apart, and so many values of one are remembered: beyond that the oldest go.
const MAX_PAGES: usize = 200;
const MAX_VALUES: usize = 600;
const OVERFLOW: &str = "__overflow__";

/// The frame rates of each page in hertz, with the time when each was sent: the oldest first.
type Pages = BTreeMap<String, VecDeque<(Instant, f64)>>;

/// The frame rates that browsers sent in the last minute. A cheap handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frames {
    pages: Arc<Mutex<Pages>>,
    /// Whether the monitor knows of it.
    sampled: Arc<OnceLock<()>>,
}

impl Frames {
    /// Adds what one browser saw. With the first, the monitor begins to look at them.
    pub(crate) fn add(&self, monitor: &Monitor, page: &str, values: &[f64], now: Instant) {
        let mut pages = self.pages();
        let page = if pages.len() < MAX_PAGES || pages.contains_key(page) { page } else { OVERFLOW };
        let seen = pages.entry(page.to_owned()).or_default();
        seen.extend(values.iter().map(|&value| (now, value)));
        let too_many = seen.len().saturating_sub(MAX_VALUES);
        seen.drain(..too_many);
        drop(pages);
        self.sampled.get_or_init(|| {
            let frames = self.clone();
            monitor.sample("browsers", Duration::ZERO, move |samples| frames.sample(samples));
        });
    }

    fn sample(&self, samples: &mut Samples<'_>) {
        for (page, mean) in self.means(Instant::now()) {
            samples.put(&FRAMES, &[("page", &page)], mean);
        }
    }

    /// Of each page of which anything was told lately.
    fn means(&self, now: Instant) -> Vec<(String, f64)> {
        let mut pages = self.pages();
        pages.retain(|_, seen| {
            while seen.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > LATELY) {
                seen.pop_front();
            }
            !seen.is_empty()
        });
        let mean =
            |seen: &VecDeque<(Instant, f64)>| seen.iter().map(|(_, value)| value).sum::<f64>() / seen.len() as f64;
        pages.iter().map(|(page, seen)| (page.clone(), mean(seen))).collect()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_the_mean_of_its_last_minute_and_pages_are_bounded() {
        let (monitor, frames, start) = (Monitor::builder().build().unwrap(), Frames::default(), Instant::now());
        frames.add(&monitor, "/", &[20.0, 40.0], start);
        frames.add(&monitor, "/cart", &[60.0], start + LATELY / 2);
        assert_eq!(frames.means(start + LATELY), [("/".to_owned(), 30.0), ("/cart".to_owned(), 60.0)]);
        assert_eq!(frames.means(start + LATELY + Duration::from_millis(1)), [("/cart".to_owned(), 60.0)]);
        let later = start + 2 * LATELY;
        (0..1_000).for_each(|page| frames.add(&monitor, &format!("/{page}"), &[1.0; 10], later));
        let means = frames.means(later);
        assert!(means.len() <= MAX_PAGES + 1 && means.iter().any(|(page, _)| page == OVERFLOW), "{}", means.len());
        assert!(frames.pages().values().all(|seen| seen.len() <= MAX_VALUES));
    }
}
