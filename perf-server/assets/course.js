// The health over the time of a picture, as it was judged then: its score, for how much of it each status held, and what took points.

import { Question } from "./ask.js";
import { h, text } from "./dom.js";
import { number, share } from "./format.js";
import { Lines } from "./lines.js";
import { timeOf } from "./store.js";

/** Of shorter pictures, in seconds, the health itself tells as much: it is judged over minutes. */
const SHORTEST = 900;
/** So often, in milliseconds, it is asked for anew at most. */
const EVERY = 30_000;
/** So many indicators are named, those that took the most points. */
const NAMED = 3;
const STATUSES = ["healthy", "degraded", "unhealthy"];

/** A line between 0 and 100, whatever its values. */
class Score extends Lines {
  top() {
    return 100;
  }
}

/** The scores of an answer on the grid of a page; `NaN` where nobody judged. */
function onGrid({ step, points }, grid) {
  const length = 1000 * step;
  const byTime = new Map(points.map((one) => [Math.floor(Date.parse(one.start) / length), one.score]));
  const score = Float64Array.from({ length: grid.cells }, (_, place) => byTime.get(Math.floor(timeOf(grid, place) / length)) ?? NaN);
  return { score };
}

/** For how much of the time each status held, and what took the most points. */
function inWords({ status, penalties }) {
  const held = STATUSES.filter((name) => status[name] > 0).map((name) => `${name} for ${share(status[name])}`);
  const taken = penalties.slice(0, NAMED).map(({ indicator, points }) => `${indicator} ${number(points)}`);
  return `${held.join(", ")} of the time that was judged${taken.length > 0 ? `; points that were taken, on average: ${taken.join(", ")}` : ""}`;
}

export class Course {
  constructor() {
    this.chart = new Score({ title: "Health score", series: [{ key: "score", label: "score", colour: "accent" }], show: (value) => number(Math.round(value)) });
    this.words = h("p", { class: "quiet more" });
    this.element = h("section", { "aria-label": "Health over time", hidden: true }, this.chart.element, this.words);
    this.answer = null;
    this.question = new Question("api/v1/health/history", (answer) => (this.answer = answer));
  }

  update(store) {
    const { grid } = store;
    if (!grid) return;
    if (grid.cells * grid.step < SHORTEST) {
      this.question.forget();
      this.element.hidden = true;
      return;
    }
    const times = [timeOf(grid, 0), timeOf(grid, grid.cells)];
    const [from, to] = times.map((millis) => millis / 1000);
    const at = Math.floor(Math.min(times[1], store.at ?? times[1]) / EVERY) * EVERY;
    this.question.askAt([["from", from], ["to", to], ["step", `${grid.step}s`]], at, JSON.stringify([store.epoch, grid.step, grid.cells, store.key]));
    const whole = this.answer?.whole;
    this.element.hidden = !whole;
    if (!whole) return;
    text(this.words, `${store.isPast ? "In this range" : "In this window"}: ${inWords(whole)}.`);
    this.chart.update({ columns: onGrid(this.answer, grid), grid, ...store.marked(() => true) });
  }
}
