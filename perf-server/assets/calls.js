// The calls that run now, and for how long.

import { breakable, h, keyed, text } from "./dom.js";
import { kindName, label, number, seriesInShort, since } from "./format.js";
import * as address from "./address.js";

/** So many the service lists. */
export const MOST = 50;
/** A call is moved in by so much for each call around it, in em, and no further than for so many. */
const [STEP, DEEPEST] = [1.2, 8];

/** Calls, each followed by those inside it: with how many are around each, and how many inside it are not among them. */
function asTree(calls) {
  const ids = new Set(calls.map(({ id }) => id));
  const inside = Map.groupBy(calls, ({ parent }) => (ids.has(parent) ? parent : undefined));
  const below = (parent, depth) =>
    (inside.get(parent) ?? []).flatMap((call) => [{ ...call, depth, unlisted: call.inside - (inside.get(call.id)?.length ?? 0) }, ...below(call.id, depth + 1)]);
  return below(undefined, 0);
}

/** Beside the name of a call: its place in the source, the call around it where that is not listed, and calls inside it that are not. */
function about(call) {
  const caller = call.caller && call.depth === 0 ? `inside ${seriesInShort(call.caller)}` : "";
  const unlisted = call.unlisted > 0 ? `${number(call.unlisted)} more inside it` : "";
  return [progress(call), caller, call.place, unlisted].filter(Boolean).join(" · ");
}

/** Calls in flight that wait, the oldest first; as a tree each is followed by those inside it. */
export class CallList {
  constructor(caption, limit, { isTree = false } = {}) {
    this.limit = limit;
    this.isTree = isTree;
    this.body = h("tbody");
    this.count = h("span", { class: "quiet" });
    this.more = h("p", { class: "quiet more" });
    this.head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Call"), h("th", { scope: "col", class: "wide" }, "Kind"), h("th", { scope: "col", class: "number" }, "For")));
    this.element = h("div", { class: "card scroll running" }, h("table", { class: isTree ? "calls tree" : "calls" }, h("caption", { class: "now" }, `${caption} `, this.count), this.head, this.body), this.more);
  }

  /** `flying` calls are in flight; of those that wait, `waiting` are the oldest. */
  update(waiting, flying) {
    const calls = waiting.slice(0, this.limit);
    const items = this.isTree ? asTree(calls) : calls.map((call) => ({ ...call, depth: 0 }));
    const longest = Math.max(1e-9, ...items.map((call) => call.age));
    keyed(this.body, items, ({ id }) => id, (call) => this.make(call), (row, call) => {
      text(row.lastElementChild.lastElementChild, since(call.age));
      text(row.firstElementChild.lastElementChild, this.isTree ? about(call) : progress(call));
      row.dataset.depth = call.depth;
      row.firstElementChild.style.paddingInlineStart = call.depth > 0 ? `${1 + STEP * Math.min(call.depth, DEEPEST)}em` : "";
      row.lastElementChild.firstElementChild.firstElementChild.style.width = `${(100 * call.age) / longest}%`;
    });
    // Calls that were counted at the last tick may have gone on since.
    const all = Math.max(flying, waiting.length);
    text(this.count, all > 0 ? `${number(items.length)} of ${number(all)}` : "");
    const others = "Calls that have not waited yet are not listed.";
    text(this.more, all === 0 ? "Nothing in flight." : waiting.length < Math.min(all, MOST) ? others : "");
    this.more.hidden = this.more.textContent === "";
    this.head.hidden = items.length === 0;
  }

  make(call) {
    return h(
      "tr",
      {},
      h("th", { scope: "row", class: "name" }, h("a", { href: address.toSeries(shown(call)) }, breakable(label(shown(call)))), h("span", { class: "quiet beside" })),
      h("td", { class: "wide quiet" }, kindName(call.kind)),
      h("td", { class: "number age" }, h("span", { class: "bar", "aria-hidden": "true" }, h("span")), h("span")),
    );
  }
}

/** How far a stream has come: its items, and for how long its consumer has been waiting for the next one. */
function progress({ items, waits_for_item: waiting }) {
  if (items === undefined) return "";
  const waits = waiting === undefined ? "" : `, waits ${since(waiting)} for the next`;
  return `${number(items)} ${items === 1 ? "item" : "items"}${waits}`;
}

/** A request in flight has no status yet. */
function shown(call) {
  return call.kind === "http_request" ? { ...call, labels: call.labels.slice(0, 2) } : call;
}

/** How many calls of all kinds are in flight; one that waits for another counts as well as that one. */
export function flying(store) {
  return store.kinds().reduce((sum, kind) => sum + store.kind(kind).in_flight, 0);
}

export class Running {
  constructor() {
    this.title = "Running now";
    this.list = new CallList("In flight, oldest first, each with those inside it", MOST, { isTree: true });
    this.count = h("p", { class: "quiet" });
    this.element = h("div", { class: "page" }, h("h1", {}, "Running now"), this.count, this.list.element);
  }

  update(store) {
    const kinds = store.kinds().map((kind) => store.kind(kind)).filter((row) => row.in_flight > 0);
    const counts = kinds.map((row) => `${kindName(row.kind)} ${number(row.in_flight)}`);
    const waiting = store.allCalls ?? 0;
    const unlisted = waiting > MOST ? ` ${number(waiting)} wait: the ${MOST} that have for longest are listed.` : "";
    text(this.count, counts.length > 0 ? `In flight: ${counts.join(", ")}.${unlisted}` : "Nothing in flight.");
    this.list.update(store.calls ?? [], flying(store));
  }
}
