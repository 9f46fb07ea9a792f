// Charts with a time axis. One cursor goes through all charts of a page, by pointer or by arrow keys; who drags over one zooms.

import { begin, colour, dotted, FONT, largest, ticks } from "./draw.js";
import { firedBetween, legendOf, paintFired, sentenceOf, wordsAt } from "./firing.js";
import { moment, tick } from "./format.js";
import { timeOf } from "./store.js";
import { attribute, h, text } from "./dom.js";

export const LEFT = 64;
const RIGHT = 10;
export const TOP = 8;
const BOTTOM = 20;
/** How far below the names of marks those of alerts stand, where there is no room beside them. */
const ROW = 13;
/** How far the moments below a chart may lie apart, in seconds: they are round ones. */
const APART = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 1_209_600, 2_592_000];
/** The room that each of them has, in pixels. */
const LABEL = 68;
/** A pointer that goes less far does not drag. */
const DRAGGED = 5;

/** The charts that are shown, and the place where the cursor stands. */
const shown = new Set();
let cursor = null;
/** The steps that are dragged over, from the begin of one to that of the other, in milliseconds: `{ chart, from, to, x }`. The picture goes on meanwhile. */
let brush = null;
let onzoom = () => {};

/** `listener(from, to)` hears of the stretch that somebody drags over, in milliseconds. */
export function listenToZoom(listener) {
  onzoom = listener;
}

function move(place) {
  if (place === cursor) return;
  cursor = place;
  for (const chart of shown) chart.draw();
}

function drag(now) {
  brush = now;
  for (const chart of shown) chart.draw();
}

/** Lets go of what is dragged over. Gives whether anything was. */
export function letGo() {
  const was = brush;
  if (was) drag(null);
  return was?.isDragged === true;
}

const isChart = (element) => [...shown].some(({ canvas }) => canvas === element);

// A finger leaves a chart as soon as it has tapped: what it tapped on stays until it taps elsewhere.
addEventListener("pointerdown", ({ pointerType, target }) => pointerType === "touch" && !isChart(target) && move(null));

/** Charts of a page that is left are forgotten. */
export function forgetCharts() {
  shown.clear();
  cursor = null;
  brush = null;
}

