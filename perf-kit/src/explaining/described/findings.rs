//! The description of trends, forecasts, unusual episodes and comparisons.

use crate::explaining::asking::{FORECASTS, SERIES};
use perf_server::openapi::utoipa::openapi::path::HttpMethod::Get;
use perf_server::openapi::utoipa::openapi::path::OperationBuilder;
use perf_server::openapi::utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use perf_server::openapi::{self, Description, Fields, Operations, object};

const TREND: [&str; 6] = ["improving", "degrading", "rising", "falling", "stable", "volatile"];
const CHANGE: [&str; 6] = ["improved", "regressed", "increased", "decreased", "no_change", "unclear"];
const TESTS: [&str; 5] = ["value", "surprise", "step", "shift", "spread"];
const FIGURES: [&str; 3] = ["latency", "errors", "rate"];
/// A span before now, a time, or seconds since 1970, and a slash, and another.
const RANGE: &str = "^(now|-?[0-9].*|[+].*)/(now|-?[0-9].*|[+].*)$";
const MOMENT: &str = "^(now|-?[0-9.].*|[+].*)$";

pub(super) fn add(description: Description) -> Description {
    let trends = asked("Whether series improve, degrade, are stable or volatile", SERIES);
    let anomalies = asked("Episodes in which series were unusual, each judged by what was before it alone", SERIES);
    let expected = asked("The range that each step of series was expected within, by what was before it alone", SERIES);
    let forecasts = asked("The values that come, with intervals, and when a limit is reached", FORECASTS)
        .query(
            "ahead",
            "The next hour by the last week, or the next day by the last four; an hour unless said.",
            openapi::choice(&["hour", "day"]),
        )
        .query(
            "reaches",
            "A limit, in the unit of the series: when is it reached? 1 for what is a share in use, unless said.",
            openapi::number(),
        );
    let compare =
        asked("Whether one range of time is better or worse than another, by the mix of the one before", SERIES);
    let compare = of_two_ranges(compare);
    let now = openapi::read("series", "Series of calls that were unusual in the last minute, and how many are watched");
    description
        .operation(Get, "/api/v1/insight/unusual", now.json("Watching"))
        .schema("Watching", watching())
        .schema("UnusualNow", unusual_now())
        .operation(Get, "/api/v1/insight/trends", ranged(trends, "an hour").json("Trends"))
        .operation(Get, "/api/v1/insight/anomalies", ranged(anomalies, "a day").json("UnusualEpisodes"))
        .operation(Get, "/api/v1/insight/expected", ranged(expected, "a day").json("Expectations"))
        .operation(Get, "/api/v1/insight/forecasts", forecasts.json("Forecasts"))
        .operation(Get, "/api/v1/insight/compare", compare.json("Comparisons"))
        .schema("Trends", findings("Trends of series.", "Trend"))
        .schema("Trend", finding(trend()))
        .schema("UnusualEpisodes", findings("Unusual episodes of series.", "UnusualSeries"))
        .schema("UnusualSeries", unusual())
        .schema("UnusualEpisode", episode())
        .schema("Expectations", findings("Expected ranges of series, step by step.", "ExpectedSeries"))
        .schema("ExpectedSeries", expected_series())
        .schema("ExpectedRange", expected_range())
        .schema("Forecasts", findings("Forecasts of series.", "Forecast"))
        .schema("Forecast", finding(coming()))
        .schema("ForecastPoint", point())
        .schema("Comparisons", comparisons())
        .schema("ComparedKind", kind())
        .schema(
            "ComparedSeries",
            object("A series in two ranges.")
                .has("series", openapi::text())
                .has("change", openapi::named("ComparedChange")),
        )
        .schema("ComparedChange", change(object("A change, with its interval.")))
        .schema("ComparedRange", span())
}

fn asked(summary: &str, bounds: (usize, usize)) -> OperationBuilder {
    selected(openapi::read("series", summary), bounds)
        .query("figure", "The figure of series of calls: the mean duration, the share that fails, or calls a second; latency unless said.", openapi::choice(&FIGURES))
}

