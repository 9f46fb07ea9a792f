//! Unusual values of one series, found as they come.
//!
//! Five cheap tests look at each value: the value itself, how surprising it is after the course of the ones just before, how far the level
//! has moved within a dozen values and within a hundred, and how far the series spreads. Each keeps the highest and the lowest of every 64 values, and knows by them
//! how high the highest of an unchanged series goes: the extremes of long blocks follow Gumbel's distribution, whatever the values
//! follow, as long as their tails are light, and those of shorter ones what is seen of their fall (E. Gumbel, *Statistics of extremes*, 1958; A. Siffer, P.-A. Fouque, A. Termier, C.
//! Largouët, *Anomaly detection in streams with extreme value theory*, KDD 2017, for streams). What was seen once is not unusual
//! soon again. So a series that swings by itself has wide bounds, and a calm one narrow ones, and the only parameter is a risk: of how many blocks of an unchanged
//! series a test may be wrong about.
//!
//! Nothing looks ahead: an answer depends on the values before and on nothing else. The state is a few hundred bytes,
//! however long the series.

mod features;
mod tails;
#[cfg(test)]
mod tests;

use crate::series::is_known;
use crate::{Error, Series};
use features::Features;
use tails::{Fresh, Tails};

/// The number of values in bounds after which an episode is over.
const CALM: u32 = 64;

/// The settings by which a value counts as unusual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnomalySettings {
    /// The share of blocks of 64 values of an unchanged series in which one side of one test may find something: 0.000004 by
    /// default, by which a month of minutes of an unchanged series has an episode in about one of five (`benches/insight -- unusual`).
    pub risk: f64,
    /// The scale that values are compared on.
    pub scale: Scale,
}

/// The scale that values are compared on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// As they are: shares, temperatures, whatever can be zero or less.
    #[default]
    Linear,
    /// By their logarithms: durations and sizes, of which the double is as far as the half, and of which single ones are many times
    /// the mean. A value that is not above zero is unknown.
    Logarithmic,
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic if value > 0.0 => value.ln(),
            Self::Logarithmic => f64::NAN,
        }
    }

    fn back(self, number: f64) -> f64 {
        match self {
            Self::Linear => number,
            Self::Logarithmic => number.exp(),
        }
    }
}

impl AnomalySettings {
    /// Findings that are looked through by somebody rather than told: a risk of 0.05.
    pub const fn sensitive() -> Self {
        Self { risk: 0.05, scale: Scale::Linear }
    }

    /// The same on another scale.
    #[must_use]
    pub const fn on(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }
}

impl Default for AnomalySettings {
    fn default() -> Self {
        Self { risk: 4e-6, scale: Scale::Linear }
    }
}

/// The number that a test looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Test {
    /// The value.
    Value,
    /// The value's distance from where the course of about twenty before leads, in its usual distance.
    Surprise,
    /// The average of about eight values less that of about sixty.
    Step,
    /// The average of about thirty values less that of about two hundred.
    Shift,
    /// The logarithm of the deviation of about sixty values.
    Spread,
}

impl Test {
    /// How much of a block is news to it.
    const fn fresh(self) -> Fresh {
        match self {
            Self::Value | Self::Surprise => Fresh::ALL,
            Self::Step => Fresh::EIGHTH,
            Self::Shift | Self::Spread => Fresh::NONE,
        }
    }
}

/// All tests, in the order of [`Features`].
const TESTS: [Test; 5] = [Test::Value, Test::Surprise, Test::Step, Test::Shift, Test::Spread];

/// The finding at one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Whether the value is out of bounds: the bit that is kept with its slice.
    pub unusual: bool,
    /// Whether an episode begins with it: there is one for each run of unusual values, until 64 values in a row were in
    /// bounds.
    pub begins: bool,
    /// The score of the test that finds the most, on Gumbel's scale: x is exceeded in a share of about e⁻ˣ of the blocks of an
    /// unchanged series. 0 while the detector learns.
    pub score: f64,
    /// The test that finds the most.
    pub test: Test,
    /// The number of tests that find the value out of bounds.
    pub agreeing: usize,
    /// The bounds that the value was expected within, by what was before it: see [`Detector::expected`]. `None` while the detector
    /// learns.
    pub expected: Option<(f64, f64)>,
}

/// One run of unusual values.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize))]
pub struct Episode {
    /// The time of the first of them, in seconds.
    #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds"))]
    pub began: i64,
    /// The time of the last of them.
    #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds"))]
    pub last: i64,
    /// The number of unusual values.
    pub unusual: usize,
    /// The highest score.
    pub score: f64,
    /// The test that found the first.
    pub test: Test,
    /// The first unusual value.
    pub value: f64,
    /// The bounds that it was expected within.
    pub expected: Option<(f64, f64)>,
}

/// A detector of one series.
///
/// ```
/// use perf_insight::anomaly::{AnomalySettings, Detector};
///
/// let mut detector = Detector::new(AnomalySettings::default())?;
/// for second in 0..600 {
///     assert!(!detector.observe(100.0 + f64::from(second % 7)).unusual);
/// }
/// assert!(detector.observe(180.0).begins);
/// assert!(!detector.observe(181.0).begins, "the same episode");
/// # Ok::<(), perf_insight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    /// The score above which a value is out of bounds.
    threshold: f64,
    scale: Scale,
    features: Features,
    tails: [Tails; TESTS.len()],
    /// The values in bounds since the last unusual one; saturates.
    calm: u32,
}

