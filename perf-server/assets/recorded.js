// Calls that were recorded whole: the slowest and the failed of a series, and what ran inside one of them, as a waterfall.

import { Question } from "./ask.js";
import { attribute, breakable, h, keyed, steady, text, wide } from "./dom.js";
import { clock, duration, moment, number, partsOf, seriesInShort } from "./format.js";
import { nameOf } from "./errors.js";
import { idOf, link } from "./tree.js";
import * as address from "./address.js";

/** So many of a series are listed. */
const MOST = 10;
/** Stands for a figure that is not known. */
const UNKNOWN = "–";
/** A call in the table of a waterfall is moved in by so much for each call around it, in em, and no further than for so many. */
const [STEP, DEEPEST] = [0.9, 12];

function heads(titles, isNumber) {
  return h("tr", {}, titles.map((title) => h("th", { scope: "col", class: isNumber(title) ? "number" : "" }, title)));
}

function setOutcome(cell, outcome) {
  text(cell.firstElementChild, outcome);
  attribute(cell.firstElementChild, "class", `mark ${outcome}`);
}

/** What failed, in a few words. */
function failureOf({ error, outcome }) {
  return error ? (error.text ?? nameOf({ ...error, outcome })) : "";
}

/** The calls of one series that are kept, the slowest first. */
export class RecordedCalls {
  /** `onshow(calls)` hears of those that are shown. */
  constructor(onshow) {
    const title = "Recorded calls";
    this.onshow = onshow;
    this.body = h("tbody");
    this.note = h("p", { class: "quiet more" }, "Kept whole: of each minute the slowest, and the first that failed. Each opens what ran inside.");
    const columns = ["Took", "Ended", "Began", "Calls inside", "What failed", "Trace"];
    this.element = wide(title, h("table", { class: "traces" }, h("caption", {}, title), h("thead", {}, heads(columns, (name) => name === "Calls inside")), this.body), this.note);
    this.element.hidden = true;
    this.asked = new Question("api/v1/calls/recent", (answer) => this.show(answer?.calls ?? []));
  }

  /** `row` is the series, with pairs of labels. */
  update(store, row) {
    if (row.count) this.asked.ask([["series", idOf(row)], ["sort", "-seconds"], ["limit", MOST]], store);
    else this.asked.forget();
  }

  show(calls) {
    this.element.hidden = calls.length === 0;
    // Nothing stands in the column of traces where no subscriber has any.
    attribute(this.element.querySelector("table"), "data-traces", calls.some((call) => call.trace_id !== null) ? "true" : null);
    this.onshow(calls);
    const make = ({ id }) => h("tr", {}, h("th", { scope: "row" }, h("a", { href: address.to("call", [id]) })), h("td", {}, h("span")), h("td"), h("td", { class: "number" }), h("td"), h("td", {}, h("a", { rel: "noreferrer", hidden: true }, "Show it"), h("span")));
    keyed(this.body, steady(this.body, calls, ({ id }) => id), ({ id }) => id, make, (element, call) => {
      const [took, ended, began, inside, failed, trace] = element.children;
      text(took.firstElementChild, duration(call.seconds));
      setOutcome(ended, call.outcome);
      text(began, clock(Date.parse(call.start)));
      text(inside, call.calls_known ? number(call.calls) : UNKNOWN);
      text(failed, failureOf(call));
      const [link, id] = trace.children;
      attribute(link, "href", call.trace_link);
      attribute(link, "aria-label", `Show it: the trace of the call of ${duration(call.seconds)}`);
      link.hidden = !call.trace_link;
      text(id, call.trace_link ? "" : (call.trace_id ?? ""));
    });
  }
}

function ownTime({ self_seconds: own }) {
  return own === null ? UNKNOWN : duration(own);
}

const FACTS = [
  ["Took", (call) => duration(call.seconds)],
  ["Its own time", ownTime],
  ["Ended", (call) => call.outcome],
  ["Began", (call) => moment(call.start)],
  ["Calls inside", (call) => (call.calls_known ? number(call.calls) : UNKNOWN)],
  ["Trace", (call) => call.trace_id ?? UNKNOWN],
];

/** A sentence about the calls inside one that are not shown. */
function missingOf({ calls_known: isKnown, missing }) {
  if (!isKnown) return "It made calls that are not known: there was no room to record them, or recording began later.";
  const open = missing === 1 ? "call ended inside it that is" : "calls ended inside it that are";
  return missing > 0 ? `${number(missing)} more ${open} not shown: a call keeps a bounded number of them.` : "";
}

/** Sentences about values of fields that are not told, or not kept. */
function fieldsOf({ fields_withheld: isWithheld, fields_missing: missing }) {
  const withheld = isWithheld ? "Values of fields are withheld: they are for whoever has the admin token, unless [recorder] fields says \"read\"." : "";
  const calls = missing === 1 ? "call inside it" : "calls inside it";
  return [withheld, missing > 0 ? `Of ${number(missing)} ${calls} the values of fields found no room.` : ""].filter(Boolean).join(" ");
}

