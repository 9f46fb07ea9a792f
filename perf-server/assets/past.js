// A range of the past: asked from the service, refreshed as it moves, and drawn by the pages as what is live.

import { age, inWords, moment, number } from "./format.js";
import { cancelledRate, COMMON, failed, Store, timeOf } from "./store.js";
import { askStored, storedSince } from "./stored.js";

/** The lengths of steps that are asked for, in seconds. */
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
const POINTS = 120;
/** So many series are shown; of each request so many are named. */
const MOST_SERIES = 200;
const MOST_NAMED = 100;
const MOST_METRICS = 1000;
/** How long the service is left alone when it did not answer, in milliseconds. */
const WAIT = 5000;

/** The step for a range of so many seconds. */
function stepOf(length, points) {
  return STEPS.find((step) => step * points >= length) ?? Math.ceil(length / points / 86_400) * 86_400;
}

/** A range as the pages draw it: series and metrics are of the range, everything else is of now. */
export class Past extends Store {
  /** `labels` are those of the one series that is meant, where more were asked for. */
  constructor(answers, { asked, labels }) {
    super();
    Object.assign(this, { isPast: true, asked, metrics: [] });
    const tracks = answers.flatMap(({ series, metrics }) => [...series, ...metrics]);
    const [{ start, step }] = answers;
    const points = tracks[0]?.points ?? [];
    const first = Math.round(Date.parse(start) / 1000 / step);
    this.grid = { cells: points.length, newest: first + points.length - 1, step, observed: points.map(({ covered }) => covered) };
    this.leftOut = answers.reduce((sum, one) => sum + one.left_out, 0);
    for (const track of answers.flatMap(({ series }) => series)) this.addTrack(track, first);
    for (const track of answers.flatMap(({ metrics }) => metrics)) this.addMetric(track, first);
    const isAsked = (row) => !labels || JSON.stringify(row.labels.map(([, value]) => value)) === JSON.stringify(labels);
    const whole = this.rows.find(isAsked);
    this.detail = whole ? { ...whole, parts: [], std: null, apdex: null, error_types: {}, slow_polls: 0 } : null;
  }

  addTrack({ id, kind, labels, bounds, points, whole }, first) {
    const outcomes = (one) => [one.outcomes.ok, one.outcomes.error, one.outcomes.panicked, one.outcomes.cancelled];
    const point = (one, place) => [first + place, ...outcomes(one), one.mean, one.p50, one.p95, one.p99, one.max, one.busy_share, histogram(bounds, one)];
    const known = points.map((one, place) => (one.outcomes ? point(one, place) : null)).filter(Boolean);
    const { outcomes: ended, covered, count } = whole;
    const ran = ended ? ended.ok + ended.error + ended.panicked : 0;
    const row = {
      ...whole,
      ...ended,
      kind,
      labels: Object.entries(labels),
      name: id,
      points: new Map(known.map((one) => [one[0], one])),
      rate: count === null ? null : count / Math.max(covered, 1),
      error_rate: ran > 0 ? failed(ended) / ran : null,
      cancelled_rate: ended ? cancelledRate(ended) : null,
    };
    this.rows.push(row);
    this.byName.set(id, row);
  }

  addMetric({ name, kind, unit, labels: object, points }, first) {
    const labels = Object.entries(object);
    const metric = { name, kind, unit, labels, help: null, key: `${name} ${JSON.stringify(labels)} ${kind}` };
    metric.points = new Map(points.map(({ value, count }, place) => [first + place, [first + place, value, count]]));
    const sum = (of) => points.reduce((all, one) => all + (of(one) ?? 0), 0);
    const covered = Math.max(sum((one) => one.covered), 1);
    const [values, count] = [sum((one) => one.value * (one.count ?? 1)), sum((one) => one.count)];
    const isKnown = points.some(({ value, count: read }) => value !== null || read !== null);
    // Of a gauge the mean, of a counter how much it grew.
    const total = { gauge: count > 0 ? values / count : null, counter: values, histogram: count }[kind];
    this.metrics.push({ ...metric, value: isKnown ? total : null, sum: values, growth: (kind === "histogram" ? count : values) / covered });
  }

