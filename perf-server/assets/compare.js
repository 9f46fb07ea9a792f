// The time before, beside what is shown: a dotted line in charts, and what has changed since in tables and tiles. The address
// holds what is compared with.

import * as address from "./address.js";
import { attribute, h, text } from "./dom.js";
import { moment } from "./format.js";
import { timeOf } from "./store.js";

const HOUR = 3_600_000;
/** By what the address calls them: times before that are so long ago, or as long ago as they are shown for, or of another version. */
const WORDS = { before: "just before", "1h": "1 hour before", "1d": "1 day before", "1w": "1 week before", version: "the version before" };
const AGO = { "1h": HOUR, "1d": 24 * HOUR, "1w": 168 * HOUR };

/** The time that the address compares with: `null` with nothing, `undefined` where there is no such time. */
export function ofAddress() {
  const name = address.read().params.get("compare");
  return name === null || Object.hasOwn(WORDS, name) ? name : undefined;
}

/**
 * The time that is compared with: so long before, in milliseconds, by whole steps; up to when; and the moments between which nothing
 * else ran. `null` where it is not known, of the processes that are.
 */
export function thenOf(name, { from, to, step }, processes) {
  const whole = (millis) => Math.ceil(millis / (1000 * step)) * 1000 * step;
  if (name !== "version") {
    const shift = name === "before" ? whole(to - from) : AGO[name];
    return { shift, to: to - shift, since: -Infinity, until: Infinity };
  }
  const all = processes.filter(({ at }) => at <= to);
  const now = all.findLast(({ version }) => version)?.version;
  const last = all.findLastIndex(({ version }) => version && version !== now);
  if (last < 0) return null;
  const { version, ended } = all[last];
  // One of no version may be of any.
  const other = all.findLast((one, place) => place < last && one.version !== version);
  return { shift: whole(to - ended), to: ended, since: other?.ended ?? -Infinity, until: all[last + 1].at };
}

/** The bar's list of what to compare with. */
export class Comparer {
  constructor() {
    const option = ([value, words]) => h("option", { value }, words);
    this.element = h("select", { class: "ranges compare", "aria-label": "Compare with", onchange: () => address.set({ compare: this.element.value || null }) }, option(["", "Compare with ..."]), Object.entries(WORDS).map(option));
  }

  update(name) {
    if (this.element.value !== (name ?? "")) this.element.value = name ?? "";
    this.element.classList.toggle("on", name !== null);
  }
}

/** The time before as the pages draw it, from the picture of it: of one name, so long before. */
export class Before {
  constructor(past, name) {
    this.past = past;
    this.label = WORDS[name];
  }

  /** The same series then; of a page of one series the one that is meant. */
  row(store, row) {
    return row === store.detail ? this.past.detail : this.past.byName.get(row.name);
  }

  metric({ key }) {
    return this.past.metrics.find((one) => one.key === key);
  }

  /** Columns of then on the grid of now; `null` where nothing is known of them. */
  columns(columns, grid) {
    const { asked, grid: then } = this.past;
    const step = 1000 * then.step;
    const first = timeOf(then, 0);
    const at = (values, place) => {
      const there = Math.floor((timeOf(grid, place) - asked.shift - first) / step);
      // A step that was asked for in part is no whole one.
      const isWhole = first + there * step >= asked.from && first + (there + 1) * step <= asked.to;
      return isWhole ? (values[there] ?? NaN) : NaN;
    };
    const shifted = Object.entries(columns ?? {}).map(([key, values]) => [key, Float64Array.from({ length: grid.cells }, (_, place) => at(values, place))]);
    const isKnown = shifted.some(([, values]) => values.some((value) => !Number.isNaN(value)));
    return { label: this.label, columns: isKnown ? Object.fromEntries(shifted) : null };
  }

  /** Which time that is, and whether anything is known of it. */
  words() {
    const { past } = this;
    const [from, to] = past.span();
    const isKnown = past.grid.observed.some((seconds) => seconds > 0);
    return `compared with ${this.label}, ${moment(from, past.grid.step < 60)} – ${moment(to, past.grid.step < 60)}${isKnown ? "" : ": nothing is known of it"}`;
  }
}

/** How much something has changed: `+12 %`; shares in points. */
export function change(now, was, isShare) {
  const sign = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±");
  const written = (value, digits) => `${sign(Number(value.toFixed(digits)))}${Math.abs(value).toFixed(digits)}`;
  if (isShare) return `${written(100 * (now - was), Math.abs(now - was) < 0.0995 ? 1 : 0)} points`;
  if (was === 0) return now === 0 ? "±0 %" : "from 0";
  const ratio = now / was;
  return ratio >= 10 ? `${ratio.toFixed(0)} times` : `${written(100 * (ratio - 1), 0)} %`;
}

/** The change of a value that it is shown beside. */
export class Delta {
  constructor(tag = "small") {
    this.short = h("span");
    this.full = h("span");
    this.element = h(tag, { class: "delta quiet" }, this.short, this.full);
    this.element.hidden = true;
  }

  /** `was` it then, of a value that is `now` and written by `show`; both `null` where they are not known. */
  set(before, { now, was, show, isShare = false }) {
    this.element.hidden = !before;
    if (!before) return;
    const isKnown = [now, was].every((value) => typeof value === "number" && !Number.isNaN(value));
    text(this.short, isKnown ? change(now, was, isShare) : "–");
    text(this.full, typeof was === "number" ? `, was ${show(was)}` : ", not known then");
    attribute(this.element, "title", `${before.label}: ${typeof was === "number" ? show(was) : "not known"}`);
  }
}
