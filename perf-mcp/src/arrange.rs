//! Documents of the service as an answer shows them: what matters first, and of an overview the beginning of each.

use serde_json::{Map, Value, json};
use std::cmp::Reverse;

/// The rows of a comparison that are shown where no limit is given.
pub(crate) const COMPARED: &str = "10";
/// The bytes from which those that calls left behind are much.
const MUCH_LEFT: f64 = 8_388_608.0;
/// The most series of each range that the service compares.
pub(crate) const LOOKED_AT: &str = "200";

/// A comparison with the series of all kinds in one list, the worst first, and its kinds after that: cut by kind, the list would lose
/// its worst rows with the kind that happens to be last. Where the service had more series than it compares, it says which these are.
pub(crate) fn worst_first(document: &mut Value, arguments: &Map<String, Value>) {
    let Some(fields) = document.as_object_mut() else { return };
    let Some(Value::Array(mut kinds)) = fields.remove("kinds") else { return };
    let mut lists: [(&str, Vec<Value>); 3] = [("series", vec![]), ("only_before", vec![]), ("only_after", vec![])];
    for kind in kinds.iter_mut().filter_map(Value::as_object_mut) {
        for (name, all) in &mut lists {
            if let Some(Value::Array(own)) = kind.remove(*name) {
                all.extend(own);
            }
        }
    }
    kinds.sort_by_key(|kind| badness(kind.get("overall")));
    fields.insert("kinds".to_owned(), json!(kinds));
    if fields.get("left_out").and_then(Value::as_u64).is_some_and(|left_out| left_out > 0) {
        let text = format!("the first {LOOKED_AT} series of each range by kind and name: others may be worse");
        fields.insert("looked_at".to_owned(), json!(text));
    }
    for (name, mut all) in lists {
        if name == "series" {
            all.sort_by_key(|row| badness(row.get("change")));
            let limit = arguments.get("limit").and_then(Value::as_u64).or_else(|| COMPARED.parse().ok());
            let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
            let more = all.len().saturating_sub(limit);
            all.truncate(limit);
            fields.insert("more_series".to_owned(), json!(more));
        }
        fields.insert(name.to_owned(), json!(all));
    }
}

/// The place of a change among others: those that are worse for sure, those that moved where neither side is bad, those of which it is
/// not known; of each the greatest first.
fn badness(change: Option<&Value>) -> (u8, Reverse<u64>) {
    let field = |name: &str| change.and_then(|change| change.get(name));
    let place = match field("class").and_then(Value::as_str) {
        Some("regressed") => 0,
        Some("increased" | "decreased") => 1,
        Some("unclear") => 2,
        Some("no_change") => 3,
        Some(_) => 4,
        None => 5,
    };
    // A figure that was 0 before has no share, and has grown beyond all. The bits of numbers that are not negative are in their order.
    let moved = field("relative").and_then(Value::as_f64).map_or(f64::INFINITY, f64::abs);
    (place, Reverse(moved.to_bits()))
}

/// The health with the indicators that are not well.
pub(crate) fn health(document: &mut Value, _: &Map<String, Value>) {
    if let Some(Value::Array(all)) = document.get_mut("indicators") {
        let status = |one: &Value| one.get("status").and_then(Value::as_str).map(str::to_owned);
        all.retain(|one| matches!(status(one).as_deref(), Some("red" | "yellow")));
        for one in all.iter_mut() {
            *one = only(one, &["name", "status", "value", "unit", "series", "calls"]);
        }
    }
    beginning(document, "indicators", 5, Value::clone);
}

/// The series whose own calls take the most time. The service lists some of them, so that those beyond cannot be counted.
pub(crate) fn shares(document: &mut Value, _: &Map<String, Value>) {
    beginning_of_some(document, "parts", 5, Value::clone);
}

/// The series that fail most, and the most frequent failure of each. They are of one page of many.
pub(crate) fn errors(document: &mut Value, _: &Map<String, Value>) {
    beginning_of_some(document, "series", 3, |series| {
        let mut shown = only(series, &["id", "failed", "last_seen"]);
        if let Some(group) = series.pointer("/groups/0") {
            set(&mut shown, "most", only(group, &["outcome", "error_type", "text", "place", "count"]));
        }
        shown
    });
}

/// The series whose calls left much memory behind, of functions with `profile`.
pub(crate) fn memory(document: &mut Value, _: &Map<String, Value>) {
    if let Some(Value::Array(all)) = document.get_mut("series") {
        let bytes = |one: &Value| one.pointer("/profile/net_bytes").and_then(Value::as_f64).unwrap_or(0.0);
        all.retain(|one| bytes(one) >= MUCH_LEFT);
        for one in all.iter_mut() {
            let id = one.get("id").cloned().unwrap_or_default();
            *one = one.get("profile").map_or(Value::Null, |profile| {
                only(profile, &["covered", "calls", "net_bytes", "net_bytes_per_call", "allocated_bytes"])
            });
            set(one, "id", id);
        }
    }
}

