// Numbers as people read them.

const NONE = "–";

function digits(value) {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function isNone(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

/** Seconds: `1.20 s`, `340 ms`, `12.0 µs`, `3m 20s`. */
export function duration(seconds) {
  if (isNone(seconds)) return NONE;
  if (seconds === 0) return "0 s";
  if (seconds < 1e-6) return `${digits(seconds * 1e9)} ns`;
  if (seconds < 1e-3) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 60) return `${digits(seconds)} s`;
  return age(seconds);
}

/** For how long something has run already. */
export function since(seconds) {
  return seconds < 1 ? duration(seconds) : age(seconds);
}

/** Long times: `3m 20s`, `2h 5m`, `4d 3h`. */
export function age(seconds) {
  if (isNone(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${seconds < 10 ? Math.max(0, seconds).toFixed(1) : whole} s`;
  const [d, hours, m, sec] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  if (d > 0) return `${d}d ${hours}h`;
  if (hours > 0) return `${hours}h ${m}m`;
  return `${m}m ${sec}s`;
}

/** Counts and other numbers: `1,234`, `12.3k`, `4.56M`. */
export function number(value) {
  if (isNone(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)}G`;
  if (size >= 1e6) return `${digits(value / 1e6)}M`;
  if (size >= 1e4) return `${digits(value / 1e3)}k`;
  if (size >= 1e3) return Math.round(value).toLocaleString("en");
  if (Number.isInteger(value)) return String(value);
  return size >= 0.01 || size === 0 ? digits(value) : value.toPrecision(2);
}

/** Calls a second; slow ones by the minute. */
export function rate(perSecond) {
  if (isNone(perSecond)) return NONE;
  if (perSecond === 0) return "0 /s";
  return perSecond < 0.095 ? `${digits(perSecond * 60)} /min` : `${number(perSecond)} /s`;
}

/** A share, usually of 0 to 1: `1.25 %`. What is nearly all is not said to be all: `99.99 %`. */
export function share(ratio) {
  if (isNone(ratio)) return NONE;
  const percent = ratio * 100;
  if (percent === 0) return "0 %";
  if (percent > 99 && percent < 100) return `${(Math.floor(percent * 100 + 1e-6) / 100).toFixed(2)} %`;
  return percent < 0.01 ? "< 0.01 %" : `${digits(percent)} %`;
}

export function bytes(value) {
  if (isNone(value)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  let size = value;
  while (Math.abs(size) >= 1024 && place < units.length - 1) {
    size /= 1024;
    place += 1;
  }
  return `${place === 0 ? Math.round(size) : digits(size)} ${units[place]}`;
}

bytes.isBinary = true;

/** Bytes a second. */
export function throughput(value) {
  return isNone(value) ? NONE : `${bytes(value)}/s`;
}
throughput.isBinary = true;

/** A value in a unit as the service names it. */
export function inUnit(value, unit) {
  if (isNone(value)) return NONE;
  // Of a number that is not finite: "+Inf".
  if (typeof value === "string") return value;
  if (unit === "seconds") return duration(value);
  if (unit === "ratio") return share(value);
  if (unit === "bytes") return bytes(value);
  if (unit === "bytes_per_second") return throughput(value);
  return unit && unit !== "count" && unit !== "plain" ? `${number(value)} ${unit}` : number(value);
}

const UNITS = { percent: "%", hertz: "/s", bytes_per_hour: "B/h", bytes_per_call: "B a call" };

/** The unit of a metric. Where nobody said one, its name may. */
export function unitOf(name, unit) {
  if (unit && unit !== "plain") return UNITS[unit] ?? unit;
  const bare = name.replace(/_total$/, "");
  return ["seconds", "bytes", "ratio"].find((end) => bare.endsWith(`_${end}`)) ?? "";
}

/** How fast a metric of a unit grows: bytes each second; of seconds the share of the time; of others how many. */
export function growth(perSecond, unit) {
  if (unit === "bytes") return throughput(perSecond);
  return unit === "seconds" ? share(perSecond) : rate(perSecond);
}

/** A series by the name that the service gives it, `db_operation{operation=select,table=users}`: the metric, and values of labels. */
export function partsOf(series) {
  const [name] = series.split("{");
  // Commas in values are escaped; braces, which routes have, are not.
  const labels = series.slice(name.length + 1, -1).match(/(?:\\.|[^,\\])+/g) ?? [];
  return [name, labels.map((one) => one.slice(one.indexOf("=") + 1).replace(/\\(.)/g, "$1"))];
}

/** A series in short: the values of its labels, and before them the metric. A kind of calls needs none: `select users`. */
export function seriesInShort(series) {
  const [name, labels] = partsOf(series);
  const values = labels.filter(Boolean);
  if (KINDS[name]) return values.join(" ") || kindName(name);
  return [name, ...values].join(" ");
}

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const SHORT_CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat([], { month: "short", day: "numeric" });

/** A time of day, in milliseconds since 1970. */
export function clock(millis, withSeconds = true) {
  return (withSeconds ? CLOCK : SHORT_CLOCK).format(millis);
}

/** A moment: the time of day, and the day where it is another. */
export function moment(textOrMillis, withSeconds = true) {
  if (isNone(textOrMillis)) return NONE;
  const at = new Date(textOrMillis);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock(at, withSeconds) : `${DAY.format(at)} ${clock(at, withSeconds)}`;
}

/** A moment below a chart: where a day begins, that day. */
export function tick(millis, apart) {
  const at = new Date(millis);
  const isDay = at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0;
  return apart >= 3_600_000 && isDay ? DAY.format(at) : clock(at, apart < 60_000);
}

const KINDS = {
  http_request: ["HTTP requests", "request"],
  db_operation: ["Database operations", "operation"],
  workflow: ["Workflows", "workflow"],
  workflow_step: ["Workflow steps", "step"],
  agent: ["Agent runs", "run"],
  tool: ["Tool calls", "call"],
  mcp_call: ["MCP calls", "call"],
  external_call: ["External calls", "call"],
  llm_call: ["LLM calls", "call"],
  operation: ["Operations", "call"],
};

export function kindName(kind) {
  return KINDS[kind]?.[0] ?? kind;
}

/** A series in words: `GET /users/{id}`, `select users`. */
export function label(row) {
  const values = row.labels.map(([, value]) => (value === "" ? "(none)" : value));
  return values.length > 0 ? values.join(" ") : kindName(row.kind);
}

/** How long a step is: `5 s`, `10 min`, `6 h`. */
export function inWords(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${seconds / 60} min`;
  return seconds < 86_400 ? `${number(seconds / 3600)} h` : `${number(seconds / 86_400)} d`;
}
