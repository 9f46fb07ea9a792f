// Single calls on a chart of durations: one follows each to its page. The same calls stand in the table of recorded calls.

import { cursorPlace, TOP } from "./charts.js";
import { colour } from "./draw.js";
import { attribute, h } from "./dom.js";
import { duration } from "./format.js";
import { Lines } from "./lines.js";
import { timeOf } from "./store.js";
import * as address from "./address.js";

/** Half of what a dot is wide, in pixels. */
const SIZE = 4;
/** So near a pointer or a finger must be, in pixels. */
const NEAR = 14;

/** The colour of an outcome. */
const paintOf = (outcome) => (outcome === "ok" ? "accent" : outcome);

/** Lines with recorded calls on them: a ring for one that went well, a diamond for another, an arrow at the edge for one that took longer than the picture is high. */
export class CallLines extends Lines {
  constructor(options) {
    super(options);
    Object.assign(this, { calls: [], dots: [] });
    this.sign = h("li", {}, "recorded calls: ○ ok, ◆ other, ▲ higher up");
    const open = (dot) => {
      if (dot) location.hash = dot.to;
    };
    this.canvas.addEventListener("pointermove", (event) => {
      attribute(this.canvas, "data-follows", this.near(event) ? "true" : null);
      this.dragged = Math.max(this.dragged, Math.abs(event.clientX - this.downAt));
    });
    this.canvas.addEventListener("pointerdown", ({ clientX }) => Object.assign(this, { downAt: clientX, dragged: 0 }));
    // A drag over the chart zooms, also one that comes back to where it began.
    this.canvas.addEventListener("click", (event) => this.dragged <= SIZE && open(this.near(event)));
    this.canvas.addEventListener("keydown", (event) => {
      if (event.key === "Enter") open(this.here()[0]);
    });
  }

  /** Sets the calls, the slowest first. */
  setCalls(calls) {
    this.calls = calls.map(({ id, start, seconds, outcome }) => ({ to: address.to("call", [id]), at: Date.parse(start) + 1000 * seconds, seconds, outcome }));
    if (calls.length === 0) this.sign.remove();
    else if (!this.sign.isConnected) this.legend.append(this.sign);
    this.draw();
  }

  /** The dot that a pointer is at. */
  near({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const far = ({ x, y }) => Math.hypot(x - (clientX - box.left), y - (clientY - box.top));
    const [nearest] = this.dots.toSorted((one, other) => far(one) - far(other));
    return nearest && far(nearest) <= NEAR ? nearest : null;
  }

  /** The dots of the moment at the cursor. */
  here() {
    const { grid, step } = this.data ?? {};
    if (cursorPlace() === null || !grid) return [];
    const at = timeOf(grid, cursorPlace());
    return this.dots.filter((dot) => dot.at >= at && dot.at < at + 1000 * step);
  }

  paint(pen, x, wide, floor) {
    super.paint(pen, x, wide, floor);
    const { from, span, step } = this.data;
    const inside = this.calls.filter(({ at }) => at >= from && at < from + span);
    this.dots = inside.map((call) => {
      const y = this.y(call.seconds);
      return { ...call, x: x((call.at - from) / (1000 * step) - 0.5), y: Math.max(y, TOP + SIZE), isAbove: y < TOP };
    });
    pen.lineWidth = 2;
    // The slowest are seen over others.
    for (const dot of this.dots.toReversed()) {
      pen.strokeStyle = colour(paintOf(dot.outcome));
      pen.fillStyle = colour(dot.isAbove || dot.outcome !== "ok" ? paintOf(dot.outcome) : "card");
      pen.beginPath();
      shape(pen, dot);
      pen.fill();
      pen.stroke();
    }
  }

  words(values) {
    const calls = this.here().map(({ seconds, outcome }) => `recorded call: ${duration(seconds)}, ${outcome}`);
    const [first, ...more] = calls;
    return super.words(first ? [...values, `${first}${more.length > 0 ? ` and ${more.length} more` : ""} (Enter opens it)`] : values);
  }

  inFull(values) {
    const { length } = this.dots;
    return super.inFull(values) + (length > 0 ? ` ${length} recorded ${length === 1 ? "call is" : "calls are"} marked, and listed below: Enter opens the slowest of a moment.` : "");
  }
}

function shape(pen, { x, y, isAbove, outcome }) {
  if (isAbove) return outline(pen, [[x, y - SIZE], [x + SIZE, y + SIZE], [x - SIZE, y + SIZE]]);
  if (outcome === "ok") return pen.arc(x, y, SIZE - 1, 0, 2 * Math.PI);
  return outline(pen, [[x, y - SIZE], [x + SIZE, y], [x, y + SIZE], [x - SIZE, y]]);
}

function outline(pen, corners) {
  corners.forEach(([x, y], place) => (place === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  pen.closePath();
}
