// Metrics as they stand: counters, gauges and histograms, each with its line over the window.

import { breakable, h, keyed, text, wide } from "./dom.js";
import { growth, inUnit, number, rate, unitOf } from "./format.js";
import { spark } from "./draw.js";
import * as address from "./address.js";
import { pageOf } from "./pages.js";

/** How a metric is called that can be asked for by its name. */
const ASKED = /^[A-Za-z_:][A-Za-z0-9_:.]*$/;

/** How a metric stands; of a range the mean of a gauge, and how much a counter grew. */
function shown({ name, kind, unit: said, value, sum }) {
  const unit = unitOf(name, said);
  if (kind === "histogram") return `${number(value)}, mean ${inUnit(value > 0 ? sum / value : null, unit)}`;
  return inUnit(value, kind === "counter" && unit !== "bytes" && unit !== "seconds" ? "count" : unit);
}

/** What is asked for of a range: the metrics that are known now, by what they are called. `null` until that is known. */
export function named(live, isWanted) {
  const names = live.names?.filter((name) => isWanted(name) && ASKED.test(name));
  return names?.map((name) => ["series", name]) ?? null;
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
      text(row.children[2], shown(metric));
      const isRate = metric.kind !== "gauge";
      const box = row.getBoundingClientRect();
      const values = store.valuesOf(metric, isRate);
      const last = metric.growth ?? values.findLast((value) => !Number.isNaN(value)) ?? null;
      // A histogram is counted, whatever its values are in.
      const change = metric.kind === "counter" ? growth(last, unitOf(metric.name, metric.unit)) : rate(last);
      text(row.children[3], isRate ? change : "");
      if (box.top < innerHeight && box.bottom > 0) spark(row.querySelector("canvas"), values, "accent");
    });
    this.none.hidden = found.length > 0;
    return all.length;
  }

  make(metric) {
    const labels = metric.labels.map(([name, value]) => `${name}=${value}`).join(", ");
    return h("tr", {}, h("th", { scope: "row", class: "name", title: metric.help }, breakable(metric.name), labels && h("span", { class: "quiet" }, ` ${labels}`)), h("td", { class: "trend" }, h("canvas", { class: "spark", "aria-hidden": "true" })), h("td", { class: "number" }), h("td", { class: "number wide" }));
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

  past(live) {
    return named(live, (name) => !pageOf(name));
  }

  update(store) {
    if (!store.grid || !store.metrics) return;
    text(this.none, store.isPast ? "No metric of the application's own is known in this range." : "The application counts nothing of its own. It can: through the metrics facade, or with record_custom_metric.");
    const count = this.table.update(store);
    this.none.hidden = count > 0;
    this.table.element.hidden = count === 0;
  }
}
