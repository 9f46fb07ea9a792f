//! Answers of tools: the service's documents, cut to a length that a model reads whole.

use crate::message::Got;
use crate::next;
use crate::tools::{LONGEST, Shown, Tool};
use perf_runtime::series::SeriesId;
use serde_json::{Map, Value, json};

/// The longest answer, in bytes of JSON.
const MOST_BYTES: usize = 8 << 10;
/// The longest text in it, in characters.
const LONGEST_TEXT: usize = 200;

/// Fields that are asked with.
const IDS: [&str; 2] = ["id", "next"];
/// Lists that are never cut: they are short, and a half of them says something else.
const NEVER_CUT: [&str; 3] = ["difference_between", "left_out", "next_tool"];
/// Fields whose fields are named by the program's users.
const OF_USERS: [&str; 2] = ["error_types", "labels"];

/// The text of an answer, or why there is none.
pub(crate) fn of(tool: &Tool, arguments: &Map<String, Value>, got: Vec<Got>) -> Result<String, String> {
    let mut answer = Map::new();
    let mut missing = Vec::new();
    let mut refusals = Vec::new();
    for (part, got) in tool.parts_with(arguments).zip(got) {
        match got {
            Got::Document(text) => {
                let document =
                    serde_json::from_str(&text).map_err(|error| format!("{}: no JSON: {error}", part.name))?;
                let mut document = shown(document, &part.shown);
                if !tool.pages() {
                    without_cursor(&mut document);
                }
                if let Some(arrange) = part.arranged {
                    arrange(&mut document, arguments);
                }
                answer.insert(part.name.to_owned(), document);
            }
            Got::NotThere => missing.push(part.name),
            Got::Refused(why) => refusals.push(format!("{}: {}", part.name, cut(&why))),
        }
    }
    if answer.is_empty() {
        let why = refusals.into_iter().next();
        return Err(why.unwrap_or_else(|| format!("not enabled in this service: {}", missing.join(", "))));
    }
    if !missing.is_empty() {
        answer.insert("not_enabled".to_owned(), json!(missing));
    }
    if !refusals.is_empty() {
        answer.insert("refused".to_owned(), json!(refusals));
    }
    let mut answer = Value::Object(answer);
    let next = next::after(tool, arguments, &answer);
    if let Value::Object(fields) = &mut answer {
        fields.insert("next_tool".to_owned(), next);
    }
    fitted(answer, tool.pages())
}

/// A document without what a tool leaves out.
fn shown(mut document: Value, shown: &Shown) -> Value {
    let without: &[&str] = match shown {
        Shown::Without(without) => without,
        Shown::Only(only) => {
            if let Value::Object(fields) = &mut document {
                fields.retain(|name, _| only.contains(&name.as_str()));
            }
            &[]
        }
    };
    tidy(&mut document, without);
    document
}

/// Says in the place of a cursor, which the tool does not take, that there is more.
fn without_cursor(document: &mut Value) {
    if let Value::Object(fields) = document
        && fields.get("next").is_some_and(Value::is_string)
    {
        fields.remove("next");
        fields.insert("more".to_owned(), json!(true));
    }
}

/// Removes fields by their names, and shortens texts but for names of series and ids, which are asked with; and names of fields, some of
/// which are given by the program's users.
fn tidy(value: &mut Value, without: &[&str]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !without.contains(&name.as_str()));
            if fields.keys().any(|name| name.len() > LONGEST_TEXT) {
                // The number keeps those apart that begin alike.
                let name = |(number, name): (usize, String)| match cut(&name) {
                    short if short.len() < name.len() => format!("{short}{number}"),
                    _ => name,
                };
                let all = std::mem::take(fields).into_iter().enumerate();
                *fields = all.map(|(number, (key, value))| (name((number, key)), value)).collect();
            }
            for (name, value) in fields {
                if OF_USERS.contains(&name.as_str()) {
                    tidy(value, &[]);
                } else if !(IDS.contains(&name.as_str()) && value.as_str().is_some_and(|id| id.len() <= LONGEST)) {
                    tidy(value, without);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| tidy(value, without)),
        Value::String(text) => {
            let short = cut(text);
            let is_series = |text: &str| text.len() <= LONGEST && text.parse::<SeriesId>().is_ok();
            if short.len() < text.len() && !is_series(text) {
                *text = short;
            }
        }
        _ => {}
    }
}

/// The beginning of a text, with a sign that there was more.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The answer within its bound. Lists lose their last entries, the longest list first, and `left_out` says of each how many are shown of
/// its page; when no list has any more, calls that are worth asking go, the last first. A list that was cut has no cursor any more: it would leave out those that were cut.
fn fitted(mut answer: Value, pages: bool) -> Result<String, String> {
    let mut left_out: Map<String, Value> = Map::new();
    loop {
        let text = answer.to_string();
        if text.len() <= MOST_BYTES {
            return Ok(text);
        }
        let mut longest = None;
        find(&answer, &mut String::new(), &mut longest);
        let Some((bytes, path)) = longest else {
            // Their arguments may be names of series, each many times as long in JSON where it has control characters.
            if answer.get_mut("next_tool").and_then(Value::as_array_mut).and_then(Vec::pop).is_some() {
                continue;
            }
            return Err("the answer is too long: ask for less, such as one series or kind".to_owned());
        };
        let Some(Value::Array(list)) = answer.pointer_mut(&path) else {
            return Err("the answer cannot be cut".to_owned());
        };
        // As many entries as are too much by their mean length, one at least; and no more than half, for another list may be as long then.
        let (len, too_much) = (list.len(), text.len() - MOST_BYTES);
        let cut = too_much.saturating_mul(len).div_ceil(bytes.max(1)).clamp(1, len.div_ceil(2));
        list.truncate(len - cut);
        let shown = list.len();
        let of = left_out.get(&path).and_then(|entry| entry.get("of_page").cloned()).unwrap_or_else(|| json!(len));
        left_out.insert(path.clone(), json!({ "shown": shown, "of_page": of }));
        // Lists inside of entries that are gone are gone with them.
        left_out.retain(|path, _| answer.pointer(path).is_some());
        if let Some(holder) = path.rfind('/').and_then(|end| path.get(..end)).and_then(|path| answer.pointer_mut(path))
            && let Value::Object(fields) = holder
            && fields.remove("next").is_some()
            && pages
        {
            let how = format!("a limit of {} gives pages that can be gone through by their cursor", shown.max(1));
            fields.insert("paging".to_owned(), json!(how));
        }
        if let Value::Object(fields) = &mut answer {
            fields.insert("left_out".to_owned(), Value::Object(left_out.clone()));
        }
    }
}

/// The list with the most bytes that has an entry, and its path. A list inside of a list is taken only where the outer one has one entry.
fn find(value: &Value, path: &mut String, longest: &mut Option<(usize, String)>) {
    let end = path.len();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !NEVER_CUT.contains(&name.as_str())) {
                path.push('/');
                path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                find(value, path, longest);
                path.truncate(end);
            }
        }
        Value::Array(values) => {
            if let [only] = values.as_slice() {
                path.push_str("/0");
                let mut inside = None;
                find(only, path, &mut inside);
                path.truncate(end);
                if let Some((bytes, path)) = inside {
                    if longest.as_ref().is_none_or(|(most, _)| bytes > *most) {
                        *longest = Some((bytes, path));
                    }
                    return;
                }
            }
            let bytes = value.to_string().len();
            if !values.is_empty() && longest.as_ref().is_none_or(|(most, _)| bytes > *most) {
                *longest = Some((bytes, path.clone()));
            }
        }
        _ => {}
    }
}