/// Deadlocks, and the locks that are waited for now.
pub(crate) fn locks(document: &mut Value, _: &Map<String, Value>) {
    *document = only(document, &["locks", "deadlocks"]);
    beginning(document, "deadlocks", 2, Value::clone);
    waited_for(document, "locks", &["longest_wait_seconds"], |lock| {
        let mut shown = only(lock, &["lock", "mode", "waiting", "longest_wait_seconds"]);
        some_of(&mut shown, lock, "holders", 2);
        shown
    });
}

/// The channels that senders wait for, and those from which nothing is received any more.
pub(crate) fn channels(document: &mut Value, _: &Map<String, Value>) {
    let fields = [
        "channel",
        "kind",
        "waiting",
        "queued",
        "capacity",
        "longest_wait_seconds",
        "stopped_seconds",
        "stopped_receiver",
        "receiver",
    ];
    let ages = ["longest_wait_seconds", "stopped_seconds"];
    *document = only(document, &["channels"]);
    waited_for(document, "channels", &ages, |one| only(one, &fields));
}

/// The statements that take the most time, and those that calls repeated lately: what was repeated once says nothing of now.
pub(crate) fn statements(document: &mut Value, _: &Map<String, Value>) {
    let of_slowest = ["id", "statement", "recent_executions", "recent_seconds", "mean", "p95", "most_repeats"];
    beginning(document, "statements", 2, |one| {
        let mut shown = only(one, &of_slowest);
        some_of(&mut shown, one, "callers", 1);
        shown
    });
    if let Some(Value::Array(all)) = document.get_mut("repeated") {
        let recent = |one: &Value| one.get("recent_calls").and_then(Value::as_u64);
        all.retain(|one| recent(one) != Some(0));
        all.sort_by_key(|one| Reverse(recent(one)));
    }
    beginning(document, "repeated", 2, |one| only(one, &["root", "id", "statement", "calls", "recent_calls"]));
    *document = only(document, &["statements", "repeated", "enabled", "has_layer", "left_out", "more_repeated"]);
}

/// The first entries of a list that are waited for now, by any of these ages, the oldest first, and how many more there are.
fn waited_for(document: &mut Value, name: &str, ages: &[&str], shown: impl Fn(&Value) -> Value) {
    let age = |one: &Value| ages.iter().filter_map(|age| one.get(*age)?.as_f64()).reduce(f64::max);
    if let Some(Value::Array(all)) = document.get_mut(name) {
        all.retain(|one| age(one).is_some());
        all.sort_by(|one, other| age(other).unwrap_or(0.0).total_cmp(&age(one).unwrap_or(0.0)));
    }
    beginning(document, name, 3, shown);
}

/// The first entries of a list that the document has whole, and how many more there are.
fn beginning(document: &mut Value, name: &str, most: usize, shown: impl Fn(&Value) -> Value) {
    let more = cut(document, name, most, shown);
    if more > 0 {
        set(document, &format!("more_{name}"), json!(more));
    }
}

/// The first entries of a list that the document has a part of, and whether there are more.
fn beginning_of_some(document: &mut Value, name: &str, most: usize, shown: impl Fn(&Value) -> Value) {
    if cut(document, name, most, shown) > 0 {
        set(document, "more", json!(true));
    }
}

/// Cuts a list of a document, and says how many entries it lost.
fn cut(document: &mut Value, name: &str, most: usize, shown: impl Fn(&Value) -> Value) -> usize {
    let Some(Value::Array(all)) = document.get(name) else { return 0 };
    let (more, list) = (all.len().saturating_sub(most), all.iter().take(most).map(shown).collect());
    set(document, name, list);
    more
}

/// The first entries of a list inside an entry, and whether there are more: the service lists some of them, or the rest as one.
fn some_of(shown: &mut Value, of: &Value, name: &str, most: usize) {
    let Some(Value::Array(all)) = of.get(name) else { return };
    set(shown, name, all.iter().take(most).cloned().collect());
    if all.len() > most {
        set(shown, &format!("more_{name}"), json!(true));
    }
}

fn only(value: &Value, fields: &[&str]) -> Value {
    let field = |name: &&str| value.get(*name).map(|value| ((*name).to_owned(), value.clone()));
    Value::Object(fields.iter().filter_map(field).collect())
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}
