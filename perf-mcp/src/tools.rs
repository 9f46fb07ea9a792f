//! A tool: its arguments, and the questions that it has with them.

use form_urlencoded::Serializer;
use perf_runtime::series::SeriesId;
use serde_json::{Map, Value, json};

/// The longest text of an argument, in bytes: a name of a series has at most so many.
pub(crate) const LONGEST: usize = 2_048;
/// The most values of an argument that takes several.
const MOST_VALUES: usize = 8;
/// The most entries of a list that are asked for.
const MOST: u64 = 100;

#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) arguments: &'static [Argument],
    pub(crate) parts: &'static [Part],
    /// The tool that is worth asking where nothing stands out in the answer, its arguments, and why.
    pub(crate) next: (&'static str, &'static [(&'static str, &'static str)], &'static str),
}

#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) about: &'static str,
}

#[derive(Debug)]
pub(crate) enum Takes {
    Text,
    /// A text without which the tool asks nothing.
    NeededText,
    /// The id of a series of calls, without which the tool asks nothing.
    Series,
    /// An id of ours: letters, digits and dashes, for it stands in a path.
    Id,
    Texts,
    Count,
    Choice(&'static [&'static str]),
}

/// One document of the service in the answer of a tool.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// Parameters of the query that are always the same.
    pub(crate) fixed: &'static [(&'static str, &'static str)],
    /// Arguments that are passed on: the name of the argument, that of the parameter, and its value where none is given.
    pub(crate) passed: &'static [(&'static str, &'static str, Option<&'static str>)],
    pub(crate) when: When,
    /// Whether the argument `series` is asked for by its kind and labels: a name without labels that are known late stands for several.
    pub(crate) of_series: bool,
    pub(crate) shown: Shown,
    /// Brings the document into another form, where it has one in the answer; given the arguments of the tool.
    pub(crate) arranged: Option<Arranged>,
    /// Arguments that this takes, each with its value where none is given.
    pub(crate) arranged_by: &'static [(&'static str, Option<&'static str>)],
}

pub(crate) type Arranged = fn(&mut Value, &Map<String, Value>);

#[derive(Debug)]
pub(crate) enum When {
    Always,
    Given(&'static str),
    NotGiven(&'static str),
}

/// The fields of a document that are shown.
#[derive(Debug)]
pub(crate) enum Shown {
    /// All but these, at any depth.
    Without(&'static [&'static str]),
    /// These of the first level.
    Only(&'static [&'static str]),
}

impl Tool {
    pub(crate) fn described(&self) -> Value {
        let properties: Map<String, Value> =
            self.arguments.iter().map(|one| (one.name.to_owned(), one.described(self.otherwise(one.name)))).collect();
        let needed: Vec<&str> = self.arguments.iter().filter(|one| one.is_needed()).map(|one| one.name).collect();
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !needed.is_empty() {
            schema["required"] = json!(needed);
        }
        json!({
            "name": self.name,
            "description": self.description,
            "inputSchema": schema,
            "annotations": { "readOnlyHint": true, "openWorldHint": false },
        })
    }

    /// Whether its list can be gone through page by page.
    pub(crate) fn pages(&self) -> bool {
        self.arguments.iter().any(|one| one.name == "cursor")
    }

    /// The questions that it has with these arguments, or what is wrong with them.
    pub(crate) fn questions(&self, arguments: &Map<String, Value>) -> Result<Vec<String>, String> {
        for (name, value) in arguments {
            let Some(argument) = self.arguments.iter().find(|one| one.name == name) else {
                let names: Vec<&str> = self.arguments.iter().map(|one| one.name).collect();
                let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(format!("{}: an argument that is not allowed; allowed: {allowed}", shown(name)));
            };
            argument.values(value)?;
        }
        for needed in self.arguments.iter().filter(|one| one.is_needed()) {
            if !arguments.contains_key(needed.name) {
                return Err(format!("{}: missing; allowed: {}", needed.name, needed.about));
            }
        }
        self.none_is_ignored(arguments)?;
        self.parts_with(arguments).map(|part| self.question(part, arguments)).collect()
    }

