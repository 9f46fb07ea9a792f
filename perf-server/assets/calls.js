// What runs now, and for how long.

import { breakable, h, keyed, text } from "./dom.js";
import { kindName, label, number, since } from "./format.js";
import * as address from "./address.js";

/** Calls that wait, the oldest first. */
export class CallList {
  constructor(caption, limit, wanted = () => true) {
    Object.assign(this, { limit, wanted });
    this.body = h("tbody");
    this.more = h("p", { class: "quiet more" });
    this.head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Call"), h("th", { scope: "col", class: "wide" }, "Kind"), h("th", { scope: "col", class: "number" }, "For")));
    this.element = h("div", { class: "card scroll running" }, h("table", { class: "calls" }, h("caption", {}, caption), this.head, this.body), this.more);
  }

  update(store) {
    const calls = (store.calls ?? []).filter(this.wanted).slice(0, this.limit);
    // Calls have no names of their own: of one series, the oldest stays the oldest.
    const seen = new Map();
    const items = calls.map((call) => {
      const name = JSON.stringify([call.kind, call.labels]);
      const place = seen.get(name) ?? 0;
      seen.set(name, place + 1);
      return { ...call, key: `${name} ${place}` };
    });
    const longest = Math.max(1e-9, ...items.map((call) => call.age));
    keyed(this.body, items, (call) => call.key, (call) => this.make(call), (row, call) => {
      text(row.lastElementChild.lastElementChild, since(call.age));
      row.lastElementChild.firstElementChild.firstElementChild.style.width = `${(100 * call.age) / longest}%`;
    });
    text(this.more, items.length > 0 ? "" : "No call waits. Calls that never wait are not listed while they run.");
    this.more.hidden = items.length > 0;
    this.head.hidden = items.length === 0;
  }

  make(call) {
    return h(
      "tr",
      {},
      h("th", { scope: "row", class: "name" }, h("a", { href: address.toSeries(shown(call)) }, breakable(label(shown(call))))),
      h("td", { class: "wide quiet" }, kindName(call.kind)),
      h("td", { class: "number age" }, h("span", { class: "bar", "aria-hidden": "true" }, h("span")), h("span")),
    );
  }
}

/** A request in flight has no status yet. */
function shown(call) {
  return call.kind === "http_request" ? { ...call, labels: call.labels.slice(0, 2) } : call;
}

export class Running {
  constructor() {
    this.title = "Running now";
    this.list = new CallList("Calls that wait, the oldest first", 50);
    this.count = h("p", { class: "quiet" });
    this.element = h("div", { class: "page" }, h("h1", {}, "Running now"), this.count, this.list.element);
  }

  update(store) {
    const kinds = store.kinds().map((kind) => store.kind(kind)).filter((row) => row.in_flight > 0);
    const counts = kinds.map((row) => `${kindName(row.kind)} ${number(row.in_flight)}`);
    text(this.count, counts.length > 0 ? `In flight: ${counts.join(", ")}.` : "Nothing is in flight.");
    this.list.update(store);
  }
}