  /** Takes over what is so now. */
  follow(live) {
    this.live = live;
    for (const name of COMMON) this[name] = live[name];
    for (const row of [...this.rows, this.detail].filter(Boolean)) {
      const own = row === this.detail && live.detail?.kind === row.kind ? live.detail : null;
      const now = row === this.detail ? own : row.labels.length > 0 ? live.find(row.name) : live.kind(row.kind);
      Object.assign(row, { in_flight: now?.in_flight ?? null, oldest: now?.oldest ?? null });
    }
    this.ownCalls = live.ownCalls;
  }

  get now() {
    return this.live;
  }

  within() {
    return "in this range";
  }

  /** By the time that was observed. */
  rates(row, pick) {
    const { observed, step } = this.grid;
    return this.column(row, pick).map((value, place) => value / Math.max(observed[place], Math.min(1, step)));
  }

  /** The first and the last moment. */
  span() {
    return [timeOf(this.grid, 0), Math.min(timeOf(this.grid, this.grid.cells), Math.max(this.asked.to, timeOf(this.grid, this.grid.cells - 1)))];
  }

  /** The range of the picture, and the parts of it that are not as asked for. */
  words() {
    const { observed, step } = this.grid;
    const [from, to] = this.span();
    const oldest = storedSince();
    const known = observed.findIndex((seconds) => seconds > 0);
    const since = known < 0 ? Infinity : timeOf(this.grid, known);
    // The first that is known began somewhere in it, the last is still filling.
    const unseen = known < 0 ? 0 : observed.slice(known + 1, -1).reduce((sum, seconds) => sum + step - seconds, 0);
    const words = [`${moment(from, step < 60)} – ${moment(to, step < 60)}`, `${inWords(step)} resolution${step > this.asked.step ? `, as fine as it is stored; asked for ${inWords(this.asked.step)}` : ""}`];
    if (known < 0 && this.rows.length + this.metrics.length > 0) words.push("nothing is known of this time");
    else if (oldest > from && oldest < Infinity) words.push(`stored at most since ${moment(oldest)}`);
    else if (known > 0) words.push(`nothing is known before ${moment(since)}`);
    if (unseen >= 1) words.push(`not observed for ${age(unseen)}`);
    if (this.leftOut > 0) words.push(`${number(this.leftOut)} more series are not shown: a range has ${number(this.asked.limit)} at most`);
    return words.join(" · ");
  }
}

/** Buckets that were hit: `[outcome, lower, upper, count]`, of all outcomes. The first begins at 0, where no scale of a chart does. */
function histogram(bounds, { buckets, max }) {
  const upper = (place) => Math.min(bounds[place] ?? Infinity, max);
  const hit = buckets.map((count, place) => [0, bounds[place - 1] ?? upper(0) / Math.SQRT2, upper(place), count]);
  return hit.filter(([, , , count]) => count > 0);
}

/** Asks for ranges: one request after the other, and never one more than once a step. */
export class Asker {
  /** `onchange()` when there is something else to be shown. */
  constructor(onchange) {
    this.onchange = onchange;
    this.wanted = null;
    this.picture = null;
    /** Why nothing came. */
    this.problem = "";
    document.addEventListener("visibilitychange", () => this.poke());
  }

  /**
   * The wanted view: `{ path, page, range, live, at, isPaused }`, or `null`. `live()` is what is so now, `at()` the moment that
   * is now. With `name` and `then(asked)` it is a time before: `{ shift, to, since, until }`, `null` where it is not known.
   */
  watch(wanted) {
    const key = wanted && JSON.stringify([wanted.path, wanted.range, wanted.name]);
    if (key === this.key) return;
    const isOtherPage = wanted?.path !== this.wanted?.path || wanted?.name !== this.wanted?.name;
    Object.assign(this, { key, wanted, problem: "", isDue: wanted !== null });
    clearTimeout(this.timer);
    this.request?.abort();
    if (isOtherPage) this.picture = null;
    this.poke();
  }

  /** Whether what was asked for has not come yet. */
  get isComing() {
    return this.wanted !== null && this.picture?.key !== this.key;
  }

