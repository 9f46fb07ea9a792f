// When alerts fired, as a strip along the upper edge of a chart: however many there were, it is one strip with few names.

import { colour } from "./draw.js";
import { moment, seriesInShort } from "./format.js";

/** A row of the strip for each severity: how far above the chart it ends, and how high it is, in pixels. The worse, the higher, for whoever does not see the colour. */
const ROWS = { critical: { up: 4, high: 4 }, warning: { up: 1, high: 2 } };
const COLOURS = { critical: "bad", warning: "warn" };
/** No stretch is drawn shorter, and those that lie nearer are one, in pixels. */
const LEAST = 3;
const NEAR = 2;
/** So many stretches have a line where they begin, and a name. */
const MOST_LINES = 4;
/** So many alerts are named in words. */
const MOST_NAMED = 3;

/** The alerts that fired between two moments, by when they began. */
export function firedBetween(alerts, from, to) {
  const within = alerts.filter((one) => one.from < to && (one.until ?? one.from) >= from);
  return within.sort((one, other) => one.from - other.from);
}

/** The words of a legend: `[colour, words]` for each severity that there is. */
export function legendOf(alerts) {
  return Object.keys(COLOURS).filter((severity) => alerts.some((one) => one.severity === severity)).map((severity) => [COLOURS[severity], `alert, ${severity}`]);
}

/** Stretches in which any of them fired, in pixels. */
function stretches(alerts, x) {
  const found = [];
  for (const one of alerts) {
    const start = x(one.from);
    const end = Math.max(x(one.until ?? one.from), start + LEAST);
    const last = found.at(-1);
    if (last && start <= last.end + NEAR) {
      last.end = Math.max(last.end, end);
      last.alerts.push(one);
    } else found.push({ start, end, alerts: [one] });
  }
  return found;
}

/** One by its name, several by how many. */
function nameOf(alerts) {
  return alerts.length === 1 ? alerts[0].name : `${alerts.length} alerts`;
}

/**
 * Draws the strip, the last `top` pixels above the chart: `x(at)` is the place of a moment, `name(words, place)` writes beside a
 * line.
 */
export function paintFired(pen, alerts, { x, top, floor, from, name }) {
  const all = stretches(alerts, x);
  const named = all.length > MOST_LINES ? [{ start: all[0].start, alerts }] : all;
  for (const { start, alerts: here } of named.toReversed()) {
    const place = Math.round(start) + 0.5;
    // One that fired before has no begin here.
    if (named === all && here[0].from >= from) {
      pen.strokeStyle = colour(COLOURS[here.some(({ severity }) => severity === "critical") ? "critical" : "warning"]);
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(place, top - 1);
      pen.lineTo(place, floor);
      pen.stroke();
    }
    name(nameOf(here), place);
  }
  for (const [severity, { up, high }] of Object.entries(ROWS)) {
    pen.fillStyle = colour(COLOURS[severity]);
    const ofIt = alerts.filter((one) => one.severity === severity);
    for (const { start, end } of stretches(ofIt, x)) pen.fillRect(start, top - up - high, end - start, high);
  }
}

/** An alert and what it is about. */
function labelOf({ name, series, severity }) {
  return `${name}: ${seriesInShort(series)} (${severity})`;
}

/** What alerts did between two moments, in words: few of them, whatever there was. */
export function wordsAt(alerts, from, to) {
  const isIn = (at) => at !== null && at >= from && at < to;
  const told = [...Map.groupBy(firedBetween(alerts, from, to), labelOf)].map(([label, all]) => {
    const [fired, resolved] = ["from", "until"].map((end) => all.filter((one) => isIn(one[end])).length);
    if (fired > 1) return `${label} fired ${fired} times`;
    if (fired === 1) return `${label} fired${resolved > 0 ? " and was resolved" : ""}`;
    return `${label} ${resolved > 0 ? "was resolved" : "was firing"}`;
  });
  return told.length > MOST_NAMED ? [...told.slice(0, MOST_NAMED - 1), `and ${told.length - MOST_NAMED + 1} more alerts`] : told;
}

/** The alerts of a chart for who does not see it, the last first. */
export function sentenceOf(alerts, to) {
  if (alerts.length === 0) return "";
  const ended = ({ until }) => (until === null ? "its end is not known" : until < to ? `resolved at ${moment(until)}` : "not resolved here");
  const told = alerts.slice(-MOST_NAMED).reverse().map((one) => `${labelOf(one)} fired at ${moment(one.from)}, ${ended(one)}`);
  const more = alerts.length - told.length;
  return ` Alerts: ${told.join("; ")}${more > 0 ? `; and ${more} before` : ""}.`;
}
