// One series: its history, its histogram, how its calls ended, and the slowest of them.

import { Delta } from "./compare.js";
import { attribute, breakable, h, keyed, text, wide } from "./dom.js";
import { CallLines } from "./dots.js";
import { Heat } from "./heat.js";
import { bytes, clock, duration, kindName, label, number, rate, share } from "./format.js";
import * as address from "./address.js";
import { OUTCOMES } from "./table.js";
import { BUCKETS, failed, timeOf } from "./store.js";
import { Pair } from "./overview.js";
import { AlertStrip, concerns, touches } from "./alerts.js";
import { AlertHistory } from "./history.js";
import { Question } from "./ask.js";
import { CallList } from "./calls.js";
import { Failures } from "./errors.js";
import { pageOfKind } from "./pages.js";
import { Tile } from "./tile.js";
import { Inside } from "./tree.js";
import { Expected } from "./expected.js";
import { RecordedCalls } from "./recorded.js";

const NAMES = ["ok", "error", "panicked", "cancelled"];
const SLOWEST = 10;

/** The figures of a series: its title, how it is written, and the key and the rest of what is compared with the time before. */
const FIGURES = [
  ["Calls", (row) => number(row.count)],
  ["Rate", (row) => rate(row.rate), { key: "rate", show: rate }],
  ["Errors", (row) => share(row.error_rate), { key: "error_rate", show: share, isShare: true, aspect: "errors" }],
  ["Cancelled", (row) => share(row.cancelled_rate), { key: "cancelled_rate", show: share, isShare: true, aspect: "cancelled" }],
  ...["p50", "p90", "p95", "p99"].map((key) => [key, (row) => duration(row[key]), { key, show: duration }]),
  ["Max", (row) => duration(row.max), { key: "max", show: duration }],
  ["Mean ± std dev", (row) => duration(row.mean) + (row.std === null ? "" : ` ± ${duration(row.std)}`), { key: "mean", show: duration }],
  ["Apdex", (row) => (row.apdex === null ? "–" : `${row.apdex.toFixed(2)} (T ${duration(row.apdex_threshold)})`)],
  ["In flight", (row) => number(row.in_flight) + (row.oldest ? `, oldest ${duration(row.oldest)}` : "")],
];

/** Resources that calls used, where a function says `profile`: of one call on average, and in all. */
const PROFILE = [
  ["Processor time", (used) => duration(used.cpu_seconds_per_call), (used) => `${duration(used.cpu_seconds)} in all`],
  ["Waited to run", (used) => duration(used.scheduled_seconds_per_call), (used) => `${duration(used.scheduled_seconds)} in all`],
  ["Allocations", (used) => number(used.allocations_per_call), (used) => `${number(used.allocations)} in all`],
  ["Allocated", (used) => bytes(used.allocated_bytes_per_call), (used) => `${bytes(used.allocated_bytes)} in all`],
  ["Retained", (used) => bytes(used.net_bytes_per_call), (used) => `${bytes(used.net_bytes)} in all`],
  ["Units of work", (used) => rate(used.units_per_second), (used) => `${number(used.units)} in all`],
];

/** Items of calls that are streams. */
const STREAM = [
  ["Time to first item", (one) => duration(one.first_item_seconds), (one) => `on average of ${number(one.first_items)}`],
  ["Items", (one) => rate(one.items_per_second), (one) => `${number(one.items)} in all`],
  ["Longest gap", (one) => duration(one.longest_gap_seconds), () => "the longest wait of a call after its first item, on average"],
];

/** Processor time by a profiler's samples, without calls inside: its title, the value and a note. */
const SAMPLED = [
  ["Own processor time", ({ cpu }) => `${duration(cpu.seconds)} ± ${duration(cpu.standard_error)}`, ({ cpu }) => `${number(cpu.samples)} samples, without the calls inside`],
  ["Of one core", ({ cpu }) => share(cpu.covered > 0 ? cpu.seconds / cpu.covered : null), ({ cpu }) => `over ${duration(cpu.covered)}`],
  // Calls that still run are sampled already, so it may be more than the calls that ended took.
  ["Of its own time", ({ cpu, own }) => share(own > 0 ? Math.min(1, cpu.seconds / own) : null), ({ own }) => (own === null ? "not known of streams" : `of ${duration(own)} by the clock`)],
];

/** A bar that is divided in proportion, with a legend. */
class Split {
  constructor(title, parts, note) {
    this.parts = parts;
    this.bar = h("div", { class: "split", role: "img" }, parts.map(({ colour }) => h("span", { class: `fill ${colour}` })));
    this.legend = h("ul", { class: "legend" }, parts.map(({ colour, label: name }) => h("li", { class: `mark ${colour}` }, h("span", {}, name), h("b", {}))));
    this.note = h("p", { class: "quiet" }, note);
    this.element = h("section", { class: "card" }, h("h3", {}, title), this.bar, this.legend, this.note);
  }

