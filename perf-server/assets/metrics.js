// Metrics as they stand: counters, gauges and histograms, each with its line over the window.

import { Delta } from "./compare.js";
import { breakable, h, keyed, text, wide } from "./dom.js";
import { growth, inUnit, number, rate, unitOf } from "./format.js";
import { spark } from "./draw.js";
import * as address from "./address.js";
import { pageOf } from "./pages.js";

/** How a metric stands; of a range the mean of a gauge, and how much a counter grew. */
function shown({ name, kind, unit: said, value, sum }) {
  const unit = unitOf(name, said);
  if (kind === "histogram") return `${number(value)}, mean ${inUnit(value > 0 ? sum / value : null, unit)}`;
  return inUnit(value, kind === "counter" && unit !== "bytes" && unit !== "seconds" ? "count" : unit);
}

/** The question for a range: metrics whose names begin so, those that only the past knows too. */
export function beginningWith(prefixes) {
  return prefixes.map((prefix) => ["series", `${prefix}*`]);
}

export class MetricTable {
  /** `wanted(metric)` says which of them are in it. */
  constructor(caption, wanted) {
    this.wanted = wanted;
    this.body = h("tbody");
    this.find = h("input", { type: "search", placeholder: "Find", "aria-label": `Find among: ${caption}`, value: address.read().params.get("find") ?? "", oninput: () => address.set({ find: this.find.value }) });
    this.none = h("p", { class: "quiet more" }, "No name and no label has these words.");
    this.value = h("th", { scope: "col", class: "number" }, "Value");
    const head = h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col", class: "trend" }, "Over time"), this.value, h("th", { scope: "col", class: "number wide" }, "Change"));
    this.element = h("div", { class: "page" }, h("div", { class: "line" }, this.find), wide(caption, h("table", { class: "metrics" }, h("caption", { class: "unseen" }, caption), h("thead", {}, head), this.body), this.none));
  }

  isSearched() {
    return this.find.value !== "";
  }

  /** How many there are, found or not. */
  update(store) {
    const words = this.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    text(this.value, store.isPast ? "Mean or growth" : "Value");
    const all = store.metricsOf(null).filter(this.wanted);
    const found = all.filter((metric) => words.every((word) => metric.key.toLowerCase().includes(word)));
    keyed(this.body, found, (metric) => metric.key, (metric) => this.make(metric), (row, metric) => {
      text(row.value, shown(metric));
      // How it stands now is nothing to compare with how it was on average.
      const compared = store.isPast ? store.before : null;
      row.delta.set(compared, { now: metric.value, was: compared?.metric(metric)?.value, show: (value) => shown({ ...metric, ...compared.metric(metric), value }) });
      const isRate = metric.kind !== "gauge";
      const box = row.getBoundingClientRect();
      const values = store.valuesOf(metric, isRate);
      const last = metric.growth ?? values.findLast((value) => !Number.isNaN(value)) ?? null;
      // A histogram is counted, whatever its values are in.
      const change = metric.kind === "counter" ? growth(last, unitOf(metric.name, metric.unit)) : rate(last);
      text(row.children[3], isRate ? change : "");
      if (box.top >= innerHeight || box.bottom <= 0) return;
      const then = store.before?.metric(metric);
      const before = then && store.before.columns({ values: store.before.past.valuesOf(then, isRate) }, store.grid).columns;
      spark(row.querySelector("canvas"), values, "accent", { before: before?.values });
    });
    this.none.hidden = found.length > 0;
    return all.length;
  }

  make(metric) {
    const labels = metric.labels.map(([name, value]) => `${name}=${value}`).join(", ");
    const [value, delta] = [h("span"), new Delta()];
    const row = h("tr", {}, h("th", { scope: "row", class: "name", title: metric.help }, breakable(metric.name), labels && h("span", { class: "quiet" }, ` ${labels}`)), h("td", { class: "trend" }, h("canvas", { class: "spark", "aria-hidden": "true" })), h("td", { class: "number" }, value, delta.element), h("td", { class: "number wide" }));
    return Object.assign(row, { value, delta });
  }
}

/** The application's own. */
export class Metrics {
  constructor() {
    this.title = "Own metrics";
    this.topic = { of: "metrics" };
    this.table = new MetricTable("Own metrics", ({ name }) => !pageOf(name));
    this.none = h("p", { class: "card quiet" });
    this.element = h("div", { class: "page" }, h("h1", {}, "Own metrics"), this.none, this.table.element);
  }

  past() {
    return beginningWith([""]);
  }

  update(store) {
    if (!store.grid || !store.metrics) return;
    text(this.none, store.isPast ? "No metric of the application's own is known in this range." : "The application counts nothing of its own. It can: through the metrics facade, or with record_custom_metric.");
    const count = this.table.update(store);
    this.none.hidden = count > 0;
    this.table.element.hidden = count === 0;
  }
}
