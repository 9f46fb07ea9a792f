// Incidents: what is wrong, what made it so, what was looked for; what holds the process up; and whether it is as usual.

import { Question } from "./ask.js";
import { age, duration, moment, share } from "./format.js";
import { h, keyed, text, wide } from "./dom.js";

const COMPARED = "Nothing holds the process up.";
/** Words for a process that is too young to know how long its calls take. */
const BEYOND_NOTHING = "Nothing is beyond its limit: processors, memory, queries, agents, frames. Whether something takes longer than usual can be told once it was called in five minutes.";
const SURENESS = { likely: "Likely cause", possible: "Possible cause", no_clear_cause: "No clear cause" };

function list(items) {
  return items.length > 0 && h("ul", {}, items.map((item) => h("li", {}, item)));
}

/** The causes of an incident, the likeliest with its evidence. */
function causes({ causes: all }) {
  return all.map((cause, place) => h("section", { class: "cause" }, h("h3", {}, `${SURENESS[cause.sureness] ?? cause.sureness}: `, h("b", {}, cause.sentence)), place === 0 && list(cause.evidence)));
}

function alerts({ alerts: all, more_alerts: more }) {
  const rows = all.map((alert) => h("li", {}, h("span", { class: `mark ${alert.severity}` }, alert.state), ` ${alert.message}`));
  return h("details", {}, h("summary", {}, `${all.length + more} ${all.length + more === 1 ? "alert" : "alerts"}`), h("ul", {}, rows));
}

function checks({ checked }) {
  return h("details", {}, h("summary", {}, "What was looked for"), h("ul", {}, checked.map(({ kind, found, words }) => h("li", {}, h("b", {}, kind.replaceAll("_", " ")), `: ${words}${found ? "" : " (not it)"}`))));
}

/** The time of an incident in words. */
function time({ onset, ended }, now) {
  const began = `since ${moment(onset)}`;
  if (!ended) return `${began}, for ${age((now - Date.parse(onset)) / 1000)}`;
  return `${began}, over after ${age((Date.parse(ended) - Date.parse(onset)) / 1000)}`;
}

/** So many rows are shown of what has moved. */
const SHOWN = 10;
/** Asked again once a minute: a trend of an hour is no quicker. */
const MINUTE = 60000;
/** Shares that have a limit: at 1 there is no more. */
const LIMITED = ["system_disk_utilization_ratio", "system_memory_utilization_ratio", "db_pool_utilization_ratio", "process_unix_file_descriptor_utilization_ratio"];
const MOVED = { improving: "better", degrading: "worse", rising: "rising", falling: "falling" };

function of(figure, value) {
  return figure === "errors" ? share(value) : duration(value);
}

function table(title, caption, columns, rows, nothing) {
  return wide(title, h("table", { class: "stack" }, h("caption", {}, caption), h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))), rows), nothing);
}

function wordsRow() {
  return h("tr", {}, h("th", { scope: "row" }), h("td", {}), h("td", {}));
}

function fill(element, name, first, second) {
  [name, first, second].forEach((words, place) => text(element.children[place], words));
}

/** The words about a limit. */
function reached({ is, time, earliest, latest }) {
  if (is === "already") return ["is at its limit", ""];
  return [`reaches its limit ${moment(time)}`, `between ${moment(earliest)} and ${latest ? moment(latest) : "a time out of sight"}`];
}

class Outlook {
  unusual = h("tbody");
  usual = h("p", { class: "quiet more" });
  moved = h("tbody");
  still = h("p", { class: "quiet more" });
  limits = h("tbody");
  unlimited = h("p", { class: "quiet more" });
  trends = new Question("api/v1/insight/trends", (answer) => this.tellTrends(answer));
  forecasts = new Question("api/v1/insight/forecasts", (answer) => this.tellForecasts(answer));
  elements = [
    table("Unusual now", "Series that were unusual in the last minute", ["What", "Value", "Usual"], this.unusual, this.usual),
    table("Moved in the last hour", "How long calls take, by how it has moved in the last hour", ["What", "Change", "From and to"], this.moved, this.still),
    table("Limits ahead", "Disks, memory, pools and files that reach their limit", ["What", "When", "How sure"], this.limits, this.unlimited),
  ];

  update({ unusual }, at) {
    keyed(this.unusual, unusual.unusual, (one) => `${one.series} ${one.figure}`, wordsRow, (element, one) => {
      const name = one.figure === "errors" ? `failures of ${one.name}` : one.name;
      fill(element, name, `${of(one.figure, one.value)}, since ${moment(one.since)}`, `${of(one.figure, one.expected[0])} to ${of(one.figure, one.expected[1])}`);
    });
    const { watched, learned } = unusual;
    text(this.usual, learned === 0
      ? `Nothing can be told yet: what is usual is learned from 276 minutes with calls. ${watched} series are watched.`
      : `${unusual.unusual.length === 0 ? "Nothing was unusual in the last minute. " : ""}What is usual is known of ${learned} of ${watched} series.`);
    const minute = Math.floor(at / MINUTE) * MINUTE;
    this.trends.askAt([["limit", "200"]], minute);
    this.forecasts.askAt([...LIMITED.map((name) => ["series", name]), ["limit", "50"]], minute);
  }