/// The series that a question is about.
fn selected(operation: OperationBuilder, (default, most): (usize, usize)) -> OperationBuilder {
    let limit = openapi::count().minimum(Some(1_usize)).maximum(Some(most)).default(Some(default.into()));
    let series = openapi::list(openapi::text()).max_items(Some(100));
    operation
        .query("series", "The id of a series, the name of a metric, or its first letters and `*`. May be given several times; without it, `kind` and `label`, all series of calls.", series)
        .query("kind", "The series of a kind.", openapi::kind())
        .labelled()
        .query("limit", "How many series at most; the rest is counted.", limit)
        .problem("404", "A series is named as none can be.")
}

/// The series and the two ranges that a comparison is of.
#[cfg(feature = "report")]
pub(crate) fn compared(operation: OperationBuilder) -> OperationBuilder {
    of_two_ranges(selected(operation, SERIES))
}

fn of_two_ranges(operation: OperationBuilder) -> OperationBuilder {
    let range = || openapi::text().pattern(Some(RANGE));
    operation
        .query("before", "The range before, such as -2h/-1h: two times, each in RFC 3339, seconds since 1970, now, or a span before now. Needed.", range())
        .query("after", "The range after, in the same way. Needed.", range())
}

fn ranged(operation: OperationBuilder, usual: &str) -> OperationBuilder {
    let from = format!(
        "The start: RFC 3339, seconds since 1970, or a span before now such as -2h. Without it and `to`, {usual} ago."
    );
    in_range(operation, &from)
}

/// The same with the parameters of a range of time.
pub(super) fn in_range(operation: OperationBuilder, from: &str) -> OperationBuilder {
    let moment = || openapi::text().pattern(Some(MOMENT));
    operation.query("from", from, moment()).query("to", "The end, in the same ways; without it, now.", moment())
}

fn findings(description: &str, of: &str) -> ObjectBuilder {
    object(description)
        .has("start", openapi::time())
        .has("end", openapi::time())
        .has("step", openapi::number())
        .has("figure", openapi::choice(&FIGURES))
        .has("series", openapi::list(openapi::named(of)))
        .has("left_out", openapi::count())
}

/// The finding about a series, or the reason why there is none.
fn finding(found: ObjectBuilder) -> ObjectBuilder {
    object("The finding about a series; where there is too little history, the reason why there is none.")
        .has("series", openapi::text())
        .has("name", openapi::text())
        .may_have("found", found)
        .has("why_not", openapi::text_or_null())
}

fn or_null() -> ObjectBuilder {
    openapi::one_of(&[Type::Object, Type::Null])
}

/// Two numbers, the lower first.
fn between() -> ArrayBuilder {
    openapi::list(openapi::number_or_null()).min_items(Some(2)).max_items(Some(2))
}

fn trend() -> ObjectBuilder {
    object("How a series moves over the range, the change from its beginning to its end, and its interval.")
        .has("class", openapi::choice(&TREND))
        .has("change", openapi::number_or_null())
        .has("change_between", between())
        .has("relative", openapi::number_or_null())
        .has("confidence", openapi::number_or_null())
        .has("from", openapi::number_or_null())
        .has("to", openapi::number_or_null())
        .has("blocks", openapi::count())
}

fn unusual() -> ObjectBuilder {
    object("The unusual episodes of a series; where there is too little history, the reason why nothing is said.")
        .has("series", openapi::text())
        .has("name", openapi::text())
        .may_have("found", openapi::list(openapi::named("UnusualEpisode")))
        .has("why_not", openapi::text_or_null())
}

fn expected_series() -> ObjectBuilder {
    object("The expected ranges of a series; where there is too little history, the reason why nothing is said.")
        .has("series", openapi::text())
        .has("name", openapi::text())
        .may_have("found", openapi::list(openapi::named("ExpectedRange")))
        .has("why_not", openapi::text_or_null())
}

