//! The tools, as data: what each takes, what it asks the service, and what is asked best after it.

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
    description: &'static str,
    arguments: &'static [Argument],
    pub(crate) parts: &'static [Part],
    pub(crate) next: &'static str,
}

#[derive(Debug)]
struct Argument {
    name: &'static str,
    takes: Takes,
    about: &'static str,
}

#[derive(Debug)]
enum Takes {
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
    path: &'static str,
    /// What is always asked.
    fixed: &'static [(&'static str, &'static str)],
    /// What is passed on: the name of the argument, and that of the query, and its value where none is given.
    passed: &'static [(&'static str, &'static str, Option<&'static str>)],
    when: When,
    /// Whether the argument `series` is asked for by its kind and labels: a name without labels that are known late stands for several.
    of_series: bool,
    pub(crate) shown: Shown,
}

#[derive(Debug)]
enum When {
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

const PART: Part = Part {
    name: "",
    path: "",
    fixed: &[],
    passed: &[],
    when: When::Always,
    of_series: false,
    shown: Shown::Without(&[]),
};
const SERIES_OF_ONE: Argument = Argument { name: "series", takes: Takes::Text, about: "id of a series" };
const KIND: Argument = Argument { name: "kind", takes: Takes::Text, about: "as db_operation" };
const LABEL: Argument = Argument { name: "label", takes: Takes::Texts, about: "name=value, all must fit" };
const LIMIT: Argument = Argument { name: "limit", takes: Takes::Count, about: "most entries, 1 to 100" };
const CURSOR: Argument = Argument { name: "cursor", takes: Takes::Text, about: "`next` of the page before" };
const WINDOW: Argument =
    Argument { name: "window", takes: Takes::Choice(&["1m", "5m", "15m", "1h"]), about: "up to now" };
/// Fields that say how a figure is exported, and no figure.
const HOW: &[&str] = &["family", "metrics", "custom", "sampled_cpu", "std", "apdex_threshold"];

/// The tools, the one to begin with first.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "overview",
        description: "Health with its reasons, the process, alerts that fire, open incidents, bottlenecks. Ask this first.",
        arguments: &[],
        parts: &[
            Part {
                name: "health",
                path: "/health/performance",
                shown: Shown::Only(&[
                    "status",
                    "score",
                    "serving",
                    "resources",
                    "explanation",
                    "timestamp",
                    "recommendations",
                ]),
                ..PART
            },
            Part {
                name: "process",
                path: "/api/v1/info",
                shown: Shown::Only(&["version", "service", "started", "uptime_seconds"]),
                ..PART
            },
            Part {
                name: "alerts",
                path: "/api/v1/alerts",
                fixed: &[("state", "firing"), ("limit", "5")],
                shown: ALERT,
                ..PART
            },
            Part { name: "incidents", path: "/api/v1/incidents", fixed: &[("state", "open"), ("limit", "3")], ..PART },
            Part { name: "bottlenecks", path: "/api/v1/insight/bottlenecks", ..PART },
        ],
        next: "`explain` a series that is named here; `alerts` for causes; `series` for what is slow or fails",
    },
    Tool {
        name: "series",
        description: "Series of calls with rate, failures, latency and where they stand in the source, sorted.",
        arguments: &[
            KIND,
            LABEL,
            WINDOW,
            Argument {
                name: "sort",
                takes: Takes::Choice(&[
                    "-p95",
                    "-p99",
                    "-mean",
                    "-max",
                    "-rate",
                    "-count",
                    "-error_rate",
                    "-in_flight",
                    "id",
                ]),
                about: "a dash: the greatest first",
            },
            LIMIT,
            CURSOR,
        ],
        parts: &[Part {
            name: "series",
            path: "/api/v1/series",
            passed: &[
                ("kind", "kind", None),
                ("label", "label", None),
                ("window", "window", Some("5m")),
                ("sort", "sort", Some("-p95")),
                ("limit", "limit", Some("8")),
                ("cursor", "cursor", None),
            ],
            shown: Shown::Without(HOW),
            ..PART
        }],
        next: "`explain` with the id of a series",
    },
    Tool {
        name: "explain",
        description: "One series: figures, where its time goes, its callers and callees, its failures, its slowest calls.",
        arguments: &[Argument { name: "series", takes: Takes::Series, about: "its id, as `series` gives it" }, WINDOW],
        parts: &[
            Part {
                name: "figures",
                path: "/api/v1/series",
                fixed: &[("limit", "10")],
                passed: &[("window", "window", Some("15m"))],
                of_series: true,
                shown: Shown::Without(HOW),
                ..PART
            },
            Part {
                name: "time",
                path: "/api/v1/shares",
                passed: &[("series", "series", None), ("window", "window", Some("15m"))],
                ..PART
            },
            Part {
                name: "callers",
                path: "/api/v1/edges",
                fixed: &[("limit", "5"), ("sort", "-seconds")],
                passed: &[("series", "child", None), ("window", "window", Some("15m"))],
                ..PART
            },
            Part {
                name: "callees",
                path: "/api/v1/edges",
                fixed: &[("limit", "5"), ("sort", "-seconds")],
                passed: &[("series", "parent", None), ("window", "window", Some("15m"))],
                ..PART
            },
            Part {
                name: "failures",
                path: "/api/v1/errors",
                fixed: &[("limit", "1")],
                passed: &[("series", "series", None), ("window", "window", Some("15m"))],
                ..PART
            },
            Part {
                name: "slowest",
                path: "/api/v1/calls/recent",
                fixed: &[("limit", "3"), ("sort", "-seconds")],
                passed: &[("series", "series", None), ("window", "window", Some("15m"))],
                ..PART
            },
        ],
        next: "`calls` with the id of a slowest call shows all that it did; `statements`, `contention` for what it waits for",
    },
    Tool {
        name: "in_flight",
        description: "Calls that run now, the oldest first: what hangs.",
        arguments: &[KIND, LABEL, LIMIT],
        parts: &[Part {
            name: "calls",
            path: "/api/v1/calls",
            passed: &[("kind", "kind", None), ("label", "label", None), ("limit", "limit", Some("20"))],
            ..PART
        }],
        next: "`contention` where they wait for one another; `series` with their kind and label, and `explain`",
    },
    Tool {
        name: "calls",
        description: "Calls that ended and are kept: the slowest and the failed; with `id` one of them and every call inside it.",
        arguments: &[
            Argument { name: "id", takes: Takes::Id, about: "one call" },
            SERIES_OF_ONE,
            Argument {
                name: "outcome",
                takes: Takes::Choice(&["ok", "error", "panicked", "cancelled"]),
                about: "how they ended",
            },
            WINDOW,
            Argument {
                name: "sort",
                takes: Takes::Choice(&["-seconds", "-start"]),
                about: "the slowest or the latest first",
            },
            LIMIT,
            CURSOR,
        ],
        parts: &[
            Part { name: "call", path: "/api/v1/calls/{id}", when: When::Given("id"), ..PART },
            Part {
                name: "calls",
                path: "/api/v1/calls/recent",
                passed: &[
                    ("series", "series", None),
                    ("outcome", "outcome", None),
                    ("window", "window", Some("15m")),
                    ("sort", "sort", Some("-seconds")),
                    ("limit", "limit", Some("10")),
                    ("cursor", "cursor", None),
                ],
                when: When::NotGiven("id"),
                ..PART
            },
        ],
        next: "`calls` with an `id`; `errors` for why they fail",
    },
    Tool {
        name: "errors",
        description: "Failures grouped by kind, with texts, places and counts, of each series that failed.",
        arguments: &[SERIES_OF_ONE, KIND, LABEL, WINDOW, LIMIT, CURSOR],
        parts: &[Part {
            name: "errors",
            path: "/api/v1/errors",
            passed: &[
                ("series", "series", None),
                ("kind", "kind", None),
                ("label", "label", None),
                ("window", "window", Some("15m")),
                ("limit", "limit", Some("5")),
                ("cursor", "cursor", None),
            ],
            ..PART
        }],
        next: "`calls` with the outcome error shows single calls",
    },
    Tool {
        name: "statements",
        description: "SQL statements without their literals: time, executions, rows, callers; those that one call repeats (N+1).",
        arguments: &[
            Argument {
                name: "sort",
                takes: Takes::Choice(&["recent_seconds", "seconds", "executions", "mean", "p95", "rows"]),
                about: "the greatest first",
            },
            LIMIT,
        ],
        parts: &[Part {
            name: "statements",
            path: "/api/v1/statements",
            passed: &[("sort", "sort", Some("recent_seconds")), ("limit", "limit", Some("6"))],
            ..PART
        }],
        next: "`explain` with the caller of a statement",
    },
    Tool {
        name: "contention",
        description: "Locks and channels: who holds, who waits, deadlocks, full or stopped channels.",
        arguments: &[],
        parts: &[
            Part { name: "locks", path: "/api/v1/locks", ..PART },
            Part { name: "channels", path: "/api/v1/channels", ..PART },
        ],
        next: "`explain` with the function that holds a lock or receives no more; `in_flight` for who waits",
    },
    Tool {
        name: "alerts",
        description: "Alerts, and incidents with their causes; with `incident` one of them and what was looked for.",
        arguments: &[
            Argument { name: "incident", takes: Takes::Id, about: "its id" },
            Argument { name: "state", takes: Takes::Choice(&["firing", "pending", "resolved"]), about: "of alerts" },
            Argument { name: "rule", takes: Takes::Text, about: "its id" },
            LIMIT,
        ],
        parts: &[
            Part { name: "incident", path: "/api/v1/incidents/{incident}", when: When::Given("incident"), ..PART },
            Part {
                name: "alerts",
                path: "/api/v1/alerts",
                passed: &[("state", "state", None), ("rule", "rule", None), ("limit", "limit", Some("6"))],
                when: When::NotGiven("incident"),
                shown: ALERT,
                ..PART
            },
            Part {
                name: "incidents",
                path: "/api/v1/incidents",
                fixed: &[("limit", "4")],
                when: When::NotGiven("incident"),
                ..PART
            },
        ],
        next: "`alerts` with an incident; `explain` with the series of an alert",
    },
    Tool {
        name: "compare",
        description: "Whether one range of time is better or worse than another, series by series, by tests that allow for noise.",
        arguments: &[
            Argument {
                name: "before",
                takes: Takes::NeededText,
                about: "FROM/TO: RFC 3339, or spans before now, as -2h/-1h",
            },
            Argument { name: "after", takes: Takes::NeededText, about: "likewise, as -1h/now" },
            Argument {
                name: "figure",
                takes: Takes::Choice(&["latency", "errors", "rate"]),
                about: "latency unless said",
            },
            SERIES_OF_ONE,
            KIND,
            LIMIT,
        ],
        parts: &[Part {
            name: "comparison",
            path: "/api/v1/insight/compare",
            passed: &[
                ("before", "before", None),
                ("after", "after", None),
                ("figure", "figure", None),
                ("series", "series", None),
                ("kind", "kind", None),
                ("limit", "limit", Some("10")),
            ],
            ..PART
        }],
        next: "`explain` with a series that became worse",
    },
];

const ALERT: Shown = Shown::Without(&["fingerprint", "runbook"]);

impl Tool {
    pub(crate) fn described(&self) -> Value {
        let properties: Map<String, Value> =
            self.arguments.iter().map(|one| (one.name.to_owned(), one.described())).collect();
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
        self.parts_with(arguments).map(|part| self.question(part, arguments)).collect()
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

impl Argument {
    fn is_needed(&self) -> bool {
        matches!(self.takes, Takes::NeededText | Takes::Series)
    }

    fn described(&self) -> Value {
        match self.takes {
            Takes::Text | Takes::NeededText | Takes::Series | Takes::Id => {
                json!({ "type": "string", "description": self.about })
            }
            Takes::Texts => json!({ "type": "array", "items": { "type": "string" }, "description": self.about }),
            Takes::Count => json!({ "type": "integer", "description": self.about }),
            Takes::Choice(choices) => json!({ "enum": choices, "description": self.about }),
        }
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
