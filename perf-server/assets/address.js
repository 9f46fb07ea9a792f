// The address holds what is shown, so that it can be sent to somebody and survives a reload:
// `#/database?window=1h&sort=-p95&find=users`.

/** An empty label would be no part of the path. */
const EMPTY = "%20";

const listeners = new Set();

/** The parts of the address: of the path, and the parameters. */
export function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map((part) => {
    try {
      return part === EMPTY ? "" : decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { page: parts[0] ?? "overview", parts: parts.slice(1), params: new URLSearchParams(query) };
}

/** The parameters kept from page to page: the time that is looked at. */
const KEPT = ["window", "range", "from", "to", "compare"];

/** An address. */
export function to(page, parts = [], params = {}) {
  const query = new URLSearchParams();
  const now = read().params;
  for (const name of KEPT) if (now.has(name)) query.set(name, now.get(name));
  for (const [name, value] of Object.entries(params)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const path = [page, ...parts].map((part) => (part === "" ? EMPTY : encodeURIComponent(part))).join("/");
  const tail = query.toString();
  return `#/${path}${tail ? `?${tail}` : ""}`;
}

/** The page of a series. */
export function toSeries(row) {
  return to("series", [row.kind, ...row.labels.map(([, value]) => value)]);
}

/** Changes parameters of this page, without a step in the browser's history. */
export function set(changes) {
  const now = read();
  const params = Object.fromEntries(now.params);
  history.replaceState(null, "", to(now.page, now.parts, { ...params, ...changes }));
  tell();
}

/** Changes parameters of this page: the browser's Back returns to what they were. */
export function go(changes) {
  const now = read();
  location.hash = to(now.page, now.parts, { ...Object.fromEntries(now.params), ...changes });
}

export function listen(listener) {
  listeners.add(listener);
}

function tell() {
  for (const listener of listeners) listener();
}

addEventListener("hashchange", tell);
