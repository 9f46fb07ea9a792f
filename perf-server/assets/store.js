// The state of the service as it is known: the last message of everything, and the points of the window.

import { boots } from "./stored.js";

/** Fields known whatever is watched. */
export const COMMON = ["at", "epoch", "uptime", "bootAt", "service", "config", "role", "topic", "window", "health", "indicators", "alerts", "episodes", "hasValues", "calls", "names", "resets", "cards"];

/** How long each window is, in seconds, and how far its points lie apart. */
export const SECONDS = { "1m": { length: 60, step: 1 }, "5m": { length: 300, step: 5 }, "15m": { length: 900, step: 60 }, "1h": { length: 3600, step: 60 } };

/** Whether a topic, as the service names it, is what somebody wants to watch. */
export function isTopic(topic, { of = "calls", kind, labels }) {
  if (!topic) return false;
  return kind ? topic.kind === kind && JSON.stringify(topic.labels) === JSON.stringify(labels) : topic.of === of;
}

/** Calls that failed: errors that nobody expected, and panics. */
export const failed = ({ error, expected_errors: expected, panicked }) => error - (expected ?? 0) + panicked;

/** Cancelled calls of which nobody said that they are part of the plan. */
export const dropped = ({ cancelled, expected_cancelled: expected }) => cancelled - (expected ?? 0);

/** Their share of calls, as the health counts it: those of the plan are in neither number. */
export function cancelledRate(counts) {
  const all = counts.ok + counts.error + counts.panicked + dropped(counts);
  return all > 0 ? dropped(counts) / all : null;
}

export class Store {
  constructor() {
    this.window = null;
    this.clear();
  }

  /** A copy of the fields known whatever is watched: it goes on with the service while this is held as it is. */
  fork() {
    const other = new Store();
    for (const name of COMMON) other[name] = this[name];
    other.indicators = this.indicators && new Map(this.indicators);
    other.sights = this.sights;
    return other;
  }

  /** Whether this is about what somebody wants to look at, over whatever window. Until then nothing is known of it. */
  isOf(wanted) {
    return isTopic(this.topic, wanted);
  }

  /** Whether all is known but what somebody goes without. */
  has(without) {
    return Boolean(this.hasValues) || Boolean(without?.includes("indicator_values"));
  }

  /** Takes in what it went without, as it is a moment later. */
  complete({ indicators }) {
    if (!this.hasValues && indicators?.every((one) => "value" in one)) {
      this.indicators = new Map(indicators.map((one) => [one.name, one]));
      this.hasValues = true;
    }
  }

  /** Forgets the parts that come no more. */
  leaveOut(without = []) {
    if (without.includes("indicator_values")) this.hasValues = false;
  }

  clear() {
    this.rows = [];
    this.byName = new Map();
    this.detail = undefined;
    this.points = new Map();
    this.metrics = null;
    this.data = undefined;
    this.ownCalls = null;
  }

  /** Takes a message in. */
  apply(message) {
    this.applyCommon(message);
    if (message.type === "initial_data") this.begin(message);
    if (message.row_points) this.applyPoints(message.row_points);
    // It is never changed: who draws by it goes on with what was true then.
    if (message.grid) this.grid = message.grid;
    if (message.own_calls) this.ownCalls = message.own_calls.map(withPairs);
    if (message.data !== undefined) this.data = message.data;
    this.applyMetrics(message);
    this.applySeries(message);
  }

  begin(message) {
    this.clear();
    this.columns = message.columns;
    this.pointColumns = message.point_columns;
  }

  /** Takes in what comes whatever is watched. */
  applyCommon(message) {
    this.at = Date.parse(message.timestamp);
    if (message.type === "initial_data") this.meet(message);
    if (message.uptime !== undefined) {
      this.uptime = message.uptime;
      this.bootAt ??= this.at - 1000 * message.uptime;
    }
    if (message.health) this.health = message.health;
    // A change of the health tells all, of which only a part may be kept up to date.
    if (message.indicators && message.type !== "health_changed") this.hasValues = message.indicators.every((one) => "value" in one);
    if (message.indicators) this.indicators = new Map(message.indicators.map((one) => [one.name, one]));
    for (const one of message.indicators_changed ?? []) this.indicators?.set(one.name, one);
    if (message.alerts) this.alerts = message.alerts;
    if (message.event) this.applyEvent(message.event);
    if (message.calls) this.calls = message.calls.map(withPairs);
    if (message.calls_total !== undefined) this.allCalls = message.calls_total;
    if (message.metric_names) this.names = message.metric_names;
    if (message.resets) this.resets = message.resets;
    if (message.cards) this.cards = message.cards;
  }

