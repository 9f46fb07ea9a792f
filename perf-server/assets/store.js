// What is known of the service: the last message of everything, and the points of the window.

export class Store {
  constructor() {
    this.ready = false;
    this.window = null;
    this.clear();
  }

  clear() {
    this.rows = [];
    this.byName = new Map();
    this.detail = undefined;
    this.points = new Map();
    this.metrics = null;
    this.data = undefined;
  }

  /** Takes a message in. Gives what sort of news it is. */
  apply(message) {
    this.at = Date.parse(message.timestamp);
    if (message.type === "initial_data") this.begin(message);
    if (message.uptime !== undefined) this.uptime = message.uptime;
    if (message.grid) {
      this.grid = message.grid;
      this.gridAt = this.at;
    }
    this.applyCommon(message);
    this.applySeries(message);
    return message.type;
  }

  begin(message) {
    this.clear();
    this.ready = true;
    this.window = message.window;
    this.service = message.service;
    this.config = message.config;
    this.columns = message.columns;
    this.pointColumns = message.point_columns;
    this.indicators = new Map();
  }

  applyCommon(message) {
    if (message.health) this.health = message.health;
    if (message.indicators) this.indicators = new Map(message.indicators.map((one) => [one.name, one]));
    for (const one of message.indicators_changed ?? []) this.indicators?.set(one.name, one);
    if (message.alerts) this.alerts = message.alerts;
    if (message.alert_history) this.history = message.alert_history;
    if (message.event) this.applyEvent(message.event);
    if (message.calls) {
      this.calls = message.calls.map(withPairs);
      this.callsAt = Date.now();
    }
    if (message.metric_names) this.names = message.metric_names;
    if (message.data !== undefined) this.data = message.data;
    this.applyMetrics(message);
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

  /** What a metric was over the window: a gauge its value, a counter how fast it grew, a histogram its mean or how often. */
  valuesOf(metric, isRate = metric.kind === "counter") {
    if (!isRate) return this.column(metric, (point) => point[1]);
    return this.rates(metric, (point) => point[metric.kind === "histogram" ? 2 : 1]);
  }

  /** An alert as it is now, before the next tick says so. */
  applyEvent({ alert }) {
    if (!this.alerts) return;
    const without = this.alerts.active.filter((one) => one.id !== alert.id);
    if (alert.state === "firing") this.alerts.active = [...without, alert].sort((one, other) => one.id - other.id);
    if (alert.state === "resolved") this.alerts.active = without;
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
    const row = { id, kind, labels, name, points: new Map(points.map((point) => [point[0], point])) };
    this.rows[id] = row;
    this.byName.set(name, row);
    this.number(row, numbers);
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
    const began = this.uptime === undefined ? 0 : cells - 1 - Math.floor(this.uptime / step);
    for (let place = 0; place < cells; place += 1) {
      const span = place === cells - 1 ? Math.max(filled ?? step, Math.min(1, step)) : step;
      if (Number.isNaN(values[place])) values[place] = place < began ? NaN : 0;
      else values[place] /= span;
    }
    return values;
  }

  /** When a place of a column began, in milliseconds since 1970. */
  timeOf(place) {
    const { cells, step, filled } = this.grid;
    return (this.gridAt ?? this.at) - ((filled ?? step) + (cells - 1 - place) * step) * 1000;
  }
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