  tellTrends(answer) {
    const all = answer?.series ?? [];
    const known = all.filter((one) => one.found);
    const moved = known.filter((one) => MOVED[one.found.class]);
    moved.sort((one, other) => Math.abs(other.found.relative) - Math.abs(one.found.relative));
    keyed(this.moved, moved.slice(0, SHOWN), (one) => one.series, wordsRow, (element, { name, found }) => {
      const sign = found.relative < 0 ? "\u2212" : "+";
      fill(element, name, `${MOVED[found.class]}: ${sign}${share(Math.abs(found.relative))}`, `${duration(found.from)} to ${duration(found.to)}`);
    });
    const more = moved.length > SHOWN ? ` ${moved.length - SHOWN} more have moved.` : "";
    text(this.still, known.length === 0
      ? "Nothing can be told yet: a trend needs twelve minutes with calls."
      : `${moved.length === 0 ? "Nothing has moved. " : ""}Of ${known.length} of ${all.length + (answer.left_out ?? 0)} series it can be told.${more}`);
  }

  tellForecasts(answer) {
    const all = answer?.series ?? [];
    const known = all.filter((one) => one.found);
    const near = known.filter((one) => one.found.reaches && one.found.reaches.is !== "not_in_sight");
    keyed(this.limits, near, (one) => one.series, wordsRow, (element, { name, found }) => fill(element, name, ...reached(found.reaches)));
    text(this.unlimited, known.length === 0
      ? "Nothing can be told yet: a forecast needs four hours of history."
      : `${near.length === 0 ? "Nothing reaches its limit in sight. " : ""}${known.length} of ${all.length} shares in use can be told.`);
  }
}

export default class {
  title = "Incidents";
  topic = { of: "insight" };
  about = "Incidents and bottlenecks are as they are now";
  off = h("p", { class: "card quiet", hidden: true }, "Incidents are switched off: ", h("code", {}, "[insight] enabled = false"), ".");
  none = h("p", { class: "card quiet none", hidden: true }, "No incident is known: none lasts, and none that ended is remembered.");
  incidents = h("div", { class: "incidents" });
  rows = h("tbody");
  nothing = h("p", { class: "quiet more" });
  bottlenecks = wide("Bottlenecks", h("table", { class: "stack" }, h("caption", {}, "Bottlenecks of the last five minutes, and of the last"), h("thead", {}, h("tr", {}, ["What", "Impact", "Evidence", "What one could do"].map((title) => h("th", { scope: "col" }, title)))), this.rows), this.nothing);
  outlook = new Outlook();
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.off, this.none, this.incidents, this.bottlenecks, ...this.outlook.elements);

  update(store) {
    const all = store.data;
    if (!all) return;
    this.off.hidden = all.enabled;
    this.bottlenecks.hidden = !all.enabled;
    for (const element of this.outlook.elements) element.hidden = !all.enabled;
    this.none.hidden = !all.enabled || all.incidents.length > 0;
    keyed(this.incidents, all.incidents, (one) => one.id, () => this.card(), (card, one) => this.fill(card, one, store.at));
    this.nothing.hidden = all.bottlenecks.length > 0;
    text(this.nothing, all.compared ? COMPARED : BEYOND_NOTHING);
    if (all.enabled) this.outlook.update(all, store.at ?? Date.now());
    keyed(this.rows, all.bottlenecks, (one) => `${one.kind} ${one.component}`, () => this.row(), (row, one) => this.tell(row, one));
  }

  card() {
    return h("article", { class: "card incident" }, h("h2", {}), h("p", { class: "quiet" }), h("div", {}));
  }

  fill(card, incident, now) {
    const [heading, when, body] = card.children;
    text(heading, incident.headline);
    text(when, `${incident.severity}, ${time(incident, now)}`);
    card.classList.toggle("ended", incident.ended !== null);
    // Opened details stay open while nothing changes.
    const state = JSON.stringify(incident);
    if (card.state === state) return;
    card.state = state;
    body.replaceChildren(...causes(incident), alerts(incident), checks(incident));
  }

  row() {
    return h("tr", {}, h("th", { scope: "row" }), h("td", { "data-title": "Impact" }), h("td", {}), h("td", {}));
  }

  tell(row, one) {
    const [name, impact, evidence, advice] = row.children;
    const slow = one.slowdown ? `, ${duration(one.median ?? 0)} at the median` : "";
    text(name, one.component);
    text(impact, one.impact.toFixed(0));
    text(evidence, `${[...one.evidence, one.gain].filter(Boolean).join(". ")}${slow}`);
    text(advice, one.suggestions.map((words) => (words.endsWith("?") ? words : `${words}.`)).join(" "));
  }
}