  update(values, show, note) {
    const all = values.reduce((sum, value) => sum + (value ?? 0), 0);
    values.forEach((value, place) => {
      this.bar.children[place].style.flexGrow = String(all > 0 ? value / all : 0);
      text(this.legend.children[place].lastElementChild, show(value ?? null, all));
    });
    if (note !== undefined) text(this.note, note);
    attribute(this.bar, "aria-label", this.parts.map(({ label: name }, place) => `${name} ${show(values[place] ?? null, all)}`).join(", "));
  }
}

export class Series {
  constructor(kind, labels) {
    Object.assign(this, { kind, labels });
    const row = { kind, labels: labels.map((value) => ["", value]) };
    this.title = label(row);
    this.topic = { kind, labels };
    this.needs = [];
    this.deltas = FIGURES.map(() => new Delta());
    const figure = ([name], place) => h("div", {}, h("dt", { class: name === "In flight" ? "now" : "" }, name), h("dd", {}, h("span"), this.deltas[place].element));
    this.figures = h("dl", { class: "figures" }, FIGURES.map(figure));
    this.pair = new Pair("", CallLines);
    this.heat = new Heat({ title: "Latency heat map", note: "stronger: more calls", series: [], show: duration, tall: true });
    this.outcomes = new Split("Outcomes", OUTCOMES, "");
    this.busy = new Split("On CPU or awaiting", [{ colour: "accent", label: "on CPU" }, { colour: "idle", label: "awaiting" }], "");
    this.slow = h("tbody");
    this.slowNote = h("p", { class: "quiet more" }, "From the histogram of each moment: when, between which bounds, and how many.");
    this.parts = h("tbody");
    this.partsCard = wide("By status", h("table", {}, h("caption", {}, "By status"), h("thead", {}, head(["Status", "Calls", "Failed", "p95"])), this.parts));
    this.errors = h("ul", { class: "sorts" });
    this.promises = h("section", { class: "card" }, h("h3", {}, "Objectives"), h("ul", { class: "sorts" }));
    this.used = PROFILE.map(([title]) => new Tile(title));
    this.usedCard = h("section", { class: "page" }, h("h2", {}, "What a call uses"), h("div", { class: "tiles" }, this.used.map((one) => one.element)));
    this.stream = STREAM.map(([title]) => new Tile(title));
    this.streamCard = h("section", { class: "page" }, h("h2", {}, "Streams"), h("div", { class: "tiles" }, this.stream.map((one) => one.element)));
    this.sampled = SAMPLED.map(([title]) => new Tile(title));
    this.sampledCard = h("section", { class: "page" }, h("h2", {}, "On the processor"), h("div", { class: "tiles" }, this.sampled.map((one) => one.element)));
    this.expected = new Expected();
    this.inside = new Inside();
    this.recorded = new RecordedCalls((calls) => this.pair.latency.setCalls(calls));
    this.flying = new CallList("In flight, oldest first", 10);
    const isOurs = (alert) => concerns(alert, kind, labels);
    this.alerts = new AlertStrip({ wanted: isOurs, isOwn: true });
    this.history = new AlertHistory(isOurs);
    this.failures = new Failures();
    this.slowest = wide("Slowest calls", h("table", {}, h("caption", {}, "Slowest calls"), h("thead", {}, head(["Took", "Ended", "When", "Calls"], 0)), this.slow), this.slowNote);
    this.missing = h("p", { class: "card" }, "There is no such series (yet). It appears when it is first called.");
    this.outcomes.element.append(this.errors);
    this.places = h("p", { class: "quiet", hidden: true });
    this.placesAsked = new Question("api/v1/series", (answer) => this.showPlaces(answer?.series ?? []));
    // Until the service has said so, there is none.
    this.missing.hidden = true;
    this.back = h("a", { href: address.to(pageOfKind(kind) ?? "overview") }, kindName(kind));
    this.body = h(
      "div",
      { class: "page" },
      this.failures.element,
      this.figures,
      h("h2", { class: "unseen" }, "How it did"),
      this.pair.element,
      this.expected.element,
      this.inside.element,
      this.recorded.element,
      this.heat.element,
      h("div", { class: "pair" }, this.outcomes.element, this.busy.element),
      this.streamCard,
      this.usedCard,
      this.sampledCard,
      this.promises,
      h("div", { class: "pair" }, this.slowest, this.flying.element),
      this.partsCard,
    );
    this.element = h("div", { class: "page" }, h("nav", { class: "crumbs", "aria-label": "Where this is" }, this.back), h("h1", {}, breakable(this.title)), this.places, this.missing, this.body);
  }

