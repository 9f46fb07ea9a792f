//! The tools, as data: what each takes, what it asks the service, and what is asked best after it.

use crate::arrange;
use crate::tools::{Argument, Part, Shown, Takes, Tool, When};

const PART: Part = Part {
    name: "",
    path: "",
    fixed: &[],
    passed: &[],
    when: When::Always,
    of_series: false,
    shown: Shown::Without(&[]),
    arranged: None,
    arranged_by: &[],
};
const SERIES_OF_ONE: Argument = Argument { name: "series", takes: Takes::Text, about: "id of a series" };
const KIND: Argument = Argument { name: "kind", takes: Takes::Text, about: "as db_operation" };
const LABEL: Argument = Argument { name: "label", takes: Takes::Texts, about: "name=value, all must fit" };
const LIMIT: Argument = Argument { name: "limit", takes: Takes::Count, about: "most entries" };
const CURSOR: Argument = Argument { name: "cursor", takes: Takes::Text, about: "`next` of the page before" };
const WINDOW: Argument =
    Argument { name: "window", takes: Takes::Choice(&["1m", "5m", "15m", "1h"]), about: "up to now" };
/// Fields that say how a figure is exported, and no figure.
const HOW: &[&str] = &["family", "metrics", "custom", "sampled_cpu", "std", "apdex_threshold"];

/// The tools, the one to begin with first.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "overview",
        description: "Health with its reasons, alerts, incidents, bottlenecks; what takes time, fails, runs long, leaves memory behind, waits now. Ask this first.",
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
                    "indicators",
                    "recommendations",
                ]),
                arranged: Some(arrange::health),
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
            Part {
                name: "time",
                path: "/api/v1/shares",
                fixed: &[("window", "5m")],
                arranged: Some(arrange::shares),
                ..PART
            },
            Part {
                name: "failing",
                path: "/api/v1/errors",
                fixed: &[("window", "5m"), ("sort", "-failed"), ("limit", "4")],
                arranged: Some(arrange::errors),
                ..PART
            },
            Part { name: "running", path: "/api/v1/calls", fixed: &[("limit", "3")], ..PART },
            Part {
                name: "memory",
                path: "/api/v1/series",
                fixed: &[("window", "5m"), ("sort", "-net_bytes"), ("limit", "3")],
                shown: Shown::Only(&["series"]),
                arranged: Some(arrange::memory),
                ..PART
            },
            Part { name: "locks", path: "/api/v1/locks", arranged: Some(arrange::locks), ..PART },
            Part { name: "channels", path: "/api/v1/channels", arranged: Some(arrange::channels), ..PART },
            Part {
                name: "statements",
                path: "/api/v1/statements",
                fixed: &[("sort", "recent_seconds"), ("limit", "2")],
                arranged: Some(arrange::statements),
                ..PART
            },
        ],
        next: ("series", &[("sort", "-p95")], "nothing stands out: the slowest series"),
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
                    "-net_bytes",
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
        next: ("overview", &[], "no series is in the list"),
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
        next: ("in_flight", &[], "no call of it ended in the window: does one run?"),
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
        next: ("series", &[("sort", "-p95")], "nothing runs: the slowest series"),
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
        next: ("series", &[("sort", "-p95")], "no call is kept: the slowest series"),
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
        next: ("series", &[("sort", "-p95")], "nothing fails: the slowest series"),
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
        next: ("series", &[("kind", "db_operation")], "no statement has a known caller: the slowest queries"),
    },
    Tool {
        name: "contention",
        description: "Locks and channels: who holds, who waits, deadlocks, full or stopped channels.",
        arguments: &[],
        parts: &[
            Part { name: "locks", path: "/api/v1/locks", ..PART },
            Part { name: "channels", path: "/api/v1/channels", ..PART },
        ],
        next: ("in_flight", &[], "nothing waits that has a name: what runs now"),
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
        next: ("overview", &[], "no alert names a series"),
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
                about: "what is compared",
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
                ("figure", "figure", Some("latency")),
                ("series", "series", None),
                ("kind", "kind", None),
            ],
            fixed: &[("limit", arrange::LOOKED_AT)],
            arranged: Some(arrange::worst_first),
            arranged_by: &[("limit", Some(arrange::COMPARED))],
            ..PART
        }],
        next: ("overview", &[], "no series is in both ranges"),
    },
];

const ALERT: Shown = Shown::Without(&["fingerprint", "runbook"]);
