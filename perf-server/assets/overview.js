// The first page: how well the service is and why, what it does, what is wrong now.

import { h, s, keyed, text, attribute } from "./dom.js";
import { Lines, Stack } from "./charts.js";
import { duration, inUnit, kindName, label, number, rate, seriesInShort, share } from "./format.js";
import * as address from "./address.js";
import { LATENCIES, OUTCOMES, SeriesTable } from "./table.js";
import { CANCELLED, ERROR, OK, P50, P95, P99, PANICKED } from "./store.js";
import { AlertStrip } from "./alerts.js";
import { CallList } from "./calls.js";
import { toMetric } from "./catalog.js";
import { Tile } from "./tile.js";

/** Which page shows a kind. */
export const PAGE_OF = {
  http_request: "requests",
  db_operation: "database",
  workflow: "workflows",
  workflow_step: "workflows",
  agent: "agents",
  tool: "agents",
  mcp_call: "agents",
  external_call: "external",
  operation: "operations",
};

/** What puts a kind here: for whoever has none of it yet. */
const HOW = {
  http_request: "the HttpLayer on your router",
  db_operation: '#[monitor_db_operation("select", "users")] on a function',
  workflow: '#[monitor_workflow("data_processing")] on a function',
  agent: '#[monitor_agent("researcher")] on a function',
  external_call: '#[monitor_external_call("stripe", "charge")] on a function, or the ClientLayer around your client',
  operation: '#[monitor("checkout")] on a function',
};

const RADIUS = 52;
const ROUND = 2 * Math.PI * RADIUS;

/** The score as a ring, and what took the points. */
class Health {
  constructor() {
    this.arc = s("circle", { class: "arc", cx: 60, cy: 60, r: RADIUS, "stroke-dasharray": `0 ${ROUND}` });
    this.score = h("b", {}, "–");
    this.status = h("h2", { class: "status" }, "");
    this.lead = h("p", { class: "quiet" });
    this.lost = h("ul", { class: "lost" });
    this.all = h("tbody");
    this.element = h(
      "section",
      { class: "card health", "aria-label": "Health" },
      h(
        "div",
        { class: "dial" },
        s("svg", { viewBox: "0 0 120 120", "aria-hidden": "true" }, s("circle", { class: "ring", cx: 60, cy: 60, r: RADIUS }), this.arc),
        h("p", {}, this.score, h("span", { class: "quiet" }, "of 100")),
      ),
      h("div", { class: "why" }, this.status, this.lead, this.lost),
      h(
        "details",
        {},
        h("summary", {}, "Everything that is judged"),
        h("div", { class: "scroll", role: "region", "aria-label": "Everything that is judged", tabindex: 0 }, h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ["Indicator", "Status", "Value", "Warning", "Critical", "Calls"].map((title, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, title)))),
          this.all,
        )),
      ),
    );
  }

  update(store) {
    const { health, indicators } = store;
    if (!health) return;
    text(this.score, String(Math.round(health.score)));
    text(this.status, health.status);
    attribute(this.element, "data-status", health.status);
    attribute(this.arc, "stroke-dasharray", `${(health.score / 100) * ROUND} ${ROUND}`);
    const sorted = [...indicators.values()].sort((one, other) => other.penalty - one.penalty || one.name.localeCompare(other.name));
    const taking = sorted.filter((one) => one.penalty > 0 || one.status === "yellow" || one.status === "red");
    const known = sorted.filter((one) => one.status !== "unknown").length;
    text(this.lead, taking.length > 0 ? "What took the points, the worst first:" : known > 0 ? `Nothing takes a point off. ${number(known)} ${known === 1 ? "indicator is" : "indicators are"} judged.` : "Nothing takes a point off, but nothing is judged yet either: that takes more calls.");
    keyed(this.lost, taking, (one) => one.name, () => h("li"), (item, one) => this.blame(item, one, store));
    keyed(this.all, sorted, (one) => one.name, () => h("tr", {}, h("th", { scope: "row" }), h("td"), h("td", { class: "number" }), h("td", { class: "number" }), h("td", { class: "number" }), h("td", { class: "number" })), (row, one) => {
      const values = [one.name, one.status, inUnit(one.value, one.unit), inUnit(one.warning, one.unit), inUnit(one.critical, one.unit), number(one.calls)];
      values.forEach((value, place) => text(row.children[place], value));
      attribute(row.children[1], "class", `mark ${one.status}`);
    });
  }

  /** One indicator that takes points: how many, why, and from which series. */
  blame(item, one, store) {
    const shown = JSON.stringify(one);
    if (item.shown === shown && item.known === store.rows.length) return;
    item.shown = shown;
    item.known = store.rows.length;
    const limit = one.status === "red" ? one.critical : one.warning;
    const shares = one.shares.slice(0, 3).map(([series, points]) => {
      const row = store.find(series);
      const words = `${row ? label(row) : seriesInShort(series)} ${points >= 0.05 ? `−${number(points)}` : ""}`;
      return h("li", {}, h("a", { href: row ? address.toSeries(row) : one.name === "alerts" ? address.to("alerts") : (toMetric(store, series) ?? address.to("metrics")) }, words));
    });
    item.replaceChildren(
      h("span", { class: `points mark ${one.status}` }, `−${number(one.penalty)}`),
      h("div", {}, h("b", {}, one.name), one.name === "alerts" ? `: ${number(one.value)} firing` : ` is ${inUnit(one.value, one.unit)}, above ${inUnit(limit, one.unit)}`, shares.length > 0 ? h("ul", { class: "shares" }, shares) : ""),
    );
  }
}

