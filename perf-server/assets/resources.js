// The process and its host: a page for each part, of what is sampled there, and only of what there is.

import { h, text } from "./dom.js";
import { pageOf, PAGES } from "./pages.js";
import { Lines, Stack } from "./lines.js";
import { beginningWith, MetricTable } from "./metrics.js";
import { Tile } from "./tile.js";

/** So many colours there are, and lines in a chart. */
const COLOURS = 8;

/** The series of a line that are known now. */
function seriesOf(store, { of, where = {} }) {
  return store.metricsOf(of).filter(({ labels }) => Object.entries(where).every(([name, value]) => labelOf({ labels }, name) === value));
}

function nameOf({ label, by, of }, metric, isAlone) {
  const values = metric.labels.filter(([name]) => !by || by.includes(name)).map(([, value]) => value);
  if (label) return values.length > 0 && !isAlone ? `${label} ${values.join(" ")}` : label;
  return values.join(" ") || of.replaceAll("_", " ");
}

function labelOf(metric, wanted) {
  return metric.labels.find(([name]) => name === wanted)?.[1] ?? "";
}

/** The name of a line in its chart: a histogram may be drawn twice. */
function keyOf({ metric, line }) {
  return `${metric.key}${line.rate ?? ""}`;
}

/** One chart of a page. */
class Drawn {
  constructor(spec) {
    this.spec = spec;
    const Kind = spec.stack ? Stack : Lines;
    this.chart = new Kind({ title: spec.title, note: spec.note, show: spec.show, series: [], least: spec.least, signed: spec.signed });
    this.more = h("span", { class: "quiet" });
    this.chart.legend.after(this.more);
    this.element = this.chart.element;
  }

  /** Whether there is anything to draw. */
  update(store) {
    const { lines, limit, unlessZero } = this.spec;
    const found = lines.flatMap((line) => {
      // A histogram that was given nothing has no mean.
      const all = seriesOf(store, line).filter(({ kind, value }) => kind !== "histogram" || value > 0);
      return all.map((metric) => ({ metric, line, label: nameOf(line, metric, all.length === 1) }));
    });
    const isZero = unlessZero && found.every(({ metric }) => metric.value === 0);
    this.element.hidden = found.length === 0 || isZero;
    if (this.element.hidden) return false;
    const shown = found.slice(0, COLOURS);
    text(this.more, found.length > shown.length ? `and ${found.length - shown.length} more, below` : "");
    this.chart.setSeries(shown.map(({ metric, line, label }, place) => ({ key: keyOf({ metric, line }), label, colour: `c${place + 1}` })));
    const columns = Object.fromEntries(shown.map((one) => [keyOf(one), store.valuesOf(one.metric, one.line.rate)]));
    const { before } = store;
    const then = before && shown.map((one) => ({ key: keyOf(one), line: one.line, metric: before.metric(one.metric) })).filter(({ metric }) => metric);
    const were = then?.length > 0 ? Object.fromEntries(then.map(({ key, line, metric }) => [key, before.past.valuesOf(metric, line.rate)])) : null;
    const isOurs = ({ series }) => lines.some(({ of }) => of === series.split("{")[0]);
    const indicator = store.indicators?.get(limit);
    const limits = indicator ? [{ value: indicator.warning, colour: "warn", label: "warning" }, { value: indicator.critical, colour: "bad", label: "critical" }] : [];
    this.chart.update({ columns, grid: store.grid, limits, ...store.marked(isOurs), before: before?.columns(were, store.grid) });
    return true;
  }
}

/** A key figure. */
class Figure {
  constructor(spec) {
    this.spec = spec;
    this.tile = new Tile(spec.title, true);
    this.element = this.tile.element;
  }

  update(store) {
    const { show, of, note, said, which, indicator, isBad, sum, least } = this.spec;
    const all = store.now.metricsOf(of).toSorted((one, other) => (least ? one.value - other.value : other.value - one.value));
    this.element.hidden = all.length === 0;
    if (all.length === 0) return;
    const value = sum ? all.reduce((total, one) => total + one.value, 0) : all[0].value;
    const noted = note && store.now.metricsOf(note)[0]?.value;
    const words = which ? labelOf(all[0], which) : said && (!note || noted !== undefined) ? said(noted) : "";
    this.tile.set(show(value), words, isBad?.(value) ? "bad" : store.stateOf(indicator, of));
  }
}

export class Resources {
  constructor(spec) {
    this.spec = spec;
    this.title = spec.title;
    this.topic = { of: "metrics" };
    this.tiles = spec.tiles.map((one) => new Figure(one));
    this.sections = spec.sections.map(({ title, charts }) => {
      const drawn = charts.map((one) => new Drawn(one));
      const heading = h("h2", { class: spec.sections.length > 1 ? "" : "unseen" }, title);
      return { drawn, element: h("section", { class: "page", "aria-label": title }, heading, h("div", { class: "grid" }, drawn.map((one) => one.element))) };
    });
    this.strip = h("div", { class: "tiles" }, this.tiles.map((one) => one.element));
    this.none = h("p", { class: "card quiet" });
    this.isOurs = (name) => pageOf(name)?.id === spec.name;
    this.table = new MetricTable(`Every figure of: ${spec.title.toLowerCase()}`, ({ name }) => this.isOurs(name));
    this.every = h("details", { class: "every" }, h("summary", {}, "Every figure"), this.table.element);
    this.every.open = this.table.isSearched();
    this.element = h("div", { class: "page" }, h("div", { class: "line" }, h("h1", {}, spec.title)), this.strip, this.none, this.sections.map((one) => one.element), this.every);
  }

  past() {
    return beginningWith(PAGES.find(({ id }) => id === this.spec.name).metrics);
  }

  update(store) {
    if (!store.grid || !store.metrics) return;
    text(this.none, store.isPast ? "Nothing of this is known in this range." : "Nothing of this is sampled in this process now.");
    for (const one of this.tiles) one.update(store);
    const shown = this.sections.map(({ drawn, element }) => {
      const any = drawn.map((one) => one.update(store)).some(Boolean);
      element.hidden = !any;
      return any;
    });
    this.none.hidden = shown.some(Boolean);
    this.strip.hidden = this.tiles.every((one) => one.element.hidden);
    if (this.every.open) this.table.update(store);
  }
}
