// Reports: links to files of the last hour, day and week, to reports that are kept, and to dashboards for Grafana.

import { h, keyed, text, wide } from "./dom.js";
import { bytes, moment } from "./format.js";

/** Kept reports are asked for again after this, in milliseconds. */
const AGAIN = 60_000;
const KINDS = { day: "Day", week: "Week", session: "Session", range: "Range", comparison: "Two ranges" };

const RANGES = [["1h", "Last hour"], ["24h", "Last day"], ["7d", "Last 7 days"]];
/** Ranges side by side: the one before, the one after, and their words. */
const COMPARED = [
  ["-2h/-1h", "-1h/now", "The last hour and the hour before"],
  ["-25h/-24h", "-1h/now", "The last hour and the same hour a day ago"],
  ["-169h/-168h", "-1h/now", "The last hour and the same hour a week ago"],
  ["-48h/-24h", "-24h/now", "The last day and the day before"],
  ["-14d/-7d", "-7d/now", "The last 7 days and the 7 days before"],
];
const FORMATS = [
  ["html", "Report", "one page that opens anywhere"],
  ["summary", "Summary", "one screen of text"],
  ["json", "JSON", "all of it, to read back"],
  ["csv", "CSV", "a row for each number"],
  ["openmetrics", "OpenMetrics", "for promtool tsdb create-blocks-from openmetrics"],
  ["prometheus", "Prometheus text", "one sample of each series"],
  ["datadog", "Datadog", "bodies for its API"],
  ["datadog-events", "Datadog events", "changes of alerts, for its API"],
  ["newrelic", "New Relic", "bodies for its API"],
];

const link = (format, range, words, label) => h("a", { href: `api/v1/export?format=${format}&from=-${range}`, "aria-label": label }, words);

const compared = ([before, after, words]) => h("li", {}, h("a", { href: `api/v1/reports/compare?before=${before}&after=${after}` }, words));

const time = (at) => h("time", { datetime: at }, moment(at));

function keptRow({ id, kind, from, to, before, made, in_order: inOrder, files }) {
  const links = files.flatMap(({ format, bytes: size }, at) => [at > 0 ? ", " : "", h("a", { href: `api/v1/reports/${encodeURIComponent(id)}?format=${format}`, "aria-label": `${id} as ${format}` }, format), h("span", { class: "quiet" }, ` ${bytes(size)}`)]);
  const how = inOrder === false ? ", which did not end in order" : "";
  return h("tr", {}, h("th", { scope: "row" }, id), h("td", { "data-title": "Of" }, `${KINDS[kind] ?? kind}${how}`), h("td", { "data-title": "From" }, before ? [time(before.from), ", "] : [], time(from)), h("td", { "data-title": "To" }, before ? [time(before.to), ", "] : [], time(to)), h("td", { "data-title": "Made" }, time(made)), h("td", { class: "links", "data-title": "Files" }, links));
}

export default class {
  title = "Reports";
  asked = 0;
  kept = h("tbody");
  trouble = h("p", { class: "problem", role: "status", hidden: true });
  unknown = h("p", { class: "quiet more", hidden: true });
  said = h("p", { class: "quiet more" }, "Reports that are kept are asked for.");
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
    wide(
      "Kept reports",
      h(
        "table",
        { class: "stack" },
        h("caption", {}, "Kept reports"),
        h("thead", {}, h("tr", {}, ["Id", "Of", "From", "To", "Made", "Files"].map((name) => h("th", { scope: "col" }, name)))),
        this.kept,
      ),
      this.trouble,
      this.unknown,
      this.said,
    ),
    COMPARES
      ? h(
          "div",
          { class: "card" },
          h("h2", {}, "Side by side"),
          h("ul", { class: "links" }, COMPARED.map(compared)),
          h("p", { class: "quiet" }, "One page each: durations, failures and calls of every series, those that regressed first. Any two ranges: api/v1/reports/compare?before=-2h/-1h&after=-1h/now, and versions by perf-cli compare."),
        )
      : [],
    h(
      "div",
      { class: "card" },
      h("h2", {}, "Dashboards for Grafana"),
      h("p", { class: "links" }, h("a", { href: "api/v1/grafana/overview" }, "Overview"), " of all kinds of calls, and ", h("a", { href: "api/v1/grafana/metrics" }, "all other metrics"), "."),
      h("p", { class: "quiet" }, "Each kind of calls has one, by its name: api/v1/grafana/http_request, and so on. So have host, agents and objectives, where there are any."),
    ),
  );

  update() {
    if (Date.now() - this.asked > AGAIN) this.list();
  }

  /** Asks for the reports that are kept. */
  async list() {
    this.asked = Date.now();
    const answer = await fetch("api/v1/reports").catch(() => null);
    if (!answer?.ok) {
      text(this.said, "The reports that are kept cannot be read.");
      return;
    }
    const { off, reports, next, trouble, not_known: unknown } = await answer.json();
    keyed(this.kept, reports, ({ id, made }) => `${id} ${made}`, keptRow);
    this.trouble.hidden = !trouble;
    if (trouble) text(this.trouble, `One that is due is not made (${moment(trouble.at)}): ${trouble.error}`);
    this.unknown.hidden = unknown.length === 0;
    text(this.unknown, `Due, but nothing is known of their time: ${unknown.join(", ")}. They are looked for until a later one is made.`);
    const coming = next ? `The next is ${next.id}, due ${moment(next.at)}.` : "Days and weeks are made by themselves where [report] of the settings says when.";
    text(this.said, off ?? (reports.length === 0 ? `No report is kept. ${coming}` : coming));
  }
}
