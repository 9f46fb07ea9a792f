//! The description of alerts, silences and rules.

use super::describe::{
    Description, Fields, Operations, admin, choice, count, flag, list, map, named, next, number, number_or_null,
    object, one_of, read, text, text_or_null, time,
};
use super::describe::{any_number_or_null, matching, ranged, service, span};
use crate::routes::marks;
use perf_runtime::alert::DeliveryOutcome;
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};

/// The words for transitions, as the history has them.
const TRANSITIONS: [&str; 8] =
    ["pending", "cleared", "fired", "changed", "resolved", "acknowledged", "flapping", "told"];

/// The result of a delivery, by its word.
fn delivery_outcome() -> ObjectBuilder {
    choice(&DeliveryOutcome::ALL.map(DeliveryOutcome::as_str))
}

pub(super) fn part() -> OpenApi {
    routes()
        .schema("Alert", alert())
        .schema("Silence", silence())
        .schema("AlertStatistics", alert_statistics())
        .schema("Alerts", alerts())
        .schema("AlertHistory", alert_history())
        .schema("AlertDeliveries", alert_deliveries())
        .schema("AlertRecord", alert_record())
        .schema("RuleRecord", rule_record())
        .schema("Rules", rules())
        .schema("Silences", silences())
        .schema("AcknowledgeRequest", acknowledge_request())
        .schema("AcknowledgeSeveralRequest", acknowledge_several_request())
        .schema("AcknowledgedAlerts", acknowledged_alerts())
        .schema("SilenceRequest", silence_request())
        .schema("DryRunRequest", dry_run_request())
        .schema("DryRun", dry_run())
        .build()
}

fn routes() -> Description {
    let description = Description::new()
        .get(
            "/api/v1/alerts",
            read("alerts", "What fires and what is pending, or the last that were resolved")
                .query("state", "Only these.", choice(&["firing", "pending", "resolved"]))
                .query("rule", "Only those of this rule.", text())
                .query("severity", "Only these.", choice(&["warning", "critical"]))
                .labelled()
                .listed(&["id", "since", "rule", "series", "severity"], None, 10_000)
                .json("Alerts"),
        )
        .get(
            "/api/v1/alerts/{id}",
            read("alerts", "One alert, while it is remembered")
                .id("The id of an alert.")
                .json("Alert")
                .problem("404", "There is no such alert."),
        )
        .get(
            "/api/v1/alerts/history",
            ranged(read("alerts", "The last transitions, and when the baseline was moved, the newest first"))
                .query("transition", "Only these.", choice(&TRANSITIONS))
                .query("rule", "Only those of this rule.", text())
                .query("severity", "Only these.", choice(&["warning", "critical"]))
                .labelled()
                .listed(&["at"], Some(100), 100_000)
                .json("AlertHistory"),
        )
        .get(
            "/api/v1/alerts/deliveries",
            ranged(read("alerts", "The last attempts to tell people of alerts, the newest first"))
                .query("channel", "Only those to this channel.", text())
                .query("outcome", "Only these.", delivery_outcome())
                .query(
                    "alert",
                    "Only those of messages that name the alert of this fingerprint.",
                    matching("^[0-9a-fA-F]{16}$"),
                )
                .listed(&["at"], Some(100), 100_000)
                .json("AlertDeliveries"),
        )
        .get(
            "/api/v1/alerts/record",
            ranged(read(
                "alerts",
                "How often each rule fired in a range of time, for how long, and how soon it was acknowledged",
            ))
            .query("rule", "Only this rule.", text())
            .json("AlertRecord"),
        )
        .get(
            "/api/v1/alerts/rules",
            read("alerts", "Every rule, and how it stands")
                .query("rule", "Only the rule of this id.", text())
                .query("state", "Only these.", choice(&["inactive", "resolved", "pending", "firing"]))
                .listed(&["id", "pending", "firing"], None, 10_000)
                .json("Rules"),
        )
        .get(
            "/api/v1/alerts/silences",
            read("alerts", "The silences in force")
                .query("rule", "Only those of this rule.", text())
                .listed(&["id", "until"], None, 10_000)
                .json("Silences"),
        )
        .post(
            "/api/v1/alerts/silence",
            admin("alerts", "Has nobody told of some alerts for a while")
                .takes(
                    "SilenceRequest",
                    json!({"by": "ada", "for": "1h", "rule": "http-latency", "comment": "planned work"}),
                )
                .answer("201", "As asked.", "Silence")
                .problem("409", "As many silences are in force as there may be."),
        )
        .delete(
            "/api/v1/alerts/silences/{id}",
            admin("alerts", "Ends a silence")
                .id("The id of a silence.")
                .empty("204", "As asked.")
                .problem("404", "There is no such silence."),
        );
    marks_and_trials(description)
}

