// Alerts: what is wrong, since when, and who knows of it.

import { attribute, h, keepFocus, keyed, text, wide } from "./dom.js";
import { age, inUnit, label, moment, partsOf, seriesInShort, unitOf } from "./format.js";
import * as address from "./address.js";
import { toSubject } from "./catalog.js";
import { AlertHistory } from "./history.js";
import { ByRule } from "./byrule.js";
import { several, count } from "./bulk.js";
import { acknowledge, silence, toLogin, unsilence } from "./marks.js";
import { PopupSwitch } from "./popup.js";

/** Whether somebody is still to look after it: it fires, and nobody has acknowledged or silenced it. Every count is of these. */
export function isOpen(alert) {
  return alert.state === "firing" && !alert.acknowledged && alert.muted !== "silenced";
}

/** Whether it is about a series of calls, or about one of several that are shown together. */
export function concerns(alert, kind, labels) {
  const [name, own] = partsOf(alert.series);
  return name === kind && labels.length > 0 && labels.every((value, place) => own[place] === value);
}

/** Whether it is about a series of calls, a part of it or its kind: charts of the series show when it fired. */
export function touches(alert, { kind, labels }) {
  const [name, own] = partsOf(alert.series);
  return name === kind && own.every((value, place) => place >= labels.length || value === labels[place][1]);
}

/** A value of an alert; that of a metric in the unit that its name says. */
function inItsUnit(value, { unit, series }) {
  return inUnit(value, unitOf(series.split("{")[0], unit));
}

function limit(alert) {
  const { threshold } = alert;
  if (threshold === null || threshold === undefined) return "–";
  return Array.isArray(threshold) ? threshold.map((value) => inItsUnit(value, alert)).join(" to ") : inItsUnit(threshold, alert);
}

/** How a value stands to the limit: `1.54 s > 1.00 s`. */
function against(alert) {
  const { value, threshold } = alert;
  const sign = Array.isArray(threshold) ? "outside" : value > threshold ? ">" : value < threshold ? "<" : "at";
  return `${inItsUnit(value, alert)} ${sign} ${limit(alert)}`;
}

/** How long it has been so, when this was told. */
function lasting(alert, store) {
  return age((store.at - Date.parse(alert.since)) / 1000);
}

/** Whether a silence is about an alert. */
function covers(silence, { rule, labels }) {
  return (silence.rule ?? rule) === rule && Object.entries(silence.labels).every(([name, value]) => labels[name] === value);
}

/** The marks of an alert: who acknowledged it, and whether it is silenced. */
function known(alert, silences) {
  const { acknowledged, muted } = alert;
  const words = [];
  if (acknowledged) {
    const { by, comment, until } = acknowledged;
    words.push(`Acknowledged by ${by}${comment ? `: ${comment}` : ""}${until ? `, until ${moment(until)}` : ""}`);
  }
  if (muted === "silenced") {
    const one = silences.find((silence) => covers(silence, alert));
    words.push(one ? `Silenced by ${one.by} until ${moment(one.until)}` : "Silenced");
  } else if (muted) words.push(muted === "flapping" ? "Comes and goes too often: nobody is told" : "Told of a moment ago: nobody is told again");
  return words.join(". ");
}

/** One alert as a card. */
function make(alert) {
  const card = h("li", { class: "card alert" });
  card.parts = {
    badge: h("span", { class: "badge" }),
    name: h("h3", {}),
    series: h("a", { class: "series" }),
    message: h("p", {}),
    facts: h("dl", { class: "facts" }, ["Value", "Threshold", "Since", "Rule"].map((title) => h("div", {}, h("dt", {}, title), h("dd", {})))),
    mark: h("p", { class: "quiet" }),
    more: h("p", { class: "quiet" }),
    buttons: h("div", { class: "buttons" }),
    login: h("a", {}),
  };
  const { badge, name, series, message, facts, mark, more, buttons, login } = card.parts;
  buttons.append(
    h("button", { type: "button", class: "primary", onclick: () => acknowledge(card.alert) }, "Acknowledge"),
    h("button", { type: "button", onclick: () => silence(card.alert) }, "Silence"),
    h("button", { type: "button", class: "all", hidden: true, onclick: () => several(card.firing, card.alert.rule) }),
  );
  card.append(h("div", { class: "line" }, badge, name, series, buttons, login), message, facts, more, mark);
  return card;
}