impl Detector {
    /// A detector that knows nothing yet. It learns for 276 values.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where the risk is not within 1e-9 and 0.5.
    pub fn new(settings: AnomalySettings) -> Result<Self, Error> {
        if !(1e-9..=0.5).contains(&settings.risk) {
            return Err(Error::invalid("risk", settings.risk, "1e-9 to 0.5"));
        }
        // Gumbel's quantile.
        let threshold = -(-(1.0 - settings.risk).ln()).ln();
        Ok(Self {
            threshold,
            scale: settings.scale,
            features: Features::default(),
            tails: [Tails::default(); TESTS.len()],
            calm: CALM,
        })
    }

    /// The bounds that the next value is expected within: the narrower of what was seen so far and of how far values lie from the
    /// ones just before. `None` while it learns.
    pub fn expected(&self) -> Option<(f64, f64)> {
        let [value, surprise, ..] = &self.tails;
        let (mut low, mut high) = value.bounds(self.threshold, Test::Value.fresh())?;
        if let Some(((ahead, distance), (below, above))) =
            self.features.ahead().zip(surprise.bounds(self.threshold, Test::Surprise.fresh()))
        {
            (low, high) = (low.max(ahead + distance * below), high.min(ahead + distance * above));
        }
        // A series that has left what was seen so far, and stays there, is expected where it is.
        Some((self.scale.back(low.min(high)), self.scale.back(high.max(low))))
    }

    /// The finding at the next value. An unknown one is passed over: it is neither usual nor unusual.
    pub fn observe(&mut self, value: f64) -> Observation {
        let value = self.scale.of(value);
        let expected = self.expected();
        let mut found =
            Observation { unusual: false, begins: false, score: 0.0, test: Test::Value, agreeing: 0, expected };
        if !is_known(value) {
            return found;
        }
        let Some(features) = self.features.of(value) else { return found };
        for ((tails, feature), test) in self.tails.iter_mut().zip(features).zip(TESTS) {
            let score = tails.score(feature, test.fresh());
            found.agreeing += usize::from(score > self.threshold);
            if score > found.score {
                (found.score, found.test) = (score, test);
            }
            tails.learn(feature, test.fresh());
        }
        found.unusual = found.agreeing > 0;
        found.begins = found.unusual && self.calm >= CALM;
        self.calm = if found.unusual { 0 } else { self.calm.saturating_add(1) };
        found
    }
}

/// The range that one value was expected within, by the values before it alone.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize))]
pub struct Bounds {
    /// The time of the value, in seconds.
    #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds"))]
    pub time: i64,
    /// The value; `None` where it is not known.
    pub value: Option<f64>,
    /// The lowest that was expected.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Whether the value was unusual, by any of the tests; `None` where it is not known.
    pub unusual: Option<bool>,
}

/// The bounds of each value of a whole series, but of those while the detector learns.
///
/// ```
/// use perf_insight::{Series, anomaly::{AnomalySettings, bounds}};
///
/// let values: Vec<f64> = (0..600).map(|second| 100.0 + f64::from(second % 7)).collect();
/// let found = bounds(&Series::new(0, 1, &values)?, AnomalySettings::default())?;
/// let last = found[found.len() - 1];
/// assert!(last.time == 599 && last.low < 100.0 && last.high > 106.0 && last.unusual == Some(false));
/// # Ok::<(), perf_insight::Error>(())
/// ```
///
/// # Errors
///
/// As [`Detector::new`].
pub fn bounds(series: &Series<'_>, settings: AnomalySettings) -> Result<Vec<Bounds>, Error> {
    let mut detector = Detector::new(settings)?;
    let found = series.values().iter().enumerate().filter_map(|(place, &value)| {
        let Observation { expected, unusual, .. } = detector.observe(value);
        let (low, high) = expected?;
        let is_known = is_known(value);
        let (value, unusual) = (is_known.then_some(value), is_known.then_some(unusual));
        Some(Bounds { time: series.time_of(place), value, low, high, unusual })
    });
    Ok(found.collect())
}

/// The episodes of a whole series, each judged by the values before it alone.
///
/// # Errors
///
/// As [`Detector::new`].
pub fn episodes(series: &Series<'_>, settings: AnomalySettings) -> Result<Vec<Episode>, Error> {
    let mut detector = Detector::new(settings)?;
    let mut found: Vec<Episode> = Vec::new();
    for (place, &value) in series.values().iter().enumerate() {
        let Observation { unusual, begins, score, test, expected, .. } = detector.observe(value);
        let time = series.time_of(place);
        if begins {
            found.push(Episode { began: time, last: time, unusual: 1, score, test, value, expected });
        } else if let Some(running) = found.last_mut().filter(|_| unusual) {
            running.last = time;
            running.unusual += 1;
            running.score = running.score.max(score);
        }
    }
    Ok(found)
}