/// The routes by which somebody takes notice, and tries a rule.
fn marks_and_trials(description: Description) -> Description {
    description
        .post(
            "/api/v1/alerts/{id}/acknowledge",
            admin("alerts", "Somebody takes notice of an alert")
                .id("The id of an alert.")
                .takes("AcknowledgeRequest", json!({"by": "ada", "comment": "looking at it", "for": "30m"}))
                .answer("200", "As asked.", "Alert")
                .problem("404", "There is no such active alert."),
        )
        .post(
            "/api/v1/alerts/acknowledge",
            admin(
                "alerts",
                "Somebody takes notice of all alerts of a rule or a label that fire, of all of them or of none",
            )
            .takes(
                "AcknowledgeSeveralRequest",
                json!({"by": "ada", "rule": "http-latency", "comment": "looking at it", "for": "30m"}),
            )
            .answer("200", "As asked.", "AcknowledgedAlerts"),
        )
        .post(
            "/api/v1/alerts/dry-run",
            ranged(read("alerts", "When a rule would have fired, on values or on what is kept of a range of time"))
                .json("DryRun")
                .takes("DryRunRequest", json!({"rule": "http-latency", "values": [0.1, 2.0, 2.0, null]})),
        )
}

fn alert_record() -> ObjectBuilder {
    object("How each rule's alerts went over a range of time.")
        .has("from", time())
        .has("to", time())
        .has("rules", list(named("RuleRecord")))
}

fn rule_record() -> ObjectBuilder {
    object("How one rule's alerts went. Durations in seconds.")
        .has("rule", text())
        .has("fired", count().note("Alerts that began to fire in the range."))
        .has("firing_seconds", number().note("The time in the range in which each alert fired, summed."))
        .has("longest_seconds", number())
        .has("acknowledged", count().note("Alerts that began to fire in the range and were acknowledged."))
        .has("mean_seconds_to_acknowledge", number_or_null())
        .has("unfinished", count().note("Alerts whose end nobody saw: their time is not in the sums."))
}

fn alert() -> ObjectBuilder {
    object("A rule that holds for one series.")
        .has("id", count())
        .has("fingerprint", text().note("16 hexadecimal digits: the same for this rule and series in every process."))
        .has("rule", text())
        .has("name", text())
        .has("state", choice(&["inactive", "resolved", "pending", "firing"]))
        .has("severity", choice(&["warning", "critical"]))
        .has("value", any_number_or_null().note("The last; of an alert that ended, the one that it recovered to."))
        .has("peak", any_number_or_null().note("The worst since it began."))
        .has(
            "threshold",
            one_of(&[Type::Number, Type::Array, Type::Null]).note("One number, or the two ends of what is good."),
        )
        .has("unit", text())
        .has("labels", map(text()))
        .has("series", text())
        .has("message", text())
        .has("description", text())
        .has("runbook", text_or_null())
        .has("since", time())
        .has("fired_at", text_or_null())
        .has("resolved_at", text_or_null())
        .has(
            "acknowledged",
            one_of(&[Type::Object, Type::Null])
                .note("Who took notice.")
                .has("by", text())
                .has("comment", text())
                .has("until", text_or_null()),
        )
        .has("muted", text_or_null())
}

fn silence() -> ObjectBuilder {
    object("Alerts that nobody is told of for a while.")
        .has("id", count())
        .has("rule", text_or_null())
        .has("labels", map(text()))
        .has("by", text())
        .has("comment", text())
        .has("until", time())
}

fn alert_statistics() -> ObjectBuilder {
    object("Figures of the alerting itself.")
        .has("rules", count())
        .has("pending", count())
        .has("firing_warning", count())
        .has("firing_critical", count())
        .has("silences", count())
        .has("fired", count())
        .has("resolved", count())
        .has("acknowledged", count())
        .has("muted", count())
}

fn alerts() -> ObjectBuilder {
    object("What is wrong.")
        .has("alerts", list(named("Alert")))
        .has("silences", list(named("Silence")))
        .has("statistics", named("AlertStatistics"))
        .may_have("next", next())
}

fn alert_history() -> ObjectBuilder {
    object("What happened, the newest first.")
        .may_have("next", next())
        .has(
            "resets",
            list(text()).description(Some(
                "When the baseline was moved: why numbers fell that no event explains. RFC 3339, UTC.",
            )),
        )
        .has(
            "events",
            list(
                object("One transition.")
                    .has("seq", count().note("One more for each event."))
                    .has("service", service())
                    .has("at", time())
                    .has("transition", text())
                    .has("notify", flag())
                    .has("alert", named("Alert")),
            ),
        )
}