fn expected_range() -> ObjectBuilder {
    object(
        "The range that a step was expected within, its value, and whether it was unusual; null where it is not known.",
    )
    .has("time", openapi::time())
    .has("value", openapi::number_or_null())
    .has("low", openapi::number_or_null())
    .has("high", openapi::number_or_null())
    .has("unusual", openapi::one_of(&[Type::Boolean, Type::Null]))
}

fn watching() -> ObjectBuilder {
    object("How much is unusual now. Shares are null while the usual range of fewer than ten series is known.")
        .has("watched", openapi::count())
        .has("learned", openapi::count())
        .has("left_out", openapi::count())
        .has("unusual_ratio", openapi::number_or_null())
        .has("hurt_ratio", openapi::number_or_null())
        .has("unusual", openapi::list(openapi::named("UnusualNow")))
}

fn unusual_now() -> ObjectBuilder {
    object("A figure of a series that was out of its usual range in the last minute: seconds, or a share of failures.")
        .has("series", openapi::text())
        .has("name", openapi::text())
        .has("figure", openapi::choice(&FIGURES))
        .has("value", openapi::number())
        .has("expected", between())
        .has("is_worse", openapi::flag())
        .has("since", openapi::time())
        .has("score", openapi::number())
}

fn episode() -> ObjectBuilder {
    object("One run of unusual values.")
        .has("began", openapi::time())
        .has("last", openapi::time())
        .has("unusual", openapi::count())
        .has("score", openapi::number_or_null())
        .has("test", openapi::choice(&TESTS))
        .has("value", openapi::number_or_null())
        .has("expected", openapi::one_of(&[Type::Array, Type::Null]))
}

fn coming() -> ObjectBuilder {
    let forecast =
        object("The values that come; `coverage` is the share that intervals held in tests on this very series.")
            .has("points", openapi::list(openapi::named("ForecastPoint")))
            .has("share", openapi::number())
            .has("coverage", openapi::number_or_null())
            .has("tested", openapi::count())
            .has("error", openapi::number_or_null())
            .has("naive_error", openapi::number_or_null());
    let reaches = or_null()
        .has("is", openapi::choice(&["already", "at", "not_in_sight"]))
        .may_have("time", openapi::time())
        .may_have("earliest", openapi::time())
        .may_have("latest", openapi::text_or_null());
    object("A forecast, and when a limit is reached; null where there is none.")
        .has("forecast", forecast)
        .has("reaches", reaches)
}

fn point() -> ObjectBuilder {
    object("A value that comes.")
        .has("time", openapi::time())
        .has("value", openapi::number_or_null())
        .has("low", openapi::number_or_null())
        .has("high", openapi::number_or_null())
}

fn comparisons() -> ObjectBuilder {
    object("Two ranges of time compared.")
        .has("before", openapi::named("ComparedRange"))
        .has("after", openapi::named("ComparedRange"))
        .has("figure", openapi::choice(&FIGURES))
        .has("kinds", openapi::list(openapi::named("ComparedKind")))
        .has("left_out", openapi::count())
}

fn span() -> ObjectBuilder {
    object("A range of time.").has("start", openapi::time()).has("end", openapi::time()).has("step", openapi::number())
}

fn kind() -> ObjectBuilder {
    object("The calls of a kind in two ranges; where there is too little history, the reason why nothing is compared.")
        .has("kind", openapi::kind())
        .has("overall", change(or_null()))
        .has("series", openapi::list(openapi::named("ComparedSeries")))
        .has("with_mix", openapi::number_or_null())
        .has("only_before", openapi::list(openapi::text()))
        .has("only_after", openapi::list(openapi::text()))
        .has("why_not", openapi::text_or_null())
}

fn change(of: ObjectBuilder) -> ObjectBuilder {
    of.has("class", openapi::choice(&CHANGE))
        .has("before", openapi::number_or_null())
        .has("after", openapi::number_or_null())
        .has("difference_between", between())
        .has("relative", openapi::number_or_null())
        .has("detectable", openapi::number_or_null())
}
