//! The examples that the help of each command begins with. A test runs them all.

pub(super) const STATUS: &str = "\
Examples:
  perf-cli status
  perf-cli status --json                  the service's own document
  perf-cli status --plain                 one line: the status, the score, and how many alerts fire";

pub(super) const TOP: &str = "\
Examples:
  perf-cli top
  perf-cli top --interval 5               for a slow link";

pub(super) const QUERY: &str = "\
Examples:
  perf-cli query                                                 every series in the last minute
  perf-cli query --kind db_operation --window 1h --sort p95
  perf-cli query 'db_operation{table=users}' --from -2h --step 5m
  perf-cli query queue_depth --from -1h                          a metric";

pub(super) const CALLS: &str = "\
Examples:
  perf-cli calls                                        what runs now
  perf-cli calls --recent --kind http_request           calls that are kept whole, with their ids";

pub(super) const ERRORS: &str = "\
Examples:
  perf-cli errors
  perf-cli errors --kind db_operation --from -1d";

pub(super) const ALERTS: &str = "\
Examples:
  perf-cli alerts
  perf-cli alerts --state resolved
  perf-cli alerts ack 3 --by ada
  perf-cli alerts silence --rule http-latency --for 2h --by ada";

pub(super) const INCIDENTS: &str = "\
Examples:
  perf-cli incidents --open
  perf-cli incidents --from -7d";

pub(super) const WHY: &str = "\
Examples:
  perf-cli why http-latency               by the rule; the alert's number and its fingerprint will do too";

pub(super) const COMPARE: &str = "\
Examples:
  perf-cli compare -2h/-1h -1h/now                  the last hour with the one before
  perf-cli compare 1.4.1 1.4.2 -o compare.html      two versions, as a page
  perf-cli compare -2h/-1h -1h/now --keep           among the reports of the service";

pub(super) const FORECAST: &str = "\
Examples:
  perf-cli forecast
  perf-cli forecast 'disk_used_ratio{mount=/}' --ahead day --reaches 0.9";

pub(super) const EXPORT: &str = "\
Examples:
  perf-cli export html --from -1d -o report.html
  perf-cli export openmetrics --from -7d --step 1h -o range.om      for `promtool tsdb create-blocks-from openmetrics`
  perf-cli export grafana --dashboard overview -o overview.json";

pub(super) const REPORT: &str = "\
Examples:
  perf-cli report                                                   those that are kept
  perf-cli report day                                               the last, on one screen
  perf-cli report week --make --format html -o week.html
  perf-cli report --from -2h --to -1h                               of any range, now";

pub(super) const RULES: &str = "\
Examples:
  perf-cli rules list
  perf-cli rules check perf.toml
  perf-cli rules backtest http-latency 'http_request{route=/carts}' --from -1d";

pub(super) const NOTIFY: &str = "\
Examples:
  perf-cli notify list
  perf-cli notify test on-call";

pub(super) const HISTORY: &str = "\
Examples:
  perf-cli history info                             of the service that runs
  perf-cli history info /var/lib/perf               of one that does not
  perf-cli history verify /var/lib/perf
  perf-cli history prune --before -30d --yes";

pub(super) const BUDGET: &str = "\
Examples:
  perf-cli budget";

pub(super) const DOCTOR: &str = "\
Examples:
  perf-cli doctor";

pub(super) const MCP: &str = "\
Examples:
  claude mcp add perf -- perf-cli --url https://shop.example --token-file ~/.perf-token mcp";

pub(super) const COMPLETIONS: &str = "\
Examples:
  perf-cli completions bash > ~/.local/share/bash-completion/completions/perf-cli";