    /// The value of an argument that is not given, where it has one.
    fn otherwise(&self, argument: &str) -> Option<&'static str> {
        let passed = self.parts.iter().flat_map(|part| part.passed).map(|(name, _, otherwise)| (*name, *otherwise));
        let taken = self.parts.iter().flat_map(|part| part.arranged_by).copied();
        passed.chain(taken).find(|(name, _)| *name == argument).and_then(|(_, otherwise)| otherwise)
    }

    /// Refuses arguments that no part of the answer to these arguments takes: one that is given with the id of a single entry would be
    /// taken for a filter, and filter nothing.
    fn none_is_ignored(&self, arguments: &Map<String, Value>) -> Result<(), String> {
        let is_taken = |name: &str| self.parts_with(arguments).any(|part| part.takes(name));
        let ignored: Vec<&str> = arguments.keys().map(String::as_str).filter(|name| !is_taken(name)).collect();
        if ignored.is_empty() {
            return Ok(());
        }
        let alone: Vec<&str> = self.parts_with(arguments).filter_map(|part| part.when.given()).collect();
        let (ignored, alone) = (ignored.join(", "), alone.join(", "));
        Err(format!("{ignored}: not allowed together with {alone}; allowed: {alone} alone"))
    }

    /// The parts of an answer to these arguments.
    pub(crate) fn parts_with(&self, arguments: &Map<String, Value>) -> impl Iterator<Item = &'static Part> {
        self.parts.iter().filter(|part| match part.when {
            When::Always => true,
            When::Given(name) => arguments.contains_key(name),
            When::NotGiven(name) => !arguments.contains_key(name),
        })
    }

    fn question(&self, part: &Part, arguments: &Map<String, Value>) -> Result<String, String> {
        let mut path = part.path.to_owned();
        for argument in self.arguments.iter().filter(|one| matches!(one.takes, Takes::Id)) {
            if let Some(id) = arguments.get(argument.name).and_then(Value::as_str) {
                path = path.replace(&format!("{{{}}}", argument.name), id);
            }
        }
        let mut query = Serializer::new(String::new());
        query.extend_pairs(part.fixed);
        for (name, asked, otherwise) in part.passed {
            let argument = self.arguments.iter().find(|one| one.name == *name);
            match argument.zip(arguments.get(*name)) {
                Some((argument, value)) => {
                    query.extend_pairs(argument.values(value)?.into_iter().map(|value| (asked, value)));
                }
                None => {
                    query.extend_pairs(otherwise.map(|value| (asked, value)));
                }
            }
        }
        if part.of_series
            && let Some(Ok(id)) = arguments.get("series").and_then(Value::as_str).map(str::parse::<SeriesId>)
        {
            query.append_pair("kind", id.kind.as_str());
            query.extend_pairs(id.labels.pairs().map(|(name, value)| ("label", format!("{name}={value}"))));
        }
        let query = query.finish();
        Ok(if query.is_empty() { path } else { format!("{path}?{query}") })
    }
}

impl Part {
    fn takes(&self, argument: &str) -> bool {
        self.when.given() == Some(argument)
            || self.passed.iter().any(|(name, ..)| *name == argument)
            || self.arranged_by.iter().any(|(name, _)| *name == argument)
            || (self.of_series && argument == "series")
    }
}

impl When {
    /// The argument without which the part is not asked for.
    fn given(&self) -> Option<&'static str> {
        match self {
            Self::Given(name) => Some(name),
            Self::Always | Self::NotGiven(_) => None,
        }
    }
}

impl Argument {
    fn is_needed(&self) -> bool {
        matches!(self.takes, Takes::NeededText | Takes::Series)
    }

    /// Its schema, with the value that it has where it is not given.
    fn described(&self, otherwise: Option<&str>) -> Value {
        let mut schema = match self.takes {
            Takes::Text | Takes::NeededText | Takes::Series | Takes::Id => json!({ "type": "string" }),
            Takes::Texts => json!({ "type": "array", "items": { "type": "string" }, "maxItems": MOST_VALUES }),
            Takes::Count => json!({ "type": "integer", "minimum": 1, "maximum": MOST }),
            Takes::Choice(choices) => json!({ "type": "string", "enum": choices }),
        };
        schema["description"] = json!(self.about);
        if let Some(otherwise) = otherwise {
            let count = otherwise.parse::<u64>().ok().filter(|_| matches!(self.takes, Takes::Count));
            schema["default"] = count.map_or_else(|| json!(otherwise), |count| json!(count));
        }
        schema
    }

    /// The values as they stand in a query, or what is wrong with them.
    fn values(&self, value: &Value) -> Result<Vec<String>, String> {
        let wrong = |allowed: &str| {
            Err(format!("{}: {} is not allowed; allowed: {allowed}", self.name, shown(&value.to_string())))
        };
        match (&self.takes, value) {
            (Takes::Text | Takes::NeededText, Value::String(text)) if !text.is_empty() && text.len() <= LONGEST => {
                Ok(vec![text.clone()])
            }
            (Takes::Series, Value::String(text)) if text.len() <= LONGEST && text.parse::<SeriesId>().is_ok() => {
                Ok(vec![text.clone()])
            }
            (Takes::Id, Value::String(text))
                if (1..=128).contains(&text.len())
                    && text != "recent"
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') =>
            {
                Ok(vec![text.clone()])
            }
            (Takes::Texts, Value::Array(texts)) if texts.len() <= MOST_VALUES => {
                let texts: Option<Vec<String>> = texts
                    .iter()
                    .map(|text| text.as_str().filter(|text| text.len() <= LONGEST).map(str::to_owned))
                    .collect();
                texts.map_or_else(|| wrong("a list of texts"), Ok)
            }
            (Takes::Count, Value::Number(number)) => match number.as_u64().filter(|count| (1..=MOST).contains(count)) {
                Some(count) => Ok(vec![count.to_string()]),
                None => wrong("1 to 100"),
            },
            (Takes::Choice(choices), Value::String(text)) if choices.contains(&text.as_str()) => Ok(vec![text.clone()]),
            (Takes::Choice(choices), _) => wrong(&choices.join(", ")),
            (Takes::Series, _) => wrong("the id of a series, as db_operation{operation=select,table=users}"),
            (Takes::Count, _) => wrong("1 to 100"),
            (Takes::Id, _) => wrong("an id as another tool gave it: letters, digits and dashes"),
            (Takes::Texts, _) => wrong("a list of at most 8 texts"),
            (Takes::Text | Takes::NeededText, _) => wrong(&format!("a text of 1 to {LONGEST} bytes: {}", self.about)),
        }
    }
}

/// A text of the client in an answer to it: its beginning.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
