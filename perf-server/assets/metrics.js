// Metrics as they stand: counters, gauges and histograms, each with its line over the window.

import { h, keyed, text } from "./dom.js";
import { duration, inUnit, number, rate } from "./format.js";
import { spark } from "./draw.js";
import * as address from "./address.js";
import { pageOf } from "./catalog.js";

function shown(metric) {
  if (metric.kind === "histogram") {
    const { count, sum } = metric;
    const mean = count > 0 ? sum / count : null;
    return `${number(count)}, mean ${unitOf(metric) === "seconds" ? duration(mean) : inUnit(mean, unitOf(metric))}`;
  }
  const unit = unitOf(metric);
  return inUnit(metric.value, metric.kind === "counter" && unit !== "bytes" && unit !== "seconds" ? "count" : unit);
}

/** Where nobody said a unit, the name may. */
function unitOf({ name, unit }) {
  if (unit) return { percent: "%", bytes_per_hour: "B/h", bytes_per_call: "B a call" }[unit] ?? unit;
  const bare = name.replace(/_total$/, "");
  return ["seconds", "bytes", "ratio"].find((end) => bare.endsWith(`_${end}`)) ?? "";
}

export class MetricTable {
  /** `wanted(metric)` says which of them are in it. */
  constructor(caption, wanted) {
    this.wanted = wanted;
    this.body = h("tbody");
    this.find = h("input", { type: "search", placeholder: "Find", "aria-label": `Find among: ${caption}`, value: address.read().params.get("find") ?? "", oninput: () => address.set({ find: this.find.value }) });
    const head = h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col", class: "trend" }, "Over the window"), h("th", { scope: "col", class: "number" }, "Value"), h("th", { scope: "col", class: "number wide" }, "Change"));
    this.element = h("div", { class: "page" }, h("div", { class: "line" }, this.find), h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": caption }, h("table", { class: "metrics" }, h("caption", { class: "unseen" }, caption), h("thead", {}, head), this.body)));
  }

  isSearched() {
    return this.find.value !== "";
  }

  /** How many there are, found or not. */
  update(store) {
    const words = this.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = store.metricsOf(null).filter(this.wanted);
    const found = all.filter((metric) => words.every((word) => metric.key.toLowerCase().includes(word)));
    keyed(this.body, found, (metric) => metric.key, (metric) => this.make(metric), (row, metric) => {
      text(row.children[2], shown(metric));
      const isRate = metric.kind !== "gauge";
      const box = row.getBoundingClientRect();
      const values = store.valuesOf(metric, isRate);
      const last = values.findLast((value) => !Number.isNaN(value)) ?? null;
      text(row.children[3], isRate ? rate(last) : "");
      if (box.top < innerHeight && box.bottom > 0) spark(row.querySelector("canvas"), values, null, "accent");
    });
    return all.length;
  }

  make(metric) {
    const labels = metric.labels.map(([name, value]) => `${name}=${value}`).join(", ");
    return h("tr", {}, h("th", { scope: "row", class: "name", title: metric.help }, metric.name, labels && h("span", { class: "quiet" }, ` ${labels}`)), h("td", { class: "trend" }, h("canvas", { class: "spark", "aria-hidden": "true" })), h("td", { class: "number" }), h("td", { class: "number wide" }));
  }
}

/** The application's own. */
export class Metrics {
  constructor() {
    this.title = "Own metrics";
    this.topic = { of: "metrics" };
    this.table = new MetricTable("Own metrics", ({ name }) => !pageOf(name));
    this.none = h("p", { class: "card quiet" }, "The application counts nothing of its own. It can: through the metrics facade, or with record_custom_metric.");
    this.element = h("div", { class: "page" }, h("h1", {}, "Own metrics"), this.none, this.table.element);
  }

  update(store) {
    if (!store.grid || !store.metrics) return;
    const count = this.table.update(store);
    this.none.hidden = count > 0;
    this.table.element.hidden = count === 0;
  }
}
