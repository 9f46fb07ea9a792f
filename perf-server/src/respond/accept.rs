//! Which of two formats a scraper wants: what the header `Accept` says (RFC 9110, section 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The formats that `/metrics` can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus text 0.0.4: what everybody can read.
    Prometheus,
    /// OpenMetrics text 1.0.0: only for those who name it.
    OpenMetrics,
}

impl Format {
    /// OpenMetrics where it is named and liked as well as plain text, else Prometheus text. `None` where neither is wanted.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let accepted = ranges(headers);
        let openmetrics = accepted.iter().filter(|range| range.is_openmetrics()).map(|range| range.quality).max();
        let text = quality_of_text(&accepted);
        match openmetrics {
            Some(quality) if quality > 0 && quality >= text => Some(Self::OpenMetrics),
            _ => (text > 0 || accepted.is_empty()).then_some(Self::Prometheus),
        }
    }
}

/// Whether an answer of this media type is wanted. A client without an `Accept` that can be read takes all.
pub(crate) fn accepts(headers: &HeaderMap, kind: &str, subkind: &str) -> bool {
    let accepted = ranges(headers);
    let fitting = accepted.iter().filter_map(|range| Some((range.fits(kind, subkind)?, range.quality)));
    accepted.is_empty() || fitting.max().is_some_and(|(_, quality)| quality > 0)
}

fn ranges(headers: &HeaderMap) -> Vec<Range<'_>> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect()
}

/// How much plain text is liked: what the range says that fits it best. In thousandths.
fn quality_of_text(accepted: &[Range<'_>]) -> u16 {
    let fitting = accepted.iter().filter_map(|range| Some((range.fits_text()?, range.quality)));
    fitting.max().map_or(0, |(_, quality)| quality)
}

/// One media range: `text/*;q=0.5`.
#[derive(Debug)]
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    version: Option<&'a str>,
    /// In thousandths: 0 to 1,000.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subkind) = parts.next()?.split_once('/')?;
        let mut range = Self { kind, subkind, version: None, quality: 1_000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("version") => range.version = Some(value),
                name if name.eq_ignore_ascii_case("q") => range.quality = thousandths(value)?,
                _ => {}
            }
        }
        Some(range)
    }

    fn is(&self, kind: &str, subkind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subkind.eq_ignore_ascii_case(subkind)
    }

    /// The version that we write, or any.
    fn is_openmetrics(&self) -> bool {
        self.is("application", "openmetrics-text") && self.version.is_none_or(|version| version == "1.0.0")
    }

    /// Whether it means this media type, and how exactly.
    fn fits(&self, kind: &str, subkind: &str) -> Option<u8> {
        [self.is("*", "*"), self.is(kind, "*"), self.is(kind, subkind)]
            .into_iter()
            .zip(0..)
            .filter(|fit| fit.0)
            .map(|fit| fit.1)
            .max()
    }

    /// Whether it means Prometheus text, and how exactly.
    fn fits_text(&self) -> Option<u8> {
        match self.version {
            Some("0.0.4") if self.is("text", "plain") => Some(3),
            Some(_) => None,
            None if self.is("text", "plain") => Some(2),
            None if self.is("text", "*") => Some(1),
            None => self.is("*", "*").then_some(0),
        }
    }
}

/// A quality: a number from 0 to 1 with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let quality: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..=1.0).contains(&quality).then_some((quality * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn wanted(lines: &[&'static str]) -> Option<Format> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_static(line));
        }
        Format::wanted(&headers)
    }

    #[test]
    fn prometheus_servers_get_openmetrics() {
        let version_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                         text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let version_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                         application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                         text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for header in [version_2, version_3] {
            assert_eq!(wanted(&[header]), Some(Format::OpenMetrics));
        }
    }

    #[test]
    fn openmetrics_comes_to_those_who_name_it_and_like_it_as_well() {
        for lines in [
            &["application/openmetrics-text"][..],
            &["application/openmetrics-text; version=\"1.0.0\"; q=0.5, text/plain; q=0.5"],
            &["text/plain;q=0.2", "Application/OpenMetrics-Text;Q=0.3"],
            &["application/openmetrics-text;q=0.1, text/plain;q=0, */*"],
            &["application/openmetrics-text;q=0.5, text/plain;version=1.0.0"],
        ] {
            assert_eq!(wanted(lines), Some(Format::OpenMetrics), "{lines:?}");
        }
    }

    #[test]
    fn everybody_else_gets_prometheus_text() {
        for lines in [
            &[][..],
            &["*/*"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["application/openmetrics-text;q=0.4, text/plain;q=0.5"],
            &["application/openmetrics-text;q=0.4, text/*;q=0.3, text/plain;version=0.0.4"],
            &["application/openmetrics-text;q=2"],
            &["nonsense"],
        ] {
            assert_eq!(wanted(lines), Some(Format::Prometheus), "{lines:?}");
        }
    }

    #[test]
    fn who_wants_neither_gets_none() {
        for lines in [
            &["application/json"][..],
            &["application/*"],
            &["application/openmetrics-text;version=0.0.1"],
            &["application/openmetrics-text;q=0"],
            &["*/*;q=0"],
        ] {
            assert_eq!(wanted(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn json_comes_to_those_who_do_not_shut_it_out() {
        let accepts = |line: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(line))]);
            accepts(&headers, "application", "json")
        };
        assert!(super::accepts(&HeaderMap::new(), "application", "json"));
        for wanted in ["application/json", "application/*", "text/html, */*;q=0.1", "", "text/html, APPLICATION/JSON"] {
            assert!(accepts(wanted), "{wanted}");
        }
        for unwanted in ["text/html", "application/json;q=0, */*", "application/xml"] {
            assert!(!accepts(unwanted), "{unwanted}");
        }
    }
}