  /** Takes in the service and the topic of a first message. */
  meet(message) {
    if (message.epoch !== this.epoch) this.bootAt = undefined;
    for (const name of ["epoch", "topic", "window", "service", "config"]) this[name] = message[name];
    // Of each client, where the service tells it; not where everything begins anew for all.
    this.role = message.role ?? message.access ?? this.role;
  }

  /** Only who looks at metrics is sent them. */
  applyMetrics(message) {
    const isFirst = message.type === "initial_data";
    if (isFirst && message.metrics) this.metrics = [];
    if (!this.metrics) return;
    for (const { numbers, points = [], ...one } of (isFirst ? message.metrics : message.new_metrics) ?? []) {
      const metric = withPairs(one);
      const key = `${metric.name} ${JSON.stringify(metric.labels)} ${metric.kind}`;
      this.metrics[metric.id] = { ...metric, key, points: new Map(points.map((point) => [point[0], point])) };
      if (numbers) stand(this.metrics[metric.id], numbers);
    }
    if (isFirst) return;
    for (const [id, numbers, ...points] of message.metrics ?? []) {
      stand(this.metrics[id], numbers);
      for (const point of points) this.metrics[id].points.set(point[0], point);
    }
  }

  /** The series of a metric that are there now; of all where no name is given. */
  metricsOf(name) {
    return this.metrics?.filter((metric) => metric.value !== null && (name === null || metric.name === name)) ?? [];
  }

  /** The values of a metric over the window: a gauge its value, a counter how fast it grew, a histogram its mean or how often. */
  valuesOf(metric, isRate = metric.kind === "counter") {
    if (!isRate) return this.column(metric, (point) => point[1]);
    return this.rates(metric, (point) => point[metric.kind === "histogram" ? 2 : 1]);
  }

  /** An alert as it is now, before the next tick says so. */
  applyEvent({ alert }) {
    if (!this.alerts) return;
    const without = this.alerts.active.filter((one) => one.id !== alert.id);
    const active = alert.state === "firing" ? [...without, alert].sort((one, other) => one.id - other.id) : without;
    if (alert.state === "firing" || alert.state === "resolved") this.alerts = { ...this.alerts, active };
  }

  applySeries(message) {
    if (message.rows && message.type === "initial_data") {
      for (const row of message.rows) this.addRow(row, row.numbers, row.points);
    } else {
      for (const row of message.new ?? []) this.addRow(row, [], []);
      for (const [id, numbers, ...points] of message.rows ?? []) this.updateRow(id, numbers, points);
    }
    if (message.detail !== undefined) this.applyDetail(message);
    this.forget();
  }

  addRow(message, numbers, points) {
    const { id, kind, labels, name } = withPairs(message);
    // Of a series the points may come later, when somebody looks at them.
    const row = { id, kind, labels, name, isBare: labels.length > 0 && points.length === 0, points: new Map(points.map((point) => [point[0], point])) };
    this.rows[id] = row;
    this.byName.set(name, row);
    this.number(row, numbers);
  }

  /** Takes in the points of rows that had none. */
  applyPoints(rows) {
    for (const [id, ...points] of rows) {
      const row = this.rows[id];
      if (!row) continue;
      row.isBare = false;
      row.points = new Map([...points.map((point) => [point[0], point]), ...row.points].sort(([one], [other]) => one - other));
    }
  }

  updateRow(id, numbers, points) {
    const row = this.rows[id];
    if (!row) return;
    this.number(row, numbers);
    for (const point of points) row.points.set(point[0], point);
  }

  number(row, numbers) {
    this.columns.forEach((column, place) => {
      row[column] = numbers[place] ?? null;
    });
    row.rate = row.covered ? row.count / Math.max(row.covered, 1) : 0;
    row.cancelled_rate = cancelledRate(row);
  }

  applyDetail(message) {
    if (message.detail === null) {
      this.detail = null;
      return;
    }
    const row = { ...withPairs(message.detail), parts: message.detail.parts.map(withPairs), points: this.points };
    this.number(row, message.detail.numbers);
    for (const point of message.points ?? []) this.points.set(point[0], point);
    this.detail = row;
  }

  /** Points that the window has left behind. */
  forget() {
    if (!this.grid) return;
    const oldest = this.grid.newest - this.grid.cells + 1;
    const maps = [...this.rows.map((row) => row.points), ...(this.metrics ?? []).map((metric) => metric.points), this.points];
    for (const points of maps) {
      for (const cell of points.keys()) {
        if (cell >= oldest) break;
        points.delete(cell);
      }
    }
  }

  /** The series of a kind, without the kind as a whole. */
  series(kind) {
    return this.rows.filter((row) => row && row.kind === kind && row.labels.length > 0);
  }

