// The two sorts of charts that most pages have: lines, and bars on top of each other.

import { Chart, LEFT, TOP } from "./charts.js";
import { area, bars, colour, largest, line } from "./draw.js";

/** Lines, the first with the space below it tinted. */
export class Lines extends Chart {
  paint(pen, x, wide, floor) {
    const { columns, limits } = this.data;
    for (const { value, colour: name } of limits) {
      const y = this.y(value);
      if (y < TOP) continue;
      pen.strokeStyle = colour(name);
      pen.setLineDash([4, 4]);
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(x(this.data.cells - 1) + wide / 2, y);
      pen.stroke();
      pen.setLineDash([]);
    }
    const [first] = this.series;
    if (first) area(pen, columns[first.key], x, this.y, this.signed ? this.y(0) : floor, colour(first.colour), 0.12);
    for (const one of this.series.toReversed()) line(pen, columns[one.key], x, this.y, colour(one.colour));
  }
}

/** Bars on top of each other; of the time before a line of all together. */
export class Stack extends Chart {
  dotted(columns) {
    const all = Object.values(columns);
    const sum = (_, place) => {
      const known = all.map((values) => values[place]).filter((value) => !Number.isNaN(value));
      return known.length > 0 ? known.reduce((one, other) => one + other) : NaN;
    };
    return { all: { values: all[0].map(sum), colour: "text" } };
  }

  top() {
    const { columns, cells } = this.data;
    let most = largest(...this.valuesBefore());
    for (let place = 0; place < cells; place += 1) {
      most = Math.max(most, this.series.reduce((sum, one) => sum + (columns[one.key][place] || 0), 0));
    }
    return most;
  }

  paint(pen, x, wide) {
    const { columns, cells } = this.data;
    const gap = wide > 4 ? 1 : 0;
    let lower = new Float64Array(cells);
    for (const one of this.series) {
      const upper = lower.map((value, place) => value + (columns[one.key][place] || 0));
      bars(pen, lower, upper, x, this.y, wide - gap, colour(one.colour));
      lower = upper;
    }
  }
}
