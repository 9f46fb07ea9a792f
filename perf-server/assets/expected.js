// The course of a series beside what was expected of it, step by step, where incidents are looked for.

import { touches } from "./alerts.js";
import { Question } from "./ask.js";
import { Chart, cursorPlace, TOP } from "./charts.js";
import { h, text } from "./dom.js";
import { band, colour, largest, line } from "./draw.js";
import { duration, inWords, number, share } from "./format.js";
import { PARTS } from "./pages.js";
import { timeOf } from "./store.js";

const MINUTE = 60_000;
/** Bounds that lie further off than so many times the highest value are cut: the value is to be seen. */
const ROOM = 3;

const isKnown = (value) => value !== null && value !== undefined;

/** Steps of an answer on the grid of a page: of several in one place the highest value, and the widest bounds. */
function onGrid({ step, found }, grid) {
  const length = 1000 * step;
  const byTime = new Map(found.map((one) => [Math.floor(Date.parse(one.time) / length), one]));
  const empty = () => new Float64Array(grid.cells).fill(NaN);
  const columns = { value: empty(), low: empty(), high: empty() };
  /** Places of unusual steps; of one that goes over several the first. */
  const dots = new Set();
  let before = -1;
  for (let place = 0; place < grid.cells; place += 1) {
    const [first, last] = [timeOf(grid, place), timeOf(grid, place + 1) - 1].map((at) => Math.floor(at / length));
    const here = Array.from({ length: last - first + 1 }, (_, at) => byTime.get(first + at)).filter(Boolean);
    const all = (key) => here.map((one) => one[key]).filter(isKnown);
    const put = (key, of, values) => (columns[key][place] = values.length > 0 ? of(...values) : NaN);
    put("value", Math.max, all("value"));
    put("low", Math.min, all("low"));
    put("high", Math.max, all("high"));
    if (last > before && here.some((one) => one.unusual)) dots.add(place);
    before = last;
  }
  return { columns, dots };
}

/** A line over the space that it was expected in; unusual steps are marked. */
class Within extends Chart {
  updateFound(answer, grid, marked) {
    const { columns, dots } = onGrid(answer, grid);
    const [from, to] = [timeOf(grid, 0) - 1000 * answer.step, timeOf(grid, grid.cells)];
    this.judged = answer.found.filter(({ time, unusual }) => isKnown(unusual) && Date.parse(time) > from && Date.parse(time) < to);
    this.dots = dots;
    const [of, each] = [inWords(answer.step), inWords(grid.step)];
    text(this.note, `${grid.step > answer.step ? `of ${of}, the highest in each ${each}` : `of ${of} each`}; tinted: within what was expected, by the time before`);
    this.update({ columns, grid, ...marked });
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
    for (const place of this.dots) {
      pen.beginPath();
      pen.arc(x(place), y(value[place]), 3, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  words(values) {
    const place = cursorPlace();
    const { low, high } = this.data.columns;
    const bounds = Number.isNaN(low[place] + high[place]) ? "expected: not known" : `expected ${this.show(low[place])} to ${this.show(high[place])}`;
    return super.words([...values, bounds, ...(this.dots.has(place) ? ["unusual"] : [])]);
  }

  inFull(values) {
    const times = this.judged.filter(({ unusual }) => unusual).length;
    return super.inFull(`${values}; unusual in ${number(times)} of ${number(this.judged.length)} steps of which it is known`);
  }
}

/** The two figures that are watched: their titles, how they are written, and the highest value that there is. */
const FIGURES = {
  latency: { title: "Mean duration, and as expected", label: "mean", show: duration, most: Infinity },
  errors: { title: "Share of failures, and as expected", label: "failed", show: share, most: 1 },
};

export class Expected {
  constructor() {
    this.parts = Object.entries(FIGURES).map(([figure, { title, label, show, most }]) => {
      const chart = new Within({ title, series: [{ key: "value", label, colour: "accent" }], show });
      const part = { figure, chart, most, answer: null };
      part.question = new Question("api/v1/insight/expected", (answer) => (part.answer = answer));
      return part;
    });
    this.element = h("div", { class: "pair", hidden: true }, this.parts.map(({ chart }) => chart.element));
  }

  update(store, row) {
    // A kind as a whole is no series that is watched.
    if (!PARTS.includes("insight") || row.labels.length === 0) return;
    const { grid } = store;
    const whole = (millis) => new Date(Math.ceil(millis / MINUTE) * MINUTE).toISOString();
    const [from, to] = [timeOf(grid, 0) - MINUTE, timeOf(grid, grid.cells)].map(whole);
    for (const { figure, question, chart, most, answer } of this.parts) {
      const labels = row.labels.map(([name, value]) => ["label", `${name}=${value}`]);
      const name = JSON.stringify([figure, row.name, grid.step, store.key]);
      question.askAt([["kind", row.kind], ...labels, ["figure", figure], ["from", from], ["to", to]], Date.parse(to), name);
      const found = (answer?.series.find(({ series }) => series === row.name)?.found ?? []).map((one) => {
        const within = (bound) => (isKnown(bound) ? Math.min(most, Math.max(0, bound)) : null);
        return { ...one, low: within(one.low), high: within(one.high) };
      });
      chart.element.hidden = found.length === 0;
      if (found.length > 0) chart.updateFound({ step: answer.step, found }, grid, store.marked((alert) => touches(alert, row)));
    }
    this.element.hidden = this.parts.every(({ chart }) => chart.element.hidden);
  }
}