/** Calls by outcome and durations of a series, side by side. */
export class Pair {
  constructor(name) {
    this.calls = new Stack({ title: "Calls ended, by outcome", note: name, series: OUTCOMES, show: rate });
    this.latency = new Lines({ title: "How long they took", note: name, series: LATENCIES, show: duration });
    this.element = h("div", { class: "pair" }, this.calls.element, this.latency.element);
  }

  update(store, row, limits = []) {
    const { cells, step } = store.grid;
    const common = { cells, step, timeOf: (place) => store.timeOf(place) };
    const rates = (place) => store.rates(row, (point) => point[place]);
    const column = (place) => store.column(row, (point) => point[place]);
    this.calls.update({ ...common, columns: { ok: rates(OK), error: rates(ERROR), panicked: rates(PANICKED), cancelled: rates(CANCELLED) } });
    this.latency.update({ ...common, limits, columns: { p50: column(P50), p95: column(P95), p99: column(P99) } });
  }
}

export class Overview {
  constructor() {
    this.title = "Overview";
    this.health = new Health();
    this.tiles = ["Rate", "Errors", "p50", "p95", "p99", "In flight"].map((title) => new Tile(title));
    this.heading = h("h2", {}, "");
    this.pair = new Pair("");
    this.kinds = new SeriesTable("By kind", {
      sort: { key: "rate", down: true },
      name: (row) => kindName(row.kind),
      link: (row) => address.to(PAGE_OF[row.kind] ?? "operations"),
    });
    this.slow = new SeriesTable("Slowest, by p95", { limit: 5, sort: { key: "p95", down: true }, compact: true });
    this.alerts = new AlertStrip(5);
    this.calls = new CallList("Running now, the oldest", 5);
    this.empty = h("p", { class: "card" }, "Nothing is measured yet. Put #[monitor(\"checkout\")] on a function, or the HttpLayer on your router, and it shows here with its first call.");
    this.body = h(
      "div",
      { class: "page" },
      this.heading,
      h("div", { class: "tiles" }, this.tiles.map((tile) => tile.element)),
      this.pair.element,
      h("h2", {}, "Everything that is measured"),
      this.kinds.element,
      h("div", { class: "pair" }, this.slow.element, this.calls.element),
    );
    this.element = h(
      "div",
      { class: "page" },
      h("h1", { class: "unseen" }, "Overview"),
      this.health.element,
      this.alerts.element,
      this.empty,
      this.body,
    );
  }

  update(store) {
    this.health.update(store);
    this.alerts.update(store);
    this.calls.update(store);
    const kinds = store.kinds().map((kind) => store.kind(kind));
    if (!store.grid) return;
    this.empty.hidden = kinds.length > 0;
    this.body.hidden = kinds.length === 0;
    if (kinds.length === 0) return;
    const main = kinds.find((row) => row.kind === "http_request" && row.count > 0) ?? kinds.toSorted((one, other) => other.count - one.count)[0];
    text(this.heading, kindName(main.kind));
    const [calls, errors, p50, p95, p99, flying] = this.tiles;
    calls.set(rate(main.rate), `${number(main.count)} in the last ${store.window}`);
    errors.set(share(main.error_rate), `${number(main.error + main.panicked)} failed`, main.error_rate > 0.05 ? "bad" : main.error_rate > 0.01 ? "warn" : "");
    p50.set(duration(main.p50), "half were faster");
    p95.set(duration(main.p95), "95 % were faster");
    p99.set(duration(main.p99), `longest ${duration(main.max)}`);
    flying.set(number(main.in_flight), main.oldest ? `oldest ${duration(main.oldest)}` : "started, not ended");
    this.pair.update(store, main);
    this.kinds.update(store, kinds);
    this.slow.update(store, store.rows.filter((row) => row && row.labels.length > 0 && row.count > 0));
  }
}

/** The series of some kinds: a chart and a table for each. */
export class Kinds {
  constructor(title, kinds) {
    this.title = title;
    this.kinds = kinds;
    this.parts = new Map();
    this.find = h("input", { type: "search", placeholder: "Find", "aria-label": `Find among ${title.toLowerCase()}`, value: address.read().params.get("find") ?? "", oninput: () => address.set({ find: this.find.value }) });
    this.sections = h("div", { class: "page" });
    this.none = h("p", { class: "card" }, `None are measured. Put ${HOW[kinds[0]]}, and they show here.`);
    // Until the service has said what there is, neither is so.
    this.none.hidden = true;
    this.find.hidden = true;
    this.element = h("div", { class: "page" }, h("div", { class: "line" }, h("h1", {}, title), this.find), this.none, this.sections);
  }

  update(store) {
    if (!store.grid) return;
    const words = this.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (row) => words.every((word) => row.name.toLowerCase().includes(word));
    const there = this.kinds.filter((kind) => store.kind(kind));
    this.none.hidden = there.length > 0;
    this.find.hidden = there.length === 0;
    const none = words.length > 0 ? "No name has these words." : undefined;
    keyed(this.sections, there, (kind) => kind, (kind) => this.make(kind));
    for (const kind of there) {
      const { pair, table } = this.parts.get(kind);
      pair.update(store, store.kind(kind));
      table.update(store, store.series(kind).filter(matches), none);
    }
  }

  make(kind) {
    const part = { pair: new Pair(""), table: new SeriesTable(kindName(kind)) };
    this.parts.set(kind, part);
    const isAlone = this.kinds.length === 1;
    return h("section", { class: "page" }, h("h2", { class: isAlone ? "unseen" : "" }, kindName(kind)), part.pair.element, part.table.element);
  }
}
