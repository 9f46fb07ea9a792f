// The range of time that is shown: the newest (live), a stretch that ends now, or one from a moment to another. The address
// holds it, so that a link is a snapshot and the browser's Back returns to the one before.

import * as address from "./address.js";
import { announce, attribute, h, text } from "./dom.js";
import { moment } from "./format.js";
import { ask, field } from "./marks.js";

/** Ranges that end now, and how many seconds they are long. */
const LENGTHS = { "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
const WORDS = { "15m": "Last 15 min", "1h": "Last 1 h", "6h": "Last 6 h", "24h": "Last 24 h", "7d": "Last 7 d", "30d": "Last 30 d" };
const LIVE = { range: null, from: null, to: null };
/** No stretch is shorter, in milliseconds. */
const SHORTEST = 5000;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** The ranges before the one that is shown, as the address says them: Escape returns to the last. */
const before = [];

/** The range of the address: `{ length }` in seconds, or `{ from, to }` in milliseconds; `null` where it is live, `undefined` where there is no such range. */
export function ofAddress() {
  const { range, from, to } = said();
  if (range !== null) return Object.hasOwn(LENGTHS, range) ? { name: range, length: LENGTHS[range] } : undefined;
  if (from === null && to === null) return null;
  const times = [from, to].map((time) => (RFC_3339.test(time ?? "") ? Date.parse(time) : NaN));
  return times[0] < times[1] ? { from: times[0], to: times[1] } : undefined;
}

function said() {
  const { params } = address.read();
  return Object.fromEntries(Object.keys(LIVE).map((name) => [name, params.get(name)]));
}

/** The address's words for a range between two times. */
function between(from, to) {
  const written = (millis) => new Date(millis).toISOString().replace(".000Z", "Z");
  return { range: null, from: written(from), to: written(Math.max(to, from + SHORTEST)) };
}

function show(changes) {
  before.push(said());
  address.go(changes);
}

/** Zooms the page to a stretch of its charts, in milliseconds. */
export function zoom(from, to) {
  show(between(from, to));
  announce(`Zoomed to ${moment(from)} to ${moment(to)}. Escape returns.`);
}

/** Back to the range before; without one, to live. Gives whether there was anything to return from. */
export function leave() {
  if (!ofAddress()) return false;
  address.go(before.pop() ?? LIVE);
  return true;
}

/** A window of what is live. */
export function live(changes = {}) {
  if (ofAddress()) show({ ...LIVE, ...changes });
  else address.set({ ...LIVE, ...changes });
}

/** Forgets the way to where one is already: by the browser's Back. */
export function settle() {
  if (before.length > 0 && JSON.stringify(before.at(-1)) === JSON.stringify(said())) before.pop();
}

/** The bar's list of ranges; its last entry asks for one of one's own. */
export class Picker {
  /** `shown()` gives the first and the last moment of what is on the screen. */
  constructor(shown) {
    const option = ([value, words]) => h("option", { value }, words);
    this.own = h("option", { value: "own" });
    this.shown = shown;
    this.element = h("select", { class: "ranges", "aria-label": "Range", onchange: () => this.choose() }, option(["", "Live"]), Object.entries(WORDS).map(option), option(["ask", "From – to ..."]));
  }

  choose() {
    const { value } = this.element;
    if (value === "ask") {
      // Until there is an answer, what is shown is what it was.
      this.element.value = this.value;
      this.ask(...this.shown());
    } else if (value === "") live();
    else if (value !== "own") show({ ...LIVE, range: value });
  }

  /** `range` is on the screen; where `isComing`, it was asked for and has not come yet. */
  update(range, isComing) {
    const isOwn = range?.from !== undefined;
    if (isOwn) {
      text(this.own, `${moment(range.from)} – ${moment(range.to)}`);
      if (!this.own.isConnected) this.element.append(this.own);
    } else this.own.remove();
    this.value = isOwn ? "own" : (range?.name ?? "");
    if (this.element.value !== this.value) this.element.value = this.value;
    this.element.classList.toggle("on", range !== null);
    attribute(this.element, "aria-busy", isComing ? "true" : null);
  }

  ask(from, to) {
    const time = (millis) => {
      const zone = new Date(millis).getTimezoneOffset() * 60_000;
      return h("input", { type: "datetime-local", step: 1, required: true, value: new Date(millis - zone).toISOString().slice(0, 19) });
    };
    ask("From – to", "In the time of this computer.", [field("from", "From", time(from)), field("to", "To", time(to))], "Show", (values) => {
      const [begin, end] = [values.from, values.to].map((one) => Date.parse(one));
      if (!(begin < end)) return ["The first moment has to be before the second."];
      show(between(begin, end));
      return null;
    });
  }
}