function update(card, alert, store, ofRule) {
  card.alert = alert;
  card.firing = store.alerts.active;
  const { badge, name, series, message, facts, mark, more, buttons, login } = card.parts;
  const { state, severity, acknowledged } = alert;
  attribute(card, "data-severity", state === "firing" ? severity : state);
  text(badge, state === "firing" ? severity : state);
  text(name, alert.name);
  text(series, seriesInShort(alert.series));
  attribute(series, "href", toSubject(store, alert.series));
  text(message, alert.message);
  const values = [inItsUnit(alert.value, alert), limit(alert), `${moment(alert.since)} (${lasting(alert, store)})`, alert.rule];
  values.forEach((value, place) => text(facts.children[place].lastElementChild, value));
  text(more, [alert.description, alert.runbook && `What to do: ${alert.runbook}`].filter(Boolean).join(" "));
  more.hidden = more.textContent === "";
  text(mark, known(alert, store.alerts.silences));
  mark.hidden = mark.textContent === "";
  const isReader = store.role === "read";
  buttons.hidden = isReader;
  login.hidden = !isReader;
  // Readers who did not log in, as where no token is set, cannot do so as somebody else.
  const isSession = document.getElementById("logout") !== null;
  text(login, isSession ? "Sign in as admin to acknowledge" : "Read-only");
  attribute(login, "href", isSession ? toLogin() : null);
  const first = buttons.firstElementChild;
  const all = buttons.lastElementChild;
  all.hidden = state !== "firing" || ofRule < 2;
  if (!all.hidden) text(all, `All of this rule (${ofRule})`);
  const isAt = first === document.activeElement;
  first.hidden = Boolean(acknowledged) || state !== "firing";
  if (isAt && first.hidden) keepFocus(first, buttons);
  card.classList.toggle("known", state === "firing" && !isOpen(alert));
}

/** Those that are still to be looked after first, critical ones before others, the older before the younger. */
function byRank(alerts) {
  const rank = (alert) => (isOpen(alert) ? 0 : 2) + (alert.severity === "critical" ? 0 : 1);
  return alerts.toSorted((one, other) => rank(one) - rank(other) || one.id - other.id);
}

/** The alerts that fire and those that are about to. */
export class AlertList {
  constructor() {
    this.list = h("ul", { class: "alerts" });
    this.none = h("p", { class: "card quiet" }, "No active alerts.");
    this.element = h("section", { "aria-label": "Alerts", class: "page" }, this.none, this.list);
  }

  update(store) {
    if (!store.alerts) return;
    const shown = [...byRank(store.alerts.active), ...store.alerts.pending];
    const ofRule = Map.groupBy(store.alerts.active, ({ rule }) => rule);
    keyed(this.list, shown, (alert) => alert.id, make, (card, alert) => update(card, alert, store, ofRule.get(alert.rule)?.length ?? 0));
    this.none.hidden = shown.length > 0;
  }
}

/** Alerts that fire, a line each. */
export class AlertStrip {
  /** Of those that are open the worst `limit`; or of one series all, by what they are called. */
  constructor({ limit = Infinity, wanted = isOpen, isOwn = false } = {}) {
    Object.assign(this, { limit, wanted, isOwn });
    this.body = h("tbody");
    this.caption = h("caption", { class: "now" });
    this.all = h("p", { class: "more" }, h("a", {}, "All alerts and history"));
    this.element = h("section", { class: "card scroll", "aria-label": "Alerts" }, h("table", { class: "strip" }, this.caption, this.body), this.all);
  }

  /** Whether there are any. */
  update(store) {
    const firing = byRank((store.alerts?.active ?? []).filter(this.wanted));
    this.element.hidden = firing.length === 0;
    text(this.caption, firing.length === 1 ? "1 alert firing" : `${firing.length} alerts firing`);
    attribute(this.all.firstElementChild, "href", address.to("alerts"));
    const rows = () => h("tr", {}, h("td", {}, h("span", { class: "badge" })), h("th", { scope: "row", class: "name" }, h("a", {}), h("span", { class: "quiet" })), h("td", { class: "number" }), h("td", { class: "number quiet wide" }));
    keyed(this.body, firing.slice(0, this.limit), (alert) => alert.id, rows, (row, alert) => this.fill(row, alert, store));
    return firing.length > 0;
  }

