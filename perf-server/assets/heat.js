// A chart of when calls took how long, from the histogram of each moment.

import { Chart, cursorPlace, short, TOP } from "./charts.js";
import { text } from "./dom.js";
import { colour, largest } from "./draw.js";

/** When calls took how long: stronger where there were more. */
export class Heat extends Chart {
  /** `histograms` holds for each place a list of `[outcome, lower, upper, count]`. */
  updateHeat({ histograms, ...common }) {
    let [least, most] = [Infinity, 0];
    for (const buckets of histograms) {
      for (const [, lower, upper] of buckets) {
        least = Math.min(least, Math.max(lower, 1e-9));
        most = Math.max(most, upper);
      }
    }
    if (most === 0) [least, most] = [0.001, 1];
    // Half octaves, so that a bucket of the histogram lies in one row or two.
    const from = Math.floor(Math.log2(least) * 2);
    const rows = Math.max(6, Math.ceil(Math.log2(most) * 2) - from);
    this.scale = { from, rows };
    this.counts = histograms.map((buckets) => {
      const column = new Float64Array(rows);
      for (const [, lower, upper, count] of buckets) {
        const middle = Math.max((lower + upper) / 2, 1e-9);
        const row = Math.min(rows - 1, Math.max(0, Math.floor(Math.log2(middle) * 2) - from));
        column[row] += count;
      }
      return column;
    });
    this.fullest = largest(...this.counts);
    this.update({ ...common, columns: { calls: this.counts.map((column) => column.reduce((sum, count) => sum + count, 0)) } });
  }

  levels(floor) {
    const { from, rows } = this.scale;
    this.y = (row) => floor - (row / rows) * (floor - TOP);
    const decades = (rows / 2) * Math.log10(2);
    const steps = decades > 3.5 ? [1] : decades > 1.8 ? [1, 3] : [1, 2, 5];
    const levels = [];
    for (let power = Math.floor((from / 2) * Math.log10(2)); ; power += 1) {
      for (const step of steps) {
        const row = Math.log2(step * 10 ** power) * 2 - from;
        if (row > rows) return levels;
        if (row >= 0) levels.push([short(this.show(step * 10 ** power * 1.0000001)), this.y(row)]);
      }
    }
  }

  paint(pen, x, wide) {
    const high = this.y(0) - this.y(1);
    pen.fillStyle = colour("heat");
    this.counts.forEach((column, place) => {
      column.forEach((count, row) => {
        if (count === 0) return;
        pen.globalAlpha = 0.12 + 0.88 * Math.sqrt(count / this.fullest);
        pen.fillRect(x(place) - wide / 2, this.y(row + 1), Math.max(wide - 0.5, 1), Math.max(high - 0.5, 1));
      });
    });
    pen.globalAlpha = 1;
  }

  read(x, width) {
    super.read(x, width);
    if (this.readout.hidden || this.isUnseen(cursorPlace())) return;
    const { from } = this.scale;
    const column = this.counts[cursorPlace()];
    const found = [];
    for (let row = column.length - 1; row >= 0; row -= 1) {
      if (column[row] > 0) found.push(`${this.show(2 ** ((from + row) / 2))}: ${column[row]}`);
    }
    text(this.readout, this.words(found.length > 0 ? found.slice(0, 6) : ["no call ended"]));
  }

  describe() {
    const calls = this.data.columns.calls.reduce((sum, count) => sum + count, 0);
    return this.inFull(`${calls} calls, from ${this.show(2 ** (this.scale.from / 2))} to ${this.show(2 ** ((this.scale.from + this.scale.rows) / 2))}`);
  }
}
