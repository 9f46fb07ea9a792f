//! Charts as SVG in the page, with a title that says what they show.

use super::page::Page;

/// The points of a chart at most: what a picture has dots for.
const MOST: usize = 96;

/// Values over the range; `None` where nobody observed.
#[derive(Clone, Debug, Default)]
pub(super) struct Course(pub(super) Vec<Option<f64>>);

/// How the values of steps become one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Join {
    /// Counts, as a rate a second: a part that was observed for a shorter time is no lower for it.
    Rate,
    /// The highest.
    Highest,
}

impl Course {
    /// The values of steps, each with the seconds in which it was observed, joined where there are more than a picture has dots for.
    pub(super) fn of(points: &[(f64, Option<f64>)], join: Join) -> Self {
        Self::in_parts(points, points.len().div_ceil(MOST), join)
    }

    /// The same, so many steps joined to one each.
    pub(super) fn in_parts(points: &[(f64, Option<f64>)], each: usize, join: Join) -> Self {
        let each = each.max(1);
        let joined = |points: &[(f64, Option<f64>)]| {
            let known = || points.iter().filter_map(|(covered, value)| Some((*covered, (*value)?)));
            match join {
                Join::Highest => known().map(|(_, value)| value).reduce(f64::max),
                Join::Rate => {
                    let (covered, sum) =
                        known().fold((0.0, 0.0), |(all, sum), (covered, value)| (all + covered, sum + value));
                    (covered > 0.0).then_some(sum / covered)
                }
            }
        };
        Self(points.chunks(each).map(joined).collect())
    }

    pub(super) fn highest(&self) -> Option<f64> {
        self.0.iter().flatten().copied().reduce(f64::max)
    }
}

/// Draws a course as a line from zero to its highest value, with gaps where nothing is known. Over it lie columns of the same width, each with the text
/// that is shown to whoever points at it.
pub(super) fn draw(
    page: &mut Page,
    course: &Course,
    (width, height): (f64, f64),
    class: &'static str,
    title: &str,
    columns: &[String],
) {
    page.raw("<svg role=\"img\" class=\"")
        .raw(class)
        .raw("\" preserveAspectRatio=\"none\" viewBox=\"0 0 ")
        .number(width)
        .raw(" ")
        .number(height);
    page.raw("\"><title>").text(title).raw("</title>");
    let highest = course.highest().filter(|highest| *highest > 0.0).unwrap_or(1.0);
    let across = width / (course.0.len().saturating_sub(1).max(1)) as f64;
    let y = |value: f64| height - 1.0 - (height - 2.0) * value / highest;
    page.raw("<path d=\"");
    let mut is_down = false;
    for (place, value) in course.0.iter().enumerate() {
        let Some(value) = *value else {
            is_down = false;
            continue;
        };
        let x = across * place as f64;
        page.raw(if is_down { "L" } else { "M" }).number(x).raw(" ").number(y(value));
        // A dot where neither neighbour is known.
        if !is_down && course.0.get(place + 1).is_none_or(Option::is_none) {
            page.raw("h.8");
        }
        is_down = true;
    }
    page.raw("\"/>");
    let wide = width / columns.len().max(1) as f64;
    for (place, text) in columns.iter().enumerate() {
        page.raw("<rect x=\"").number(wide * place as f64).raw("\" width=\"").number(wide);
        page.raw("\" height=\"").number(height).raw("\"><title>").text(text).raw("</title></rect>");
    }
    page.raw("</svg>");
}
