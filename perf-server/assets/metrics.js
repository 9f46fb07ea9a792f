// The application's own metrics: counters, gauges and histograms of its own names.

import { h, keyed, text } from "./dom.js";
import { duration, inUnit, number, rate } from "./format.js";
import { spark } from "./draw.js";
import * as address from "./address.js";

/** What is worth a look: of counters and histograms the rate, of gauges the value. */
function drawn(metric) {
  if (metric.kind === "gauge") return Float64Array.from(metric.seen);
  return Float64Array.from(metric.seen.slice(1), (value, place) => Math.max(0, value - metric.seen[place]));
}

function shown(metric) {
  if (metric.kind === "histogram") {
    const { count, sum } = metric.value;
    const mean = count > 0 ? sum / count : null;
    return `${number(count)}, mean ${metric.unit === "seconds" ? duration(mean) : inUnit(mean, metric.unit)}`;
  }
  return inUnit(metric.value, metric.kind === "counter" ? "count" : unitOf(metric));
}

/** Where nobody said a unit, the name may. */
function unitOf({ name, unit }) {
  if (unit) return unit === "percent" ? "%" : unit;
  return ["seconds", "bytes", "ratio"].find((end) => name.endsWith(`_${end}`)) ?? "";
}

export class Metrics {
  constructor() {
    this.title = "Own metrics";
    this.body = h("tbody");
    this.find = h("input", { type: "search", placeholder: "Find", "aria-label": "Find among own metrics", value: address.read().params.get("find") ?? "", oninput: () => address.set({ find: this.find.value }) });
    this.none = h("p", { class: "quiet more" }, "The application counts nothing of its own. It can: through the metrics facade, or with record_custom_metric.");
    const head = h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col", class: "trend" }, "Since this page was opened"), h("th", { scope: "col", class: "number" }, "Value"), h("th", { scope: "col", class: "number wide" }, "Change"));
    this.element = h("div", { class: "page" }, h("div", { class: "line" }, h("h1", {}, "Own metrics"), this.find), h("div", { class: "card scroll" }, h("table", { class: "series" }, h("caption", { class: "unseen" }, "Own metrics"), h("thead", {}, head), this.body), this.none));
  }

  update(store) {
    const words = this.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...(store.metrics?.values() ?? [])];
    const found = all.filter((metric) => words.every((word) => metric.key.toLowerCase().includes(word)));
    this.none.hidden = all.length > 0;
    keyed(this.body, found, (metric) => metric.key, (metric) => this.make(metric), (row, metric) => {
      text(row.children[2], shown(metric));
      const values = drawn(metric);
      text(row.children[3], metric.kind === "gauge" ? "" : rate(values.at(-1) ?? null));
      if (row.getBoundingClientRect().top < innerHeight) spark(row.querySelector("canvas"), values, null, "accent");
    });
  }

  make(metric) {
    const labels = metric.labels.map(([name, value]) => `${name}=${value}`).join(", ");
    return h("tr", {}, h("th", { scope: "row", class: "name", title: metric.help }, metric.name, labels && h("span", { class: "quiet" }, ` ${labels}`)), h("td", { class: "trend" }, h("canvas", { class: "spark", "aria-hidden": "true" })), h("td", { class: "number" }), h("td", { class: "number wide" }));
  }
}
