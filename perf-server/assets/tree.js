// Where the time goes: the calls inside the calls of a series, those that they were made inside, and what took the most time of all.

import { Question } from "./ask.js";
import { breakable, h, keyed, steady, text, wide } from "./dom.js";
import { duration, kindName, moment, number, partsOf, seriesInShort, share } from "./format.js";
import * as address from "./address.js";

/** So many are shown in each. */
const MOST = 12;
/** In milliseconds. */
const MINUTE = 60_000;

/** The name by which the service knows a series, which a row shows. */
export function idOf({ kind, labels }) {
  const escaped = (value) => value.replace(/[\\,]/g, "\\$&");
  return `${kind}{${labels.map(([name, value]) => `${name}=${escaped(value)}`).join(",")}}`;
}

/** A link to a series by its name. */
export function link(id) {
  const [kind, values] = partsOf(id);
  return h("a", { href: address.toSeries({ kind, labels: values.map((value) => ["", value]) }), title: kindName(kind) }, breakable(seriesInShort(id)));
}

/** A bar of a share, 0 to 1, and the share in words. */
function bar() {
  return h("td", {}, h("span", { class: "bar", "aria-hidden": "true" }, h("span")), h("span"));
}

function setBar(cell, ratio) {
  const [track, words] = cell.children;
  track.firstElementChild.style.width = `${Math.min(1, Math.max(0, ratio ?? 0)) * 100}%`;
  text(words, share(ratio ?? null));
}

/** A table whose first column names a series, or what `first` says, and whose second is a bar. */
class Bars {
  constructor(title, columns, first = "Series") {
    this.columns = columns;
    this.body = h("tbody");
    const heads = [first, ...columns.map(([name]) => name)].map((name, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, name));
    this.element = wide(title, h("table", { class: "bars" }, h("caption", {}, title), h("thead", {}, h("tr", {}, heads)), this.body));
    this.element.hidden = true;
  }

  /** Rows have a `name`, which is the id of a series or, where it `isPlain`, words. */
  set(rows) {
    this.element.hidden = rows.length === 0;
    const shown = steady(this.body, rows, ({ name }) => name);
    const make = (row) => h("tr", {}, h("th", { scope: "row" }, row.isPlain ? breakable(row.name) : link(row.name)), this.columns.map((_, place) => (place === 0 ? bar() : h("td", { class: "number" }))));
    keyed(this.body, shown.slice(0, MOST), ({ name }) => name, make, (element, row) => {
      this.columns.forEach(([, show], place) => {
        const cell = element.children[place + 1];
        if (place === 0) setBar(cell, show(row));
        else text(cell, show(row));
      });
    });
  }
}

const EDGE = [
  ["Calls", (row) => number(row.calls)],
  ["Failed", (row) => number(row.failed)],
  ["Mean", (row) => duration(row.calls > 0 ? row.seconds / row.calls : null)],
];

const WAIT = [
  ["Of these waits", (row) => row.share],
  ["Waits", (row) => number(row.waits)],
  ["Seconds", (row) => duration(row.waited_seconds)],
  ["Mean", (row) => duration(row.waits > 0 ? row.waited_seconds / row.waits : null)],
];

/** What a call waited for that is no call, in words: the sort of thing, and its name. */
export function waitedFor({ on, name }) {
  return `${on} ${name}`;
}

/** Since when the tree of calls is known, where a range of the past begins before, at `from`. */
export function knownSince(answer, from) {
  const since = Date.parse(answer?.since ?? "");
  return from !== null && since > from + MINUTE ? `Calls inside calls are known since ${moment(since)}.` : "";
}

/** Where the time of one series goes, and who calls it. */
export class Inside {
  constructor() {
    this.shares = new Bars("Where its time goes", [["Of its time", (row) => row.share], ["Seconds", (row) => duration(row.seconds)]]);
    this.within = new Bars("Calls inside it", [["Of the time of its calls", (row) => row.share], ...EDGE]);
    this.callers = new Bars("Called from", [["Of its time", (row) => row.share], ...EDGE]);
    this.waits = new Bars("Waited for, since the process began", WAIT, "Lock, channel or statement");
    this.since = h("p", { class: "quiet" });
    this.element = h("section", { class: "page" }, this.since, this.shares.element, h("div", { class: "pair" }, this.within.element, this.callers.element), this.waits.element);
    this.element.hidden = true;
    this.asked = new Question("api/v1/shares", (answer) => this.showShares(answer));
    this.askedWithin = new Question("api/v1/edges", (answer) => this.showWithin(answer));
    this.askedCallers = new Question("api/v1/edges", (answer) => this.showCallers(answer));
    this.askedWaits = new Question("api/v1/waits", (answer) => this.showWaits(answer));
  }

  /** `row` is the series, with pairs of labels. */
  update(store, row) {
    const id = idOf(row);
    // They are counted since the process began, and not by the second.
    this.askedWaits.askOfNow([["series", id], ["sort", "-waited_seconds"], ["limit", MOST]], store);
    if (!row.count) {
      [this.asked, this.askedWithin, this.askedCallers].forEach((question) => question.forget());
      return;
    }
    this.from = store.isPast || store.isHeld ? store.span()[0] : null;
    this.asked.ask([["series", id]], store);
    this.askedWithin.ask([["parent", id], ["sort", "-seconds"]], store);
    this.askedCallers.ask([["child", id], ["sort", "-seconds"]], store);
  }

  show() {
    this.element.hidden = [this.shares, this.within, this.callers, this.waits].every(({ element }) => element.hidden);
  }

  showShares(answer) {
    const parts = answer?.parts ?? [];
    const own = parts.length > 0 ? [{ name: "its own, and what is not measured", isPlain: true, share: answer.unannotated, seconds: answer.unannotated_seconds }] : [];
    this.shares.set([...parts.map((part) => ({ ...part, name: part.series })), ...own].sort((one, other) => other.share - one.share));
    this.total = answer?.seconds;
    this.drawWithin();
  }

  showWithin(answer) {
    this.edges = answer?.edges ?? [];
    text(this.since, knownSince(answer, this.from));
    this.drawWithin();
  }

  /** The time that they are shares of comes with another answer. */
  drawWithin() {
    const all = this.total;
    this.within.set((this.edges ?? []).map((edge) => ({ ...edge, name: edge.child, share: all > 0 ? edge.seconds / all : null })));
    this.show();
  }

  showWaits(answer) {
    const waits = answer?.waits ?? [];
    const all = waits.reduce((sum, wait) => sum + wait.waited_seconds, 0);
    this.waits.set(waits.map((wait) => ({ ...wait, name: waitedFor(wait), isPlain: true, share: all > 0 ? wait.waited_seconds / all : null })));
    this.show();
  }

  showCallers(answer) {
    const edges = answer?.edges ?? [];
    const all = edges.reduce((sum, edge) => sum + edge.seconds, 0);
    this.callers.set(edges.map((edge) => ({ ...edge, name: edge.parent, share: all > 0 ? edge.seconds / all : null })));
    this.show();
  }
}

/** The series in whose own calls most time passes: what pays to be made faster. */
export class TimeGoes {
  constructor() {
    this.bars = new Bars("Where the time goes", [["Of all time in calls", (row) => row.share], ["Seconds", (row) => duration(row.seconds)]]);
    this.element = this.bars.element;
    this.asked = new Question("api/v1/shares", (answer) => this.bars.set((answer?.parts ?? []).map((part) => ({ ...part, name: part.series }))));
  }

  update(store) {
    // The own time of all series is known of windows that end now.
    this.asked.askOfNow([["window", store.window]], store);
  }
}