  /** Asks, where it is time to. */
  poke() {
    if (!this.isDue || document.hidden) return;
    const { page, range, live, at } = this.wanted;
    const known = live();
    const asked = page.past(known);
    // The series to ask for are not known yet.
    if (!asked) return;
    const to = range.to ?? at();
    const from = range.from ?? to - 1000 * range.length;
    this.isDue = false;
    this.ask(asked, { from, to, step: range.step ?? stepOf((to - from) / 1000, POINTS) }, known.detail ? null : page.labels);
  }

  async ask(names, asked, labels) {
    const { key, wanted } = this;
    const request = new AbortController();
    this.request = request;
    const began = Date.now();
    let wait = WAIT;
    try {
      await askStored(wanted.live().epoch, true);
      if (request.signal.aborted) return;
      const limit = wanted.page.topic?.of === "metrics" ? MOST_METRICS : MOST_SERIES;
      Object.assign(asked, { limit }, wanted.then && wholeSteps(wanted.then(asked), asked));
      const answers = [];
      while (names.length > 0) {
        const params = new URLSearchParams([...names.splice(0, MOST_NAMED), ...Object.entries({ from: asked.from / 1000, to: asked.to / 1000, step: asked.step, limit, joined: true })]);
        const answer = await patiently(`api/v1/query?${params}`, request.signal);
        if (answer.status === 401) location.reload();
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? answer.statusText);
        answers.push(await answer.json());
      }
      const kept = answers[0]?.step ?? asked.step;
      if (wanted.then && kept > asked.step && !isOn(asked, kept)) throw new Unknown(`of that time steps of ${inWords(kept)} are kept, in which other versions ran too`);
      if (answers.length === 0) answers.push({ start: new Date(asked.from).toISOString(), step: asked.step, series: [], metrics: [], left_out: 0 });
      this.picture = new Past(answers, { asked, labels });
      Object.assign(this.picture, { key, range: wanted.range });
      this.problem = "";
      wait = 1000 * this.picture.grid.step - (Date.now() - began);
    } catch (error) {
      if (request.signal.aborted) return;
      if (error instanceof Unknown) this.picture = null;
      this.problem = error instanceof Unknown ? error.message : error instanceof TypeError ? "The service does not answer." : `The service does not tell this: ${error.message}`;
    }
    const isOver = this.problem === "" && wanted.range.to <= wanted.at();
    clearTimeout(this.timer);
    // The past does not change: it moves along with what is shown.
    if (!isOver) this.timer = setTimeout(() => this.again(), Math.max(wait, wanted.name ? WAIT : 1000));
    this.onchange();
  }

  again() {
    this.isDue = true;
    // While the display is paused, what came stays.
    if (this.picture && this.wanted.isPaused() && !this.isComing) this.timer = setTimeout(() => this.again(), 1000);
    else this.poke();
  }
}

/** There is nothing to ask for. */
class Unknown extends Error {}

/**
 * A time before, as it is asked for: as long as what is shown, and of steps in which nothing else ran than what is meant. The past
 * is stored in steps of five seconds, and later of a minute: whole ones are asked for.
 */
function wholeSteps(then, { from, to, step }) {
  if (then === null) throw new Unknown("no version before is known");
  const stored = 1000 * (step <= 5 ? 5 : 60);
  const length = Math.max(1000 * step, stored);
  const end = Math.ceil(then.to / stored) * stored;
  const whole = {
    isAlone: then.until < Infinity,
    shift: then.shift,
    from: Math.max(end - (to - from), Math.ceil(then.since / length) * length),
    to: Math.min(end, Math.floor(then.until / length) * length),
  };
  if (whole.from >= whole.to) throw new Unknown(`the version before did not run alone for a step of ${inWords(length / 1000)}`);
  return whole;
}

/** Whether a time before is meant in whole steps of this length in seconds, or whatever ran then is meant. */
function isOn({ from, to, isAlone }, step) {
  return !isAlone || [from, to].every((at) => at % (1000 * step) === 0);
}

/** Asks; of a service that reads for others already, a few times. */
export async function patiently(path, signal) {
  for (let time = 0; ; time += 1) {
    const answer = await fetch(path, { signal });
    if (answer.status !== 429 || time === 5) return answer;
    await new Promise((done) => setTimeout(done, 300 + 300 * time));
  }
}
