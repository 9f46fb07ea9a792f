// Reports: links to files of the last hour, day and week, and to dashboards for Grafana.

import { h, wide } from "./dom.js";

const RANGES = [["1h", "Last hour"], ["24h", "Last day"], ["7d", "Last 7 days"]];
const FORMATS = [
  ["html", "Report", "one page that opens anywhere"],
  ["summary", "Summary", "one screen of text"],
  ["json", "JSON", "all of it, to read back"],
  ["csv", "CSV", "a row for each number"],
  ["openmetrics", "OpenMetrics", "for promtool tsdb create-blocks-from openmetrics"],
  ["prometheus", "Prometheus text", "one sample of each series"],
  ["datadog", "Datadog", "bodies for its API"],
  ["newrelic", "New Relic", "bodies for its API"],
];

const link = (format, range, words, label) => h("a", { href: `api/v1/export?format=${format}&from=-${range}`, "aria-label": label }, words);

export default class {
  title = "Reports";
  element = h(
    "div",
    { class: "page" },
    h("h1", {}, this.title),
    wide(
      "Files",
      h(
        "table",
        {},
        h("caption", {}, "Files"),
        h("thead", {}, h("tr", {}, ["Format", ...RANGES.map(([, name]) => name), "For"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, FORMATS.map(([format, name, use]) => h(
          "tr",
          {},
          h("th", { scope: "row" }, name),
          RANGES.map(([range, words]) => h("td", {}, link(format, range, range, `${name}, ${words.toLowerCase()}`))),
          h("td", {}, use),
        ))),
      ),
      h("p", { class: "quiet more" }, "Times before the last hour are in them where the history is kept on disk."),
    ),
    h(
      "div",
      { class: "card" },
      h("h2", {}, "Dashboards for Grafana"),
      h("p", {}, h("a", { href: "api/v1/grafana/overview" }, "Overview"), " of all kinds of calls, and ", h("a", { href: "api/v1/grafana/metrics" }, "all other metrics"), "."),
      h("p", { class: "quiet" }, "Each kind of calls has one, by its name: api/v1/grafana/http_request, and so on. So have host, agents and objectives, where there are any."),
    ),
  );

  update() {}
}