  fill(row, alert, store) {
    const [badge, name, value, since] = row.children;
    attribute(row, "data-severity", alert.severity);
    text(badge.firstElementChild, alert.severity);
    const about = store.find(alert.series);
    const mark = known(alert, store.alerts.silences);
    text(name.firstElementChild, this.isOwn ? alert.name : about ? label(about) : seriesInShort(alert.series));
    attribute(name.firstElementChild, "href", (!this.isOwn && toSubject(store, alert.series)) || address.to("alerts"));
    text(name.lastElementChild, ` ${[this.isOwn ? "" : alert.name, mark].filter(Boolean).join(" · ")}`);
    text(value, against(alert));
    text(since, `for ${lasting(alert, store)}`);
  }
}

/** So many of the alerts that a silence mutes are named. */
const MUTED = 5;

/** The silences in force: which alerts each mutes now, whose it is, and until when. */
class Silences {
  constructor() {
    this.body = h("tbody");
    const head = h("thead", {}, h("tr", {}, ["What", "Mutes now", "By", "Until"].map((title) => h("th", { scope: "col" }, title)), h("th", { scope: "col" }, h("span", { class: "unseen" }, "End"))));
    this.element = wide("Silences", h("table", { class: "silences stack" }, h("caption", {}, "Silences"), head, this.body));
  }

  update(store) {
    const silences = store.alerts?.silences ?? [];
    this.element.hidden = silences.length === 0;
    keyed(this.body, silences, ({ id }) => id, (one) => this.make(one), (row, one) => this.fill(row, one, store));
  }

  make({ id, rule, labels, by, comment, until }) {
    const what = [rule ?? "all rules", ...Object.entries(labels).map(([name, value]) => `${name}=${value}`)].join(" ");
    const end = h("button", { type: "button", onclick: () => unsilence(id), "aria-label": `End the silence of ${what}` }, "End");
    return h("tr", {}, h("th", { scope: "row" }, what), h("td", { "data-title": "Mutes" }, h("span"), h("ul")), h("td", { "data-title": "By" }, h("b", {}, by), comment && h("span", { class: "quiet" }, ` ${comment}`)), h("td", { "data-title": "Until" }, moment(until)), h("td", {}, end));
  }

  fill(row, one, store) {
    const muted = store.alerts.active.filter((alert) => covers(one, alert));
    const [words, names] = row.children[1].children;
    text(words, muted.length === 0 ? "nothing that fires" : count(muted.length));
    words.classList.toggle("quiet", muted.length === 0);
    const shown = muted.slice(0, MUTED).map(({ id, name, series }) => [id, `${name}: ${seriesInShort(series)}`, toSubject(store, series)]);
    if (muted.length > MUTED) shown.push(["rest", `and ${muted.length - MUTED} more`, null]);
    keyed(names, shown, ([id]) => id, () => h("li", {}, h("a")), (item, [, name, href]) => {
      text(item.firstElementChild, name);
      attribute(item.firstElementChild, "href", href);
    });
    row.lastElementChild.firstElementChild.hidden = store.role === "read";
  }
}

export class Alerts {
  constructor() {
    this.title = "Alerts";
    this.about = "What fires and the silences are as they are now; the history is of this range";
    this.list = new AlertList();
    this.popups = new PopupSwitch();
    this.several = h("button", { type: "button", class: "several", hidden: true, onclick: () => several(this.firing) }, "Several at once");
    this.silences = new Silences();
    this.history = new AlertHistory();
    this.byRule = new ByRule();
    this.element = h(
      "div",
      { class: "page" },
      h("div", { class: "line" }, h("h1", {}, "Alerts"), this.several, this.popups.element),
      h("h2", { class: "unseen" }, "What fires or is about to"),
      this.list.element,
      this.silences.element,
      this.byRule.element,
      this.history.element,
    );
  }

  update(store) {
    this.list.update(store);
    this.firing = store.alerts?.active ?? [];
    this.several.hidden = store.role === "read" || this.firing.length < 2;
    this.popups.update();
    this.silences.update(store);
    this.byRule.update(store);
    this.history.update(store);
  }
}