  /** The service knows no such kind, or no such labels can be. */
  refuse() {
    this.missing.hidden = false;
    this.body.hidden = true;
  }

  /** Where its functions are in the source. */
  showPlaces(series) {
    const files = new Map();
    for (const place of new Set(series.flatMap((one) => one.places))) {
      const [, file, line] = place.match(/^(.*):(\d+)$/) ?? [];
      if (file) files.set(file, [...(files.get(file) ?? []), line]);
    }
    this.places.hidden = files.size === 0;
    this.places.replaceChildren(...breakable([...files].map(([file, lines]) => `${file}:${lines.join(", ")}`).join("; ")));
  }

  past(live) {
    // The store may still be about the series that was looked at before.
    if (!live.isOf(this.topic) || live.detail === undefined) return null;
    const labels = live.detail?.labels ?? [];
    return [["kind", this.kind], ...labels.map(([name, value]) => ["label", `${name}=${value}`])];
  }

  update(store) {
    const row = store.detail;
    attribute(this.back, "href", address.to(pageOfKind(this.kind) ?? "overview"));
    this.missing.hidden = row !== null;
    this.body.hidden = !row;
    if (!row) return;
    const isWaiting = row.in_flight > 0 || row.busy_share !== null || Boolean(row.stream);
    const then = store.before?.row(store, row);
    FIGURES.forEach(([, show, compared], place) => {
      const field = this.figures.children[place].lastElementChild;
      text(field.firstElementChild, show(row));
      if (!compared) return;
      const { key, aspect } = compared;
      this.deltas[place].set(store.before, { ...compared, now: row[key], was: then?.[key] });
      if (aspect) attribute(field, "data-state", store.judge(`${this.kind}.${aspect}`, row[key]) || null);
    });
    this.updateAlerts(store);
    this.failures.update(store, row);
    this.pair.update(store, row, { limits: this.limits(store, store.now.detail ?? row) });
    this.expected.update(store, row);
    this.inside.update(store, row);
    this.recorded.update(store, row);
    // Functions do not move: a look a minute finds those that were called since.
    const minute = Math.floor((store.at ?? Date.now()) / 60000) * 60000;
    this.placesAsked.askAt([["kind", row.kind], ...row.labels.map(([name, value]) => ["label", `${name}=${value}`])], minute);
    this.updateHeat(store, row);
    // Those of a range are not kept.
    this.slowest.hidden = Boolean(store.isPast);
    const counts = NAMES.map((name) => row[name]);
    this.outcomes.update(counts, (value, all) => (all > 0 ? `${number(value)} (${share(value / all)})` : number(value)));
    keyed(this.errors, Object.entries(row.error_types ?? {}).sort((one, other) => other[1] - one[1]), ([name]) => name, () => h("li", {}, h("code", {}), h("b", {})), (item, [name, count]) => {
      text(item.firstElementChild, name);
      text(item.lastElementChild, `${number(count)} since the start`);
    });
    const share_ = row.busy_share;
    this.busy.update(isWaiting && share_ !== null ? [share_, 1 - share_] : [0, 0], share, busyNote(row));
    this.updatePromises(row);
    this.updateStream(row);
    this.updateProfile(row);
    this.updateSampled(row);
    if (!store.isPast) this.updateSlowest(store, row);
    this.flying.update(store.ownCalls ?? [], row.in_flight);
    this.partsCard.hidden = (row.parts ?? []).length < 2;
    // A request that has no status yet is in none of them.
    const parts = (row.parts ?? []).filter((part) => part.count > 0);
    keyed(this.parts, parts, (part) => part.name, () => h("tr", {}, h("th", { scope: "row" }), [0, 1, 2].map(() => h("td", { class: "number" }))), (element, part) => {
      const values = [part.labels.at(-1)?.[1] || "(none)", number(part.count), number(failed(part.outcomes)), duration(part.p95)];
      values.forEach((value, place) => text(element.children[place], value));
    });
  }

  /** Alerts that fire here, and those that did: shown where there is any. */
  updateAlerts(store) {
    const isFiring = this.alerts.update(store);
    const wasFiring = this.history.update(store);
    const [strip, history] = [this.alerts.element, this.history.element];
    if (isFiring !== strip.isConnected) isFiring ? this.figures.before(strip) : strip.remove();
    if (wasFiring !== history.isConnected) wasFiring ? this.body.append(history) : history.remove();
  }

