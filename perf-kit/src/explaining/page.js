// Incidents: what is wrong, what made it so, what was looked for; and what holds the process up.

import { age, duration, moment } from "./format.js";
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

export default class {
  title = "Incidents";
  topic = { of: "insight" };
  about = "Incidents and bottlenecks are as they are now";
  off = h("p", { class: "card quiet", hidden: true }, "Incidents are switched off: ", h("code", {}, "[insight] enabled = false"), ".");
  none = h("p", { class: "card quiet none", hidden: true }, "There was no incident since the process started, of those that are kept.");
  incidents = h("div", { class: "incidents" });
  rows = h("tbody");
  nothing = h("p", { class: "quiet more" });
  bottlenecks = wide("Bottlenecks", h("table", { class: "stack" }, h("caption", {}, "Bottlenecks of the last five minutes, and of the last"), h("thead", {}, h("tr", {}, ["What", "Impact", "Evidence", "What one could do"].map((title) => h("th", { scope: "col" }, title)))), this.rows), this.nothing);
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.off, this.none, this.incidents, this.bottlenecks);

  update(store) {
    const all = store.data;
    if (!all) return;
    this.off.hidden = all.enabled;
    this.bottlenecks.hidden = !all.enabled;
    this.none.hidden = !all.enabled || all.incidents.length > 0;
    keyed(this.incidents, all.incidents, (one) => one.id, () => this.card(), (card, one) => this.fill(card, one, store.at));
    this.nothing.hidden = all.bottlenecks.length > 0;
    text(this.nothing, all.compared ? COMPARED : BEYOND_NOTHING);
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