/** Names and values of fields, each by itself: a value may be written in whatever direction. */
function listOf(fields = []) {
  const shown = ({ name, value, is_cut: isCut }) => h("li", {}, h("span", { class: "quiet" }, `${name} `), h("bdi", {}, value ?? "withheld"), isCut ? h("span", { class: "quiet" }, " … (cut)") : "");
  return fields.length === 0 ? [] : [h("ul", { class: "fields", "aria-label": "Fields" }, fields.map(shown))];
}

/** One recorded call, with every call inside it. */
export class Recorded {
  constructor(id) {
    this.title = "A recorded call";
    this.about = "This page is about one call, whatever range is chosen";
    this.back = h("a", { href: address.to("overview") }, "Overview");
    this.heading = h("h1", {}, this.title);
    this.facts = h("dl", { class: "figures" }, FACTS.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("span")))));
    this.trace = h("a", { rel: "noreferrer", hidden: true }, "Show it");
    this.facts.lastElementChild.lastElementChild.append(" ", this.trace);
    this.failed = h("p", { class: "card" });
    this.missing = h("p", { class: "quiet" });
    this.withheld = h("p", { class: "quiet" });
    this.rows = h("tbody");
    const columns = ["Call", "When", "Began after", "Took", "Its own time", "Ended"];
    const isNumber = (name) => ["Began after", "Took", "Its own time"].includes(name);
    this.table = wide("What ran inside", h("table", { class: "waterfall" }, h("caption", {}, "What ran inside"), h("thead", {}, heads(columns, isNumber)), this.rows));
    this.gone = h("p", { class: "card", hidden: true }, "No call of this name is kept. Recorded calls are kept for some time: by the process that made them, and on the disk where there is a history.");
    this.body = h("div", { class: "page", hidden: true }, this.facts, this.failed, this.missing, this.withheld, this.table);
    this.element = h("div", { class: "page" }, h("nav", { class: "crumbs", "aria-label": "Where this is" }, this.back), this.heading, this.gone, this.body);
    this.asked = new Question(`api/v1/calls/${encodeURIComponent(id)}`, (answer) => this.show(answer));
  }

  update() {
    // A call that has ended does not change.
    if (!this.tree) this.asked.askAt([], Date.now());
  }

  show(tree) {
    this.tree = tree;
    this.gone.hidden = tree !== null;
    this.body.hidden = tree === null;
    if (tree === null) return;
    const { call, inside } = tree;
    const [kind, values] = partsOf(call.series);
    // The page of a route has all of its statuses.
    const shown = kind === "http_request" ? values.slice(0, 2) : values;
    attribute(this.back, "href", address.toSeries({ kind, labels: shown.map((value) => ["", value]) }));
    text(this.back, seriesInShort(call.series));
    this.heading.replaceChildren(...breakable(seriesInShort(call.series)));
    FACTS.forEach(([, show], place) => text(this.facts.children[place].lastElementChild.firstElementChild, show(call)));
    attribute(this.trace, "href", call.trace_link);
    this.trace.hidden = !call.trace_link;
    this.failed.hidden = !call.error;
    text(this.failed, failureOf(call));
    text(this.missing, missingOf(call));
    text(this.withheld, fieldsOf(call));
    this.rows.replaceChildren(this.row({ ...call, depth: 0, start_seconds: 0 }), ...inside.map((one) => this.row(one)));
  }

  row(one) {
    const all = this.tree.call.seconds;
    const part = (seconds) => (all > 0 ? Math.min(1, seconds / all) * 100 : 0);
    const bar = h("span", { class: `fill ${one.outcome === "ok" ? "accent" : one.outcome}` });
    bar.style.insetInlineStart = `${part(one.start_seconds)}%`;
    bar.style.inlineSize = `${Math.min(part(one.seconds), 100 - part(one.start_seconds))}%`;
    const name = h("th", { scope: "row" }, one.depth === 0 ? h("span", {}, breakable(seriesInShort(one.series))) : link(one.series));
    name.append(...listOf(one.fields));
    name.style.paddingInlineStart = `${1 + STEP * Math.min(one.depth, DEEPEST)}em`;
    const ended = h("td", {}, h("span"), h("span", { class: "quiet" }));
    setOutcome(ended, one.outcome);
    text(ended.lastElementChild, one.error ? ` ${failureOf(one)}` : "");
    const figures = [duration(one.start_seconds), duration(one.seconds), ownTime(one)].map((told) => h("td", { class: "number" }, told));
    return h("tr", { "data-depth": one.depth }, name, h("td", {}, h("span", { class: "fall", "aria-hidden": "true" }, bar)), figures, ended);
  }
}