fn alert_deliveries() -> ObjectBuilder {
    let delivery = object("An attempt to tell a channel of alerts, or the end of a message without one.")
        .has("seq", count().note("One more for each, anew in each process."))
        .has("service", service())
        .has("at", time())
        .has("channel", text())
        .has("message", text().note("The id of the message, the same at each attempt."))
        .has("alerts", count().note("How many alerts the message tells."))
        .has("fingerprints", list(text()).description(Some("Those alerts, 50 at most.")))
        .has("attempt", count().note("From 1 on; 0 of a message that was never tried."))
        .has("outcome", delivery_outcome())
        .has("status", number_or_null())
        .has("seconds", number_or_null());
    object("Attempts to tell people of alerts, the newest first.")
        .may_have("next", next())
        .has("deliveries", list(delivery))
}

fn rules() -> ObjectBuilder {
    object("Every rule, and how it stands.").may_have("next", next()).has(
        "rules",
        list(
            object("One rule.")
                .has("rule", object("The rule as it is set."))
                .has("state", text_or_null().enum_values(Some(["inactive", "resolved", "pending", "firing"])))
                .has("pending", count())
                .has("firing", count()),
        ),
    )
}

fn silences() -> ObjectBuilder {
    object("Those in force.").may_have("next", next()).has("silences", list(named("Silence")))
}

fn acknowledge_request() -> ObjectBuilder {
    object("Who takes notice, and for how long.")
        .has("by", by())
        .may_have("comment", comment())
        .may_have("for", lasts_or_null())
        .nothing_else()
}

fn acknowledge_several_request() -> ObjectBuilder {
    object("Who takes notice, of which alerts, and for how long: `rule`, a label, or both say which.")
        .has("by", by())
        .may_have("rule", rule())
        .may_have("labels", filter())
        .may_have("comment", comment())
        .may_have("for", lasts_or_null())
        .nothing_else()
}

fn acknowledged_alerts() -> ObjectBuilder {
    object("The alerts that were marked, the oldest first: those that fire, fit, and were not acknowledged before.")
        .has("alerts", list(named("Alert")))
}

fn silence_request() -> ObjectBuilder {
    object("Which alerts are kept quiet, and for how long: `rule`, a label, or both say which.")
        .has("by", by())
        .has("for", lasts(&[Type::String]).note("A span such as `2h`, up to 90d."))
        .may_have("rule", rule())
        .may_have("labels", filter())
        .may_have("comment", comment())
        .nothing_else()
}

fn rule() -> ObjectBuilder {
    text_or_null().note("The id of a rule; without it, of all rules.")
}

fn filter() -> ObjectBuilder {
    map(text().max_length(Some(marks::MAX_LABEL)))
        .property_names(Some(text().max_length(Some(marks::MAX_LABEL))))
        .max_properties(Some(marks::MAX_LABELS))
        .note("Labels that alerts have, with these values.")
}

fn lasts_or_null() -> ObjectBuilder {
    lasts(&[Type::String, Type::Null]).note("A span such as `30m`, up to 90d. Without it the mark ends with the alert.")
}

/// A name with a letter or a digit, and a text: neither with control characters.
fn by() -> ObjectBuilder {
    let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[\p{L}\p{N}][^\x00-\x1f\x7f-\x9f]*$";
    matching(pattern).min_length(Some(1)).max_length(Some(marks::MAX_NAME)).note("The name of the person.")
}

fn comment() -> ObjectBuilder {
    matching(r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$").max_length(Some(marks::MAX_COMMENT))
}

fn lasts(types: &[Type]) -> ObjectBuilder {
    span().schema_type(SchemaType::Array(types.to_vec()))
}

/// The same, or null.
fn optional(list: ArrayBuilder) -> ArrayBuilder {
    list.schema_type(SchemaType::Array(vec![Type::Array, Type::Null]))
}

fn dry_run_request() -> ObjectBuilder {
    object("Which rule is tried, and on what: either `values` or `series`.")
        .has("rule", text().note("The id of a rule that is there, or of a new one."))
        .may_have("settings", object("Other settings for it: the keys of a rule in `perf.toml`."))
        .may_have(
            "values",
            optional(list(number_or_null()).description(Some(
                "Values of the figure that the rule judges, one a second; `null` where there was none.",
            ))),
        )
        .may_have(
            "series",
            text_or_null().note("The id of a series: the rule is tried on what is kept of its last hour, or of the range that the address names."),
        )
        .nothing_else()
}

fn dry_run() -> ObjectBuilder {
    object("When the rule would have fired. Of a range of time with the figures of the whole, in seconds.")
        .may_have(
            "step",
            number().note("The length of the steps that were judged: as short as those that are still kept."),
        )
        .may_have("judged", number().note("The time that was judged: the range without what nobody observed."))
        .may_have("fired", count().note("How often it would have begun to fire."))
        .may_have("firing", number().note("For how long in all, of the time that was judged."))
        .may_have("summary", text().note("The same for people."))
        .may_have("since", number().note("Of a series: seconds since 1970 (UTC) of the first value."))
        .has(
            "firings",
            list(
                object("One time.")
                    .has("from", number().note("Seconds from the first value."))
                    .has("until", number_or_null())
                    .has("severity", choice(&["warning", "critical"])),
            ),
        )
}
