// The course of a series beside what was expected of it, minute by minute, where incidents are looked for.

import { Question } from "./ask.js";
import { Chart, cursorPlace, TOP } from "./charts.js";
import { attribute, h, text } from "./dom.js";
import { band, colour, largest, line } from "./draw.js";
import { duration, inWords, share } from "./format.js";
import { PARTS } from "./pages.js";
import { timeOf } from "./store.js";

const MINUTE = 60_000;
/** Bounds that lie further off than so many times the highest value are cut: the value is to be seen. */
const ROOM = 3;

/** Steps of an answer on the grid of a page: of those in one place the unusual one, else the last that is known. */
function onGrid({ step, found }, grid) {
  const length = 1000 * step;
  const byTime = new Map(found.map((one) => [Math.floor(Date.parse(one.time) / length), one]));
  const columns = { value: new Float64Array(grid.cells).fill(NaN), low: new Float64Array(grid.cells).fill(NaN), high: new Float64Array(grid.cells).fill(NaN) };
  const unusual = new Set();
  for (let place = 0; place < grid.cells; place += 1) {
    const [first, last] = [timeOf(grid, place), timeOf(grid, place + 1) - 1].map((at) => Math.floor(at / length));
    let shown = null;
    for (let at = first; at <= last; at += 1) {
      const one = byTime.get(at);
      if (one && (one.unusual || !shown?.unusual)) shown = one;
    }
    if (!shown) continue;
    if (shown.unusual) unusual.add(place);
    for (const key of ["value", "low", "high"]) columns[key][place] = shown[key] ?? NaN;
  }
  return { columns, unusual };
}

/** A line over the space that it was expected in; unusual steps are marked. */
class Within extends Chart {
  updateFound(answer, grid, marks) {
    const { columns, unusual } = onGrid(answer, grid);
    this.unusual = unusual;
    text(this.note, `of ${inWords(answer.step)} each; tinted: within what was expected, by the time before`);
    this.update({ columns, grid, marks });
  }

  top() {
    const { value, low, high } = this.data.columns;
    const most = largest(value, low);
    return Math.max(most, Math.min(largest(high), ROOM * most));
  }

  paint(pen, x, wide, floor) {
    const { value, low, high } = this.data.columns;
    const y = (height) => Math.min(floor, Math.max(TOP, this.y(height)));
    band(pen, low, high, x, y, wide, colour("accent"), 0.14);
    line(pen, value, x, this.y, colour("accent"));
    pen.fillStyle = colour("bad");
    for (const place of this.unusual) {
      pen.beginPath();
      pen.arc(x(place), y(value[place]), 3, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  words(values) {
    const place = cursorPlace();
    const { low, high } = this.data.columns;
    const bounds = Number.isNaN(low[place]) ? "expected: not known" : `expected ${this.show(low[place])} to ${this.show(high[place])}`;
    return super.words([...values, bounds, ...(this.unusual.has(place) ? ["unusual"] : [])]);
  }

  inFull(values) {
    const times = this.unusual.size;
    return super.inFull(`${values}; ${times === 0 ? "never unusual" : `unusual in ${times} of ${this.data.cells} steps`}`);
  }
}

/** The two figures that are watched: their titles, and how they are written. */
const FIGURES = {
  latency: { title: "Mean duration, and as expected", label: "mean", show: duration },
  errors: { title: "Share of failures, and as expected", label: "failed", show: share },
};

export class Expected {
  constructor() {
    this.parts = Object.entries(FIGURES).map(([figure, { title, label, show }]) => {
      const chart = new Within({ title, series: [{ key: "value", label, colour: "accent" }], show });
      const part = { figure, chart, answer: null };
      part.question = new Question("api/v1/insight/expected", (answer) => (part.answer = answer));
      return part;
    });
    this.element = h("div", { class: "pair", hidden: true }, this.parts.map(({ chart }) => chart.element));
  }

  update(store, row) {
    if (!PARTS.includes("insight")) return;
    const { grid } = store;
    const whole = (millis) => new Date(Math.ceil(millis / MINUTE) * MINUTE).toISOString();
    const [from, to] = [timeOf(grid, 0) - MINUTE, timeOf(grid, grid.cells)].map(whole);
    for (const { figure, question, chart, answer: all } of this.parts) {
      const labels = row.labels.map(([name, value]) => ["label", `${name}=${value}`]);
      const name = JSON.stringify([figure, row.name, grid.step, grid.cells, store.key]);
      question.askAt([["kind", row.kind], ...labels, ["figure", figure], ["from", from], ["to", to]], Date.parse(to), name);
      const found = all?.series.find(({ series }) => series === row.name)?.found ?? [];
      attribute(chart.element, "hidden", found.length > 0 ? null : "");
      if (found.length > 0) chart.updateFound({ step: all.step, found }, grid, store.marks());
    }
    this.element.hidden = this.parts.every(({ chart }) => chart.element.hidden);
  }
}
