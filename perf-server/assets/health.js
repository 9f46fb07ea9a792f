// How well the service is, and why it is not better.

import { attribute, h, keyed, s, text } from "./dom.js";
import { inUnit, label, number, seriesInShort } from "./format.js";
import * as address from "./address.js";
import { isOpen } from "./alerts.js";
import { toSubject } from "./catalog.js";

const RADIUS = 52;
const ROUND = 2 * Math.PI * RADIUS;

/** The verdicts: of what callers feel, and of what they may come to feel. */
const VERDICTS = [{ name: "serving", title: "Serving" }, { name: "resources", title: "Resources" }];

/** The colours of their statuses. */
const COLOURS = { healthy: "green", degraded: "yellow", unhealthy: "red" };

/** The verdicts, each with its status: `{ name, title, status }`. */
export function verdictsOf(health) {
  return VERDICTS.map((one) => ({ ...one, status: health[one.name] }));
}

/** The health in a few words, and whose it is: `84 resources degraded`, `100 healthy`. */
export function verdictInWords(health) {
  const ill = verdictsOf(health).filter(({ status }) => status && status !== "healthy");
  const words = ill.map(({ name, status }) => `${name} ${status}`);
  return `${Math.round(health.score)} ${words.join(", ") || health.status}`;
}

/** The score as a ring, and what took the points. */
export class Health {
  constructor() {
    this.arc = s("circle", { class: "arc", cx: 60, cy: 60, r: RADIUS, "stroke-dasharray": `0 ${ROUND}` });
    this.score = h("b", {}, "–");
    this.status = h("h2", { class: "status now" }, "");
    this.lead = h("p", { class: "quiet" });
    this.summary = h("summary", {}, "All health checks");
    this.verdicts = VERDICTS.map(({ name, title }) => {
      const [word, findings] = [h("b", { class: "mark" }), h("ul", {})];
      return { name, word, findings, element: h("section", { "aria-label": title }, h("h3", { class: "now" }, `${title}: `, word), findings) };
    });
    this.all = h("tbody");
    this.element = h(
      "section",
      { class: "card health", "aria-label": "Health" },
      h(
        "div",
        { class: "dial" },
        s("svg", { viewBox: "0 0 120 120", "aria-hidden": "true" }, s("circle", { class: "ring", cx: 60, cy: 60, r: RADIUS }), this.arc),
        h("p", {}, this.score, h("span", { class: "quiet" }, "of 100")),
      ),
      h("div", { class: "why" }, this.status, this.lead, h("div", { class: "lost" }, this.verdicts.map((one) => one.element))),
      h(
        "details",
        {},
        this.summary,
        h("div", { class: "scroll", role: "region", "aria-label": "All health checks", tabindex: 0 }, h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ["Indicator", "Status", "Value", "Warning", "Critical", "Calls", "Judged"].map((title, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, title)))),
          this.all,
        )),
      ),
    );
  }

  update(store) {
    const { health, indicators } = store;
    if (!health) return;
    text(this.score, String(Math.round(health.score)));
    text(this.status, health.status);
    attribute(this.element, "data-status", health.status);
    attribute(this.arc, "stroke-dasharray", `${(health.score / 100) * ROUND} ${ROUND}`);
    const sorted = [...indicators.values()].sort((one, other) => other.penalty - one.penalty || one.name.localeCompare(other.name));
    const taking = sorted.filter((one) => one.penalty > 0 || one.status === "yellow" || one.status === "red");
    const known = sorted.filter((one) => one.status !== "unknown").length;
    text(this.lead, taking.length > 0 ? "Why not 100:" : known > 0 ? `Nothing takes a point off. ${number(known)} ${known === 1 ? "indicator is" : "indicators are"} judged.` : "Nothing takes a point off, but nothing is judged yet either: that takes more calls.");
    text(this.summary, `All health checks (${number(sorted.length)})`);
    for (const { name, word, findings, element } of this.verdicts) {
      const status = health[name];
      attribute(element, "data-status", status);
      text(word, status);
      attribute(word, "class", `mark ${COLOURS[status] ?? "unknown"}`);
      keyed(findings, taking.filter((one) => one.verdict === name), (one) => one.name, () => h("li"), (item, one) => this.blame(item, one, store));
    }
    keyed(this.all, sorted, (one) => one.name, () => h("tr", {}, h("th", { scope: "row" }), h("td"), [0, 1, 2, 3, 4].map(() => h("td", { class: "number" }))), (row, one) => {
      // Any alert is one too many: that is no limit to be read.
      const limit = (value) => (one.aspect === "alerts" ? "–" : inUnit(value, one.unit));
      const values = [one.name, one.status, inUnit(one.value, one.unit), limit(one.warning), limit(one.critical), number(one.kind ? one.calls : null), over(one) || "now"];
      values.forEach((value, place) => text(row.children[place], value));
      attribute(row.children[1], "class", `mark ${one.status}`);
    });
  }

  /** One indicator that takes points: how many, why, and from which series. */
  blame(item, one, store) {
    const isAlerts = one.aspect === "alerts";
    const limit = one.status === "red" ? one.critical : one.warning;
    const points = one.penalty > 0 ? `−${number(one.penalty)}` : "0";
    const sentence = isAlerts ? firing(one, store) : is(one, limit);
    const shares = one.shares.slice(0, 3).map(([series, share]) => {
      const row = store.find(series);
      const words = `${row ? label(row) : seriesInShort(series)} ${share >= 0.05 ? `−${number(share)}` : ""}`;
      return [words, isAlerts ? address.to("alerts") : (toSubject(store, series) ?? address.to("metrics"))];
    });
    // Built anew only where it reads otherwise: a link under the pointer, or with the focus, stays.
    const shown = JSON.stringify([one.status, points, one.name, sentence, shares]);
    if (item.shown === shown) return;
    item.shown = shown;
    const links = shares.map(([words, href]) => h("li", {}, h("a", { href }, words)));
    item.replaceChildren(
      h("span", { class: `points mark ${one.status}` }, points),
      h("div", {}, h("b", {}, one.name), sentence, links.length > 0 ? h("ul", { class: "shares" }, links) : ""),
    );
  }
}

/** Over which time it was judged, where it is not about now: tiles and charts are of the window that was chosen. */
function over({ covered, span_seconds: span = covered }) {
  if (!span) return "";
  return span <= 60 ? "last minute" : `last ${number(Math.round(span / 60))} min`;
}

function is(one, limit) {
  const { value, own, unit, counted_in: other } = one;
  const span = over(one);
  const others = typeof own === "number" && typeof value === "number" ? `: this process ${inUnit(own, unit)}, others ${inUnit(Math.max(value - own, 0), unit)}` : "";
  return ` is ${inUnit(value, unit)}, limit ${inUnit(limit, unit)}${span ? ` (${span})` : ""}${others}${other ? `; the points are taken by ${other}` : ""}`;
}

/** The same alerts as everywhere, and those that somebody knows of already: they are judged as well. */
function firing(one, store) {
  const known = one.value - store.alerts.active.filter(isOpen).length;
  return `: ${number(one.value)} firing${known > 0 ? `, ${number(known)} of them acknowledged or silenced` : ""}`;
}

