// A table of series: sorted by any column, searched, with a line for each over the window.

import { Delta } from "./compare.js";
import { attribute, breakable, h, keyed, steady, text } from "./dom.js";
import { spark } from "./draw.js";
import { duration, label, number, rate, share } from "./format.js";
import * as address from "./address.js";
import { CANCELLED, ERROR, OK, P95, PANICKED } from "./store.js";

const failed = (point) => point[ERROR] + point[PANICKED];
const cut = (point) => point[CANCELLED];
const ended = (point) => point[OK] + failed(point) + cut(point);

const COLUMNS = [
  { key: "rate", title: "Rate", show: rate, class: "" },
  { key: "error_rate", title: "Errors", show: share, class: "", aspect: "errors", isShare: true },
  { key: "cancelled_rate", title: "Cancelled", show: share, class: "cut", aspect: "cancelled", isShare: true },
  { key: "p50", title: "p50", show: duration, class: "wide" },
  { key: "p95", title: "p95", show: duration, class: "" },
  { key: "p99", title: "p99", show: duration, class: "wide" },
  { key: "in_flight", title: "In flight", show: number, class: "wide now" },
];

/** How the address says that a table is sorted: `p95` ascending, `-p95` descending. */
function order() {
  const wanted = address.read().params.get("sort") ?? "-rate";
  return { key: wanted.replace(/^-/, ""), down: wanted.startsWith("-") };
}

function compare(one, other, { key, down }) {
  if (key === "name") return (down ? -1 : 1) * label(one).localeCompare(label(other));
  const [ours, theirs] = [one[key] ?? -1, other[key] ?? -1];
  return (down ? theirs - ours : ours - theirs) || label(one).localeCompare(label(other));
}

export class SeriesTable {
  constructor(caption, { limit = Infinity, sort = null, name = label, link = address.toSeries, compact = false } = {}) {
    Object.assign(this, { limit, sort, name, link });
    this.body = h("tbody");
    this.heads = new Map();
    this.caption = h("caption", {}, caption);
    this.head = h("thead", {}, this.headings());
    this.table = h("table", { class: compact ? "series compact" : "series" }, this.caption, this.head, this.body);
    this.more = h("p", { class: "quiet more" });
    this.element = h("div", { class: "card scroll" }, this.table, this.more);
    this.visible = new Set();
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) {
          this.visible.add(target);
          this.paint(target);
        } else this.visible.delete(target);
      }
    }, { rootMargin: "100px" });
  }

  headings() {
    const heading = (key, title, kind) => {
      const cell = h("th", { scope: "col", class: kind, "data-key": key });
      if (this.sort) cell.append(title);
      else cell.append(h("button", { type: "button", class: "sort", onclick: () => this.sortBy(key) }, title));
      this.heads.set(key, cell);
      return cell;
    };
    return h(
      "tr",
      {},
      heading("name", "Name", "name"),
      h("th", { scope: "col", class: "trend" }, "Throughput, errors"),
      h("th", { scope: "col", class: "trend wide" }, "p95"),
      COLUMNS.map(({ key, title, class: kind }) => heading(key, title, `number ${kind}`)),
    );
  }

  sortBy(key) {
    const now = order();
    const down = now.key === key ? !now.down : key !== "name";
    this.held = false;
    address.set({ sort: `${down ? "-" : ""}${key}` });
  }

  /** `none` says why there are no rows. */
  update(store, rows, none = "Nothing here yet.") {
    this.store = store;
    const by = this.sort ?? order();
    for (const [key, cell] of this.heads) {
      attribute(cell, "aria-sort", !this.sort && by.key === key ? (by.down ? "descending" : "ascending") : null);
    }
    const sorted = steady(this.body, rows.toSorted((one, other) => compare(one, other, by)), (row) => row.name);
    const few = sorted.slice(0, this.limit);
    keyed(this.body, few, (row) => row.name, (row) => this.make(row), (element, row) => this.fill(element, row));
    text(this.more, rows.length === 0 ? none : few.length < rows.length && !this.sort ? `${rows.length - few.length} more` : "");
    this.more.hidden = this.more.textContent === "";
    this.head.hidden = rows.length === 0;
    // Where there is little room, the column is there when somebody should see it.
    this.table.classList.toggle("cuts", few.some((row) => store.judge(`${row.kind}.cancelled`, row.cancelled_rate) !== ""));
    for (const element of this.visible) this.paint(element);
  }

  make(row) {
    const trend = () => h("canvas", { class: "spark", "aria-hidden": "true" });
    const element = h(
      "tr",
      {},
      h("th", { scope: "row", class: "name" }, h("a", { href: this.link(row), title: row.name }, breakable(this.name(row)))),
      h("td", { class: "trend" }, trend()),
      h("td", { class: "trend wide" }, trend()),
    );
    element.trends = element.querySelectorAll("canvas");
    element.fields = COLUMNS.map(({ class: kind, title }) => {
      const [value, delta] = [h("span"), new Delta()];
      element.append(h("td", { class: `number ${kind}`, "data-title": title }, value, delta.element));
      return { value, delta };
    });
    element.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !getSelection().toString()) location.hash = this.link(row);
    });
    this.sight.observe(element);
    return element;
  }

  fill(element, row) {
    element.row = row;
    attribute(element.querySelector("a"), "href", this.link(row));
    const { before } = this.store;
    const then = before?.row(this.store, row);
    COLUMNS.forEach(({ key, show, aspect, isShare }, place) => {
      const { value, delta } = element.fields[place];
      text(value, show(row[key]));
      // Of what is so now nothing is known of then.
      delta.set(key === "in_flight" ? null : before, { now: row[key], was: then?.[key], show, isShare });
      // In the colour in which the health sees such a share of the kind's calls.
      if (aspect) attribute(value.parentElement, "data-state", this.store.judge(`${row.kind}.${aspect}`, row[key]) || null);
    });
    element.classList.toggle("idle", row.count === 0 && row.in_flight === 0);
  }

  paint(element) {
    const { store } = this;
    if (!store?.grid || !element.row) return;
    store.sights?.want(element.row);
    const columns = (of, row) => ({ calls: of.rates(row, ended), latency: of.column(row, (point) => point[P95]) });
    const now = columns(store, element.row);
    const then = store.before?.row(store, element.row);
    const before = (then && store.before.columns(columns(store.before.past, then), store.grid).columns) ?? {};
    const faults = [[store.rates(element.row, failed), "error"], [store.rates(element.row, cut), "cancelled"]];
    const [calls, latency] = element.trends;
    spark(calls, now.calls, "accent", { faults, before: before.calls });
    spark(latency, now.latency, "p95", { before: before.latency });
  }
}

/** The columns of a chart of calls by outcome, and of one of durations. */
export const OUTCOMES = [
  { key: "ok", label: "ok", colour: "ok" },
  { key: "error", label: "error", colour: "error" },
  { key: "panicked", label: "panicked", colour: "panicked" },
  { key: "cancelled", label: "cancelled", colour: "cancelled" },
];
export const LATENCIES = [
  { key: "p50", label: "p50", colour: "p50" },
  { key: "p95", label: "p95", colour: "p95" },
  { key: "p99", label: "p99", colour: "p99" },
];
