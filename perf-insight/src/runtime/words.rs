//! Numbers and names in sentences.

use perf_runtime::Kind;
use perf_runtime::series::SeriesId;

/// A duration with three digits: `20 ms`, `1.52 s`, `4 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let digits = |value: f64| -> String {
        if value >= 99.5 {
            format!("{value:.0}")
        } else if value >= 9.95 {
            format!("{value:.1}").trim_end_matches(".0").to_owned()
        } else {
            format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    match seconds {
        s if s >= 180.0 => format!("{} min", digits(s / 60.0)),
        s if s >= 1.0 => format!("{} s", digits(s)),
        s if s >= 1e-3 => format!("{} ms", digits(s * 1e3)),
        s => format!("{} µs", digits(s * 1e6)),
    }
}

/// A share in per cent: `4 %`, `0.5 %`.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 1.0 || percent <= 0.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// A size in bytes: `1.2 GiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    const MIB: f64 = 1_048_576.0;
    if bytes >= 1024.0 * MIB { format!("{:.1} GiB", bytes / 1024.0 / MIB) } else { format!("{:.0} MiB", bytes / MIB) }
}

/// A series as people call it: `select on points`, `GET /series`, `charge of stripe`, `checkout`.
pub(crate) fn series(id: &SeriesId) -> String {
    let values: Vec<&str> = id.labels.pairs().map(|(_, value)| value).collect();
    let own = id.kind.label_names().len();
    let more: Vec<String> = id
        .labels
        .pairs()
        .skip(own)
        .filter(|(name, _)| !id.kind.label_names().contains(name))
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let name = match (id.kind, values.as_slice()) {
        (Kind::DbOperation, [operation, table, ..]) => format!("{operation} on {table}"),
        (Kind::HttpRequest, [method, route, ..]) => format!("{method} {route}"),
        (Kind::ExternalCall | Kind::McpCall, [peer, operation, ..]) => format!("{operation} of {peer}"),
        (Kind::WorkflowStep, [workflow, step, ..]) => format!("{step} of {workflow}"),
        (_, [name, ..]) => (*name).to_owned(),
        (kind, []) => kind.to_string(),
    };
    if more.is_empty() || id.kind == Kind::HttpRequest { name } else { format!("{name} ({})", more.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_their_unit() {
        let shown = [0.000_012, 0.02, 0.0356, 0.999, 1.52, 12.0, 150.0, 240.0].map(duration);
        assert_eq!(shown, ["12 µs", "20 ms", "35.6 ms", "999 ms", "1.52 s", "12 s", "150 s", "4 min"]);
        assert_eq!([0.0, 0.004, 0.5, 1.0].map(share), ["0 %", "0.4 %", "50 %", "100 %"]);
        assert_eq!([5.0 * 1_048_576.0, 1.5 * 1_073_741_824.0].map(bytes), ["5 MiB", "1.5 GiB"]);
    }

    #[test]
    fn series_are_called_as_people_call_them() {
        let called = |text: &str| series(&text.parse().unwrap());
        assert_eq!(called("db_operation{operation=select,table=points}"), "select on points");
        assert_eq!(called("http_request{method=GET,route=/a}"), "GET /a");
        assert_eq!(called("external_call{service=stripe,operation=charge}"), "charge of stripe");
        assert_eq!(called("operation{operation=render,tenant=acme}"), "render (tenant acme)");
        assert_eq!(called("operation{operation=checkout}"), "checkout");
    }
}