  /** Lines to see latencies by: what was promised, and what alerts fire at. */
  limits(store, row) {
    const promise = row.objective?.latency ?? row.slow?.limit;
    const own = promise ? [{ value: promise, colour: "warn", label: row.objective?.latency ? "target" : "slow" }] : [];
    const alerts = (store.alerts?.active ?? []).filter((alert) => this.alerts.wanted(alert) && alert.unit === "seconds" && typeof alert.threshold === "number");
    return [...own, ...alerts.map(({ threshold, severity, name }) => ({ value: threshold, colour: severity === "critical" ? "bad" : "warn", label: `${name}, ${severity}` }))];
  }

  updateHeat(store, row) {
    const { cells, newest } = store.grid;
    const histograms = Array.from({ length: cells }, () => []);
    for (const point of row.points.values()) {
      const place = point[0] - newest + cells - 1;
      if (place >= 0 && place < cells) histograms[place] = point[BUCKETS] ?? [];
    }
    this.heat.updateHeat({ histograms, grid: store.grid, ...store.marked((alert) => touches(alert, row)) });
    text(this.heat.note, store.isPast ? "in the exported buckets, each up to its bound; stronger: more calls" : "stronger: more calls");
  }

  /** Shows the items of calls that are streams. */
  updateStream({ stream }) {
    this.streamCard.hidden = !stream;
    if (!stream) return;
    STREAM.forEach(([, value, note], place) => this.stream[place].set(value(stream), note(stream)));
  }

  /** Shows the resources that are measured; others are left out. */
  updateProfile({ profile }) {
    this.usedCard.hidden = !profile;
    if (!profile) return;
    PROFILE.forEach(([, each, all], place) => {
      const value = each(profile);
      this.used[place].element.hidden = value === "–";
      this.used[place].set(value, all(profile));
    });
  }

  /** Shows the processor time, where a profiler runs and met a call. */
  updateSampled({ sampled_cpu: cpu, self_seconds, stream }) {
    const own = stream ? null : self_seconds;
    this.sampledCard.hidden = !cpu;
    if (!cpu) return;
    SAMPLED.forEach(([, value, note], place) => this.sampled[place].set(value({ cpu, own }), note({ cpu, own })));
  }

  updatePromises(row) {
    const lines = [];
    if (row.objective?.latency_target) lines.push(`${share(row.objective.latency_share)} within ${duration(row.objective.latency)}; target ${share(row.objective.latency_target)}`);
    if (row.objective?.success_target) lines.push(`${share(row.objective.success_share)} went well; target ${share(row.objective.success_target)}`);
    if (row.slow) lines.push(`${number(row.slow.count)} took longer than ${duration(row.slow.limit)}, which is called slow`);
    this.promises.hidden = lines.length === 0;
    keyed(this.promises.lastElementChild, lines, (line) => line, (line) => h("li", {}, line));
  }

  /** The uppermost buckets of all moments. */
  updateSlowest(store, row) {
    const { cells, newest } = store.grid;
    const found = [];
    for (const point of row.points.values()) {
      const place = point[0] - newest + cells - 1;
      for (const [outcome, lower, upper, count] of point[BUCKETS] ?? []) found.push({ key: `${point[0]} ${outcome} ${upper}`, place, outcome, lower, upper, count });
    }
    found.sort((one, other) => other.upper - one.upper || other.place - one.place);
    const rows = () => h("tr", {}, h("th", { scope: "row" }), h("td", {}, h("span")), h("td"), h("td", { class: "number" }));
    keyed(this.slow, found.slice(0, SLOWEST), (one) => one.key, rows, (element, one) => {
      const [took, ended, when, calls] = element.children;
      text(took, `${duration(one.lower)} to ${duration(one.upper)}`);
      text(ended.firstElementChild, NAMES[one.outcome]);
      attribute(ended.firstElementChild, "class", `mark ${NAMES[one.outcome]}`);
      text(when, clock(timeOf(store.grid, one.place), store.grid.step < 60));
      text(calls, number(one.count));
    });
  }
}

function busyNote(row) {
  if (row.stream) return "Not known of streams: nobody looks at how long a consumer has an item.";
  if (row.busy_share === null) return "No call ended in this window.";
  const polls = row.slow_polls > 0 ? ` ${number(row.slow_polls)} ${row.slow_polls === 1 ? "poll" : "polls"} blocked a worker for long.` : "";
  return `The share of their time that calls were polled; for the rest they waited.${polls}`;
}

function head(titles, numbersFrom = 1) {
  return h("tr", {}, titles.map((title, place) => h("th", { scope: "col", class: place >= numbersFrom && numbersFrom > 0 || title === "Calls" ? "number" : "" }, title)));
}