  /** A kind as a whole. */
  kind(kind) {
    return this.rows.find((row) => row && row.kind === kind && row.labels.length === 0);
  }

  /** Kinds that have series. */
  kinds() {
    return this.rows.filter((row) => row && row.labels.length === 0).map((row) => row.kind);
  }

  /** The series that somebody names; a request with its status is its route. */
  find(name) {
    return this.byName.get(name) ?? this.byName.get(name.replace(/,status=("[^]*"|[^,}]*)}$/, "}"));
  }

  /** A column of points over the window: one value a cell, `NaN` where there is none. */
  column(row, pick) {
    const { cells, newest } = this.grid;
    const values = new Float64Array(cells).fill(NaN);
    for (const point of row.points.values()) {
      const place = point[0] - newest + cells - 1;
      if (place >= 0 && place < cells) values[place] = pick(point) ?? NaN;
    }
    return values;
  }

  /** Calls a second of some outcomes over the window: 0 where nothing ended, `NaN` before the process began. */
  rates(row, pick) {
    const values = this.column(row, pick);
    const { cells, newest, step, filled } = this.grid;
    const began = this.bootAt === undefined ? 0 : Math.floor(this.bootAt / (1000 * step)) - (newest - cells + 1);
    for (let place = 0; place < cells; place += 1) {
      const span = place === cells - 1 ? Math.max(filled ?? step, Math.min(1, step)) : step;
      if (Number.isNaN(values[place])) values[place] = place < began ? NaN : 0;
      else values[place] /= span;
    }
    return values;
  }

  /** How the health sees a value that it judges by an indicator: `bad`, `warn`, or nothing to say. */
  judge(indicator, value) {
    const limits = this.indicators?.get(indicator);
    if (!limits || value === null) return "";
    return value > limits.critical ? "bad" : value > limits.warning ? "warn" : "";
  }

  /** How a metric stands: as an indicator says, or an alert about it. */
  stateOf(indicator, metric) {
    const colour = { yellow: "warn", red: "bad" }[this.indicators?.get(indicator)?.status];
    const alerts = (this.alerts?.active ?? []).filter(({ series }) => series.split("{")[0] === metric);
    const worst = alerts.some(({ severity }) => severity === "critical") ? "bad" : alerts.length > 0 ? "warn" : "";
    return colour ?? worst;
  }

  /** The picture of the present: of a range it is another one. */
  get now() {
    return this;
  }

  /** The first and the last moment. */
  span() {
    return [this.at - 1000 * SECONDS[this.window].length, this.at];
  }

  /** Of which time the numbers are, in words. */
  within() {
    return `in the last ${this.window}`;
  }

  /** The processes of the service, the first first: those that are stored, and this one, which is stored some seconds later. */
  processes() {
    const known = boots();
    const isStored = known.some(({ ended, clean }) => !clean && ended > this.bootAt);
    return this.bootAt === undefined || isStored ? known : [...known, { at: this.bootAt, ended: null, version: this.service?.version }];
  }

  /** Moments of which a chart has a mark: when processes began, and when the baseline was moved. */
  marks() {
    const began = this.processes().map(({ at, version }, place, all) => ({ at, label: beginning(version, all[place - 1]?.version) }));
    return [...began, ...(this.resets ?? []).map((at) => ({ at: Date.parse(at), label: "reset" }))];
  }

  /** All that a chart marks: moments, and when alerts fired, of those that `isOurs(alert)`. */
  marked(isOurs) {
    return { marks: this.marks(), alerts: this.episodes?.spans(this, isOurs) ?? [] };
  }
}

/** The name of the begin of a process. */
function beginning(version, before) {
  if (!version || version === before) return "started";
  return before ? `new version ${version}` : `started ${version}`;
}

/** When a place of a column began, in milliseconds since 1970: cells are numbered from there. */
export function timeOf({ newest, cells, step }, place) {
  return (newest - cells + 1 + place) * step * 1000;
}

/** The labels as pairs of name and value, in their order: the feed writes an object. */
function withPairs(one) {
  return { ...one, labels: Object.entries(one.labels) };
}

/** How a metric stands: a histogram by the number of its values and their sum; `null` where it is known no more. */
function stand(metric, numbers) {
  const [value, sum] = numbers ?? [null];
  Object.assign(metric, { value, sum });
}

/** The places of numbers in a point. */
export const OK = 1;
export const ERROR = 2;
export const PANICKED = 3;
export const CANCELLED = 4;
export const MEAN = 5;
export const P50 = 6;
export const P95 = 7;
export const P99 = 8;
export const MAX = 9;
export const BUSY = 10;
export const BUCKETS = 11;
