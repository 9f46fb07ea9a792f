// The first page: how well the service is and why, what it does, what is wrong now.

import { h, keyed, text } from "./dom.js";
import { Lines, Stack } from "./lines.js";
import { duration, kindName, number, rate, share } from "./format.js";
import * as address from "./address.js";
import { LATENCIES, OUTCOMES, SeriesTable } from "./table.js";
import { CANCELLED, dropped, ERROR, failed, OK, P50, P95, P99, PANICKED } from "./store.js";
import { AlertStrip, touches } from "./alerts.js";
import { Cards } from "./cards.js";
import { CallList, flying } from "./calls.js";
import { Course } from "./course.js";
import { FailingMost } from "./errors.js";
import { Health } from "./health.js";
import { Objectives } from "./objectives.js";
import { pageOfKind, PAGES } from "./pages.js";
import { Tile } from "./tile.js";
import { TimeGoes } from "./tree.js";

/** The attribute that puts a kind here, for a reader who has none of it yet. */
const HOW = {
  http_request: "the HttpLayer on your router",
  db_operation: '#[monitor_db_operation("select", "users")] on a function',
  workflow: '#[monitor_workflow("data_processing")] on a function',
  agent: '#[monitor_agent("researcher")] on a function',
  external_call: '#[monitor_external_call("stripe", "charge")] on a function, or the ClientLayer around your client',
  operation: '#[monitor("checkout")] on a function',
};

/** The columns of both, of a series in a store. */
function rates(store, row) {
  const of = (place) => store.rates(row, (point) => point[place]);
  return { ok: of(OK), error: of(ERROR), panicked: of(PANICKED), cancelled: of(CANCELLED) };
}

function latencies(store, row) {
  const of = (place) => store.column(row, (point) => point[place]);
  return { p50: of(P50), p95: of(P95), p99: of(P99) };
}

/** Calls by outcome and durations of a series, side by side. */
export class Pair {
  /** `Latency` is the sort of chart that durations are in. */
  constructor(name, Latency = Lines) {
    this.calls = new Stack({ title: "Throughput by outcome", note: name, series: OUTCOMES, show: rate });
    this.latency = new Latency({ title: "Latency", note: name, series: LATENCIES, show: duration });
    this.element = h("div", { class: "pair" }, this.calls.element, this.latency.element);
  }

  /** Shows when alerts fired that `isOurs(alert)`: those about the series, unless said. */
  update(store, row, { limits = [], isOurs = (alert) => touches(alert, row) } = {}) {
    const common = { grid: store.grid, ...store.marked(isOurs) };
    const { before } = store;
    const then = before?.row(store, row);
    const both = (columns) => ({ columns: columns(store, row), before: before?.columns(then && columns(before.past, then), store.grid) });
    this.calls.update({ ...common, ...both(rates) });
    this.latency.update({ ...common, limits, ...both(latencies) });
  }
}

/** How many calls failed, and how many ended in an error that is none. */
function failedOf(row) {
  const expected = row.expected_errors ?? 0;
  return `${number(failed(row))} failed${expected > 0 ? `, and ${number(expected)} expected errors` : ""}`;
}

/** How many calls were dropped, and how many of them by plan. */
function droppedOf(row) {
  const byPlan = row.cancelled - dropped(row);
  return `${number(dropped(row))} dropped${byPlan > 0 ? `, and ${number(byPlan)} by plan` : ""}`;
}

/** All series of a kind, as one asks for them. */
const wholeKind = (kind) => ["series", `${kind}{}`];

export class Overview {
  constructor() {
    this.title = "Overview";
    this.needs = ["indicator_values"];
    this.health = new Health();
    this.course = new Course();
    this.objectives = new Objectives();
    this.tiles = ["Rate", "Errors", "Cancelled", "p50", "p95", "p99", "In flight"].map((title) => new Tile(title, title === "In flight"));
    this.heading = h("h2", {}, "");
    this.pair = new Pair("");
    this.kinds = new SeriesTable("By kind", {
      sort: { key: "rate", down: true },
      name: (row) => kindName(row.kind),
      link: (row) => address.to(pageOfKind(row.kind)),
    });
    this.slow = new SeriesTable("Slowest, by p95", { limit: 5, sort: { key: "p95", down: true }, compact: true });
    this.cards = new Cards();
    this.alerts = new AlertStrip({ limit: 5 });
    this.calls = new CallList("In flight, oldest first", 5);
    this.time = new TimeGoes();
    this.failing = new FailingMost(5);
    this.empty = h("p", { class: "card" }, "Nothing is measured yet. Put #[monitor(\"checkout\")] on a function, or the HttpLayer on your router, and it shows here with its first call.");
    this.body = h(
      "div",
      { class: "page" },
      this.heading,
      h("div", { class: "tiles" }, this.tiles.map((tile) => tile.element)),
      this.pair.element,
      this.course.element,
      h("h2", {}, "All instrumented work"),
      this.kinds.element,
      this.time.element,
      this.objectives.element,
      h("div", { class: "pair" }, this.slow.element, this.calls.element),
    );
    this.element = h(
      "div",
      { class: "page" },
      h("h1", { class: "unseen" }, "Overview"),
      this.health.element,
      this.cards.element,
      this.alerts.element,
      this.failing.element,
      this.empty,
      this.body,
    );
  }

  /** The question for a range. */
  past() {
    return PAGES.flatMap(({ kinds }) => kinds).map(wholeKind);
  }

  update(store) {
    this.health.update(store);
    this.cards.update(store);
    this.alerts.update(store);
    this.calls.update(store.calls ?? [], flying(store.now));
    this.course.update(store);
    this.objectives.update(store);
    const kinds = store.kinds().map((kind) => store.kind(kind));
    if (!store.grid) return;
    this.empty.hidden = kinds.length > 0;
    this.body.hidden = kinds.length === 0;
    if (kinds.length === 0) return;
    const main = kinds.find((row) => row.kind === "http_request" && row.count > 0) ?? kinds.toSorted((one, other) => other.count - one.count)[0];
    text(this.heading, kindName(main.kind));
    const [calls, errors, cancelled, p50, p95, p99, inFlight] = this.tiles;
    calls.set(rate(main.rate), `${number(main.count)} ${store.within()}`);
    errors.set(share(main.error_rate), failedOf(main), store.judge(`${main.kind}.errors`, main.error_rate));
    cancelled.set(share(main.cancelled_rate), droppedOf(main), store.judge(`${main.kind}.cancelled`, main.cancelled_rate));
    p50.set(duration(main.p50), "half were faster");
    p95.set(duration(main.p95), "95 % were faster");
    p99.set(duration(main.p99), `longest ${duration(main.max)}`);
    const then = store.before?.row(store, main);
    const compared = [["rate", rate], ["error_rate", share, true], ["cancelled_rate", share, true], ["p50", duration], ["p95", duration], ["p99", duration]];
    compared.forEach(([key, show, isShare], place) => this.tiles[place].delta.set(store.before, { now: main[key], was: then?.[key], show, isShare }));
    inFlight.set(number(main.in_flight), main.oldest ? `oldest ${duration(main.oldest)}` : "right now");
    // Whatever is wrong shows here.
    this.pair.update(store, main, { isOurs: () => true });
    this.kinds.update(store, kinds);
    this.time.update(store);
    this.failing.update(store, kinds);
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

  past() {
    return this.kinds.map(wholeKind);
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