/** The common parts of charts: title, legend, axes, cursor. */
export class Chart {
  /** `series` is a list of `{ key, label, colour }`, `show` writes a value. */
  constructor({ title, note = "", series, show, tall = false, least = 0, signed = false }) {
    Object.assign(this, { least, signed });
    this.series = [];
    this.show = show;
    this.title = title;
    this.canvas = h("canvas", { class: tall ? "chart tall" : "chart", tabindex: 0, role: "img" });
    this.note = h("span", { class: "quiet" }, note);
    this.readout = h("p", { class: "readout", "aria-live": "off" });
    this.readout.hidden = true;
    this.legend = h("ul", { class: "legend" });
    this.element = h(
      "figure",
      { class: "card figure" },
      h("figcaption", {}, h("h3", {}, title), this.note, this.legend),
      h("div", { class: "plot" }, this.canvas, this.readout),
    );
    this.setSeries(series);
    this.listen();
    shown.add(this);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** Sets the series that are drawn from now on. */
  setSeries(series) {
    const same = series.length === this.series.length && series.every((one, place) => one.key === this.series[place].key && one.label === this.series[place].label);
    if (same) return;
    this.series = series;
    this.limits = "";
    this.before = "";
    this.fired = "";
    this.legend.replaceChildren(...series.map((one) => h("li", { class: `mark ${one.colour}` }, h("span", {}, one.label), " ", h("b", {}))));
  }

  /** Sets the meaning of the dotted lines. */
  setBefore(before) {
    const words = before ? `${before.label}${before.columns ? "" : ": not known"}` : "";
    if (words === this.before) return;
    this.before = words;
    this.legend.querySelector(".before")?.remove();
    if (before) this.legend.append(h("li", { class: "mark before" }, words));
  }

  /** Sets the meaning of the dashed lines. */
  setLimits(limits) {
    const words = limits.map(({ label, value }) => `${label} ${short(this.show(value))}`);
    if (words.join() === this.limits) return;
    this.limits = words.join();
    for (const old of this.legend.querySelectorAll(".limit")) old.remove();
    this.legend.append(...limits.map(({ colour: name }, place) => h("li", { class: `mark limit ${name}` }, words[place])));
  }

  /** Sets the meaning of the strip above. */
  setFired(alerts) {
    const all = legendOf(alerts);
    if (all.join() === this.fired) return;
    this.fired = all.join();
    for (const old of this.legend.querySelectorAll(".fired")) old.remove();
    this.legend.append(...all.map(([name, words]) => h("li", { class: `mark fired ${name}` }, words)));
  }

  listen() {
    const { canvas } = this;
    const placeOf = ({ clientX }) => {
      const box = canvas.getBoundingClientRect();
      const part = (clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
      return this.data ? Math.min(this.data.cells - 1, Math.max(0, Math.floor(part * this.data.cells))) : null;
    };
    const point = (event) => move(placeOf(event));
    canvas.addEventListener("pointermove", (event) => {
      point(event);
      if (brush?.chart !== this) return;
      drag({ ...brush, to: timeOf(this.data.grid, placeOf(event)), isDragged: brush.isDragged || Math.abs(event.clientX - brush.x) > DRAGGED });
    });
    canvas.addEventListener("pointerdown", (event) => {
      point(event);
      // A finger that moves scrolls.
      if (event.pointerType === "touch" || event.button !== 0 || !this.data) return;
      canvas.setPointerCapture(event.pointerId);
      const at = timeOf(this.data.grid, placeOf(event));
      brush = { chart: this, from: at, to: at, x: event.clientX };
    });
    canvas.addEventListener("pointerup", () => {
      if (brush?.chart !== this) return;
      const { from, to, isDragged } = brush;
      drag(null);
      if (isDragged) onzoom(Math.min(from, to), Math.max(from, to) + 1000 * this.data.step);
    });
    canvas.addEventListener("pointercancel", letGo);
    canvas.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && move(null));
    canvas.addEventListener("blur", ({ relatedTarget }) => {
      attribute(this.readout, "aria-live", "off");
      if (!isChart(relatedTarget)) move(null);
    });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
      if (!this.data || !(event.key in steps)) return;
      event.preventDefault();
      const last = this.data.cells - 1;
      move(Math.min(last, Math.max(0, (cursor ?? last) + steps[event.key])));
      attribute(this.readout, "aria-live", "polite");
    });
  }

  /**
   * `columns` holds the values of each series, `grid` tells when a place of them began; `marks` are moments to be seen, `alerts`
   * times in which they fired: `{ from, until, name, series, severity }`, `until` is `null` where it is not known. `before` holds
   * the columns of another time and what it is called: `{ label, columns }`, `null` where they are not known.
   */
  update({ columns, grid, limits = [], marks = [], alerts = [], before = null }) {
    const { cells, step } = grid;
    const [from, span] = [timeOf(grid, 0), 1000 * cells * step];
    const inside = marks.filter(({ at }) => at >= from && at < from + span);
    const fired = firedBetween(alerts, from, from + span);
    this.data = { columns, grid, cells, step, from, span, limits, marks: inside, alerts: fired, sentence: sentenceOf(fired, from + span), before: before && { label: before.label, columns: before.columns ? this.dotted(before.columns) : {} } };
    this.setLimits(limits);
    this.setFired(fired);
    this.setBefore(before);
    this.series.forEach((one, place) => text(this.legend.children[place].lastElementChild, this.show(lastOf(columns[one.key]))));
    this.draw();
  }

  draw() {
    if (!this.data || !this.canvas.isConnected) return;
    const drawn = begin(this.canvas);
    if (!drawn) return;
    const { pen, width, height } = drawn;
    const { cells } = this.data;
    const inner = width - LEFT - RIGHT;
    const x = (place) => LEFT + ((place + 0.5) / cells) * inner;
    const floor = height - BOTTOM;
    this.axes(pen, width, floor);
    this.shade(pen, inner, floor);
    if (cursor !== null && cursor < cells) {
      pen.fillStyle = colour("cursor");
      pen.fillRect(LEFT + (cursor / cells) * inner, TOP, Math.max(inner / cells, 1), floor - TOP);
    }
    this.paint(pen, x, inner / cells, floor);
    this.paintBefore(pen, x);
    this.mark(pen, inner, floor);
    this.read(x, width);
  }

  /** Lines to read values by, and moments below. */
  axes(pen, width, floor) {
    const { from, span } = this.data;
    pen.font = `11px ${FONT}`;
    pen.fillStyle = colour("quiet");
    pen.strokeStyle = colour("grid");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const [value, y] of this.levels(floor)) {
      pen.beginPath();
      pen.moveTo(LEFT, Math.round(y) + 0.5);
      pen.lineTo(width - RIGHT, Math.round(y) + 0.5);
      pen.stroke();
      pen.fillText(value, LEFT - 8, y);
    }
    pen.textBaseline = "top";
    pen.textAlign = "center";
    const apart = 1000 * (APART.find((seconds) => (span / (1000 * seconds)) * LABEL <= width - LEFT) ?? APART.at(-1));
    // Round by the clock of whoever looks.
    const zone = 60_000 * new Date(from).getTimezoneOffset();
    for (let at = Math.ceil((from - zone) / apart) * apart + zone; at < from + span; at += apart) {
      const place = LEFT + ((at - from) / span) * (width - LEFT - RIGHT);
      const words = tick(at, apart);
      if (place + pen.measureText(words).width / 2 > width) break;
      pen.fillRect(Math.round(place), floor, 1, 3);
      pen.fillText(words, place, floor + 6);
    }
  }

  /** Where nobody observed: that is not zero. And what is dragged over. */
  shade(pen, inner, floor) {
    const { cells, step, from: begin } = this.data;
    const placeOf = (at) => Math.min(cells, Math.max(0, (at - begin) / (1000 * step)));
    const fill = (from, to, style, opacity) => {
      pen.fillStyle = colour(style);
      pen.globalAlpha = opacity;
      pen.fillRect(LEFT + (from / cells) * inner, TOP, ((to - from) / cells) * inner, floor - TOP);
      pen.globalAlpha = 1;
    };
    for (let place = 0; place < cells; place += 1) {
      const from = place;
      while (place < cells && this.isUnseen(place)) place += 1;
      if (place > from) fill(from, place, "idle", 0.35);
    }
    if (brush?.isDragged) fill(placeOf(Math.min(brush.from, brush.to)), placeOf(Math.max(brush.from, brush.to) + 1000 * step), "accent", 0.25);
  }

  /** Whether nobody observed in a step. */
  isUnseen(place) {
    return this.data.grid.observed?.[place] === 0;
  }

  /** A line at each moment that explains why numbers are other ones from there on, and a strip where alerts fired. */
  mark(pen, inner, floor) {
    const { marks, alerts, from, span } = this.data;
    const x = (at) => LEFT + Math.min(1, Math.max(0, (at - from) / span)) * inner;
    pen.font = `11px ${FONT}`;
    pen.textBaseline = "top";
    // Where two are close, the later one is called by its name.
    const taken = [];
    for (const { at, label } of marks.toSorted((one, other) => other.at - one.at)) {
      const place = Math.round(x(at)) + 0.5;
      pen.strokeStyle = colour("text");
      pen.lineWidth = 1;
      pen.setLineDash([2, 3]);
      pen.beginPath();
      pen.moveTo(place, TOP);
      pen.lineTo(place, floor);
      pen.stroke();
      pen.setLineDash([]);
      this.name(pen, label, { place, inner, taken });
    }
    paintFired(pen, alerts, { x, top: TOP, floor, from, name: (label, place) => this.name(pen, label, { place, inner, taken, rows: [0, ROW] }) });
  }

  /** Writes beside a line, in the first of some rows where there is room. */
  name(pen, label, { place, inner, taken, rows = [0] }) {
    const wide = pen.measureText(label).width;
    const isLeft = place + wide + 4 > LEFT + inner;
    const start = isLeft ? place - wide - 4 : place + 4;
    const down = rows.find((row) => !taken.some((other) => row === other.row && start < other.end && start + wide > other.start));
    if (start < LEFT || down === undefined) return;
    taken.push({ row: down, start: start - 4, end: start + wide + 4 });
    pen.textAlign = "left";
    pen.fillStyle = colour("text");
    // It is read over whatever is drawn there.
    pen.strokeStyle = colour("card");
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeText(label, start, TOP + down);
    pen.fillText(label, start, TOP + down);
  }

  /** The lines of the time before, of its columns: one for each series. */
  dotted(columns) {
    return Object.fromEntries(this.series.filter(({ key }) => columns[key]).map((one) => [one.label, { values: columns[one.key], colour: one.colour }]));
  }

  paintBefore(pen, x) {
    for (const { values, colour: name } of Object.values(this.data.before?.columns ?? {})) dotted(pen, values, x, this.y, colour(name));
  }

  /** The value of before, in words: at a place, or at most. */
  wordsBefore(place) {
    const { before } = this.data;
    if (!before) return "";
    const value = (values) => (place === undefined ? `at most ${this.show(values.some((one) => !Number.isNaN(one)) ? largest(values) : null)}` : this.show(values[place]));
    const words = Object.entries(before.columns).map(([label, { values }]) => `${label} ${value(values)}`);
    return `${before.label}: ${words.join(", ") || "not known"}`;
  }

  levels(floor) {
    const lowest = this.signed ? -largest(...Object.values(this.data.columns).map((values) => values.map((value) => -value))) : 0;
    const steps = ticks(Math.max(this.top(), this.least, -lowest), this.show.isBinary);
    const most = steps.at(-1);
    if (lowest < 0) steps.unshift(...steps.slice(1).map((value) => -value).reverse());
    const least = steps[0];
    this.y = (value) => floor - ((value - least) / (most - least)) * (floor - TOP);
    return steps.map((value) => [short(this.show(value)), this.y(value)]);
  }

  top() {
    return largest(...Object.values(this.data.columns), ...this.valuesBefore());
  }

  valuesBefore() {
    return Object.values(this.data.before?.columns ?? {}).map(({ values }) => values);
  }

  /** The values at the cursor, in words. */
  read(x, width) {
    const { columns, cells } = this.data;
    const place = cursor;
    this.readout.hidden = place === null || place >= cells;
    attribute(this.canvas, "aria-label", this.describe());
    if (this.readout.hidden) return;
    const values = this.series.map((one) => `${one.label} ${this.show(columns[one.key][place])}`);
    const then = this.wordsBefore(place);
    text(this.readout, this.words([...(this.isUnseen(place) ? ["not observed"] : values), ...(then ? [then] : [])]));
    const isRight = x(place) > width / 2;
    this.readout.classList.toggle("left", isRight);
  }

  /** The moment at the cursor: its time, the marks and alerts there, and values. */
  words(values) {
    const { grid, step, marks, alerts } = this.data;
    const at = timeOf(grid, cursor);
    const here = marks.filter((mark) => mark.at >= at && mark.at < at + 1000 * step).map(({ label }) => label);
    return [moment(at, step < 60), ...here, ...wordsAt(alerts, at, at + 1000 * step), ...values].join("  ·  ");
  }

  describe() {
    const { columns } = this.data;
    const values = this.series.map((one) => `${one.label} ${this.show(lastOf(columns[one.key]))}, at most ${this.show(largest(columns[one.key]))}`);
    const then = this.wordsBefore();
    return this.inFull(`${values.join("; ")}${then && `. ${then}`}`);
  }

  /** Words for who does not see the chart. */
  inFull(values) {
    const { marks: all, grid, sentence } = this.data;
    const marks = all.map(({ at, label }) => ` Marked: ${label} at ${moment(at)}.`).join("");
    const unseen = grid.observed?.filter((seconds) => seconds === 0).length ?? 0;
    const gaps = unseen > 0 ? ` Not observed in ${unseen} of ${grid.cells} steps.` : "";
    return `${this.title}: ${values}.${gaps}${marks}${sentence} Arrow keys read it out moment by moment.`;
  }
}

/** Where the cursor stands; `null` where there is none. */
export function cursorPlace() {
  return cursor;
}

/** A round value needs no zeros behind its point: `80 %`. */
export function short(value) {
  return value.replace(/\.(\d*?)0+(?!\d)/, (_, digits) => (digits ? `.${digits}` : ""));
}

function lastOf(values) {
  for (let place = values.length - 1; place >= 0; place -= 1) if (!Number.isNaN(values[place])) return values[place];
  return NaN;
}
