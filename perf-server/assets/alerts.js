// What is wrong, since when, and who knows of it.

import { attribute, h, keepFocus, keyed, text, wide } from "./dom.js";
import { age, inUnit, label, moment, partsOf, seriesInShort, unitOf } from "./format.js";
import * as address from "./address.js";
import { toSubject } from "./catalog.js";
import { AlertHistory } from "./history.js";
import { acknowledge, silence, toLogin, unsilence } from "./marks.js";

/** Whether somebody is still to look after it: it fires, and nobody has acknowledged or silenced it. Every count is of these. */
export function isOpen(alert) {
  return alert.state === "firing" && !alert.acknowledged && alert.muted !== "silenced";
}

/** Whether it is about a series of calls, or about one of several that are shown together. */
export function concerns(alert, kind, labels) {
  const [name, own] = partsOf(alert.series);
  return name === kind && labels.length > 0 && labels.every((value, place) => own[place] === value);
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

/** Who knows of it, and whether nobody is told. */
function known({ acknowledged, muted, rule, labels }, silences) {
  const words = [];
  if (acknowledged) {
    const { by, comment, until } = acknowledged;
    words.push(`Acknowledged by ${by}${comment ? `: ${comment}` : ""}${until ? `, until ${moment(until)}` : ""}`);
  }
  if (muted === "silenced") {
    const covers = (one) => (one.rule ?? rule) === rule && Object.entries(one.labels).every(([name, value]) => labels[name] === value);
    const one = silences.find(covers);
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
  );
  card.append(h("div", { class: "line" }, badge, name, series, buttons, login), message, facts, more, mark);
  return card;
}

function update(card, alert, store) {
  card.alert = alert;
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
  // Who did not log in, as where no token is set, cannot do so as somebody else.
  const isSession = document.getElementById("logout") !== null;
  text(login, isSession ? "Sign in as admin to acknowledge" : "Read-only");
  attribute(login, "href", isSession ? toLogin() : null);
  const first = buttons.firstElementChild;
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
    keyed(this.list, shown, (alert) => alert.id, make, (card, alert) => update(card, alert, store));
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

export class Alerts {
  constructor() {
    this.title = "Alerts";
    this.needs = ["alert_history"];
    this.list = new AlertList();
    this.silences = h("tbody");
    this.silencesCard = wide("Silences", h("table", {}, h("caption", {}, "Silences"), h("thead", {}, h("tr", {}, ["What", "By", "Until", ""].map((title) => h("th", { scope: "col" }, title)))), this.silences));
    this.history = new AlertHistory();
    this.element = h(
      "div",
      { class: "page" },
      h("h1", {}, "Alerts"),
      h("h2", { class: "unseen" }, "What fires or is about to"),
      this.list.element,
      this.silencesCard,
      this.history.element,
    );
  }

  update(store) {
    this.list.update(store);
    const silences = store.alerts?.silences ?? [];
    this.silencesCard.hidden = silences.length === 0;
    keyed(this.silences, silences, (one) => one.id, (one) => h("tr", {}, h("th", { scope: "row" }, [one.rule ?? "all rules", ...Object.entries(one.labels).map(([name, value]) => `${name}=${value}`)].join(" ")), h("td", {}, one.comment ? `${one.by}: ${one.comment}` : one.by), h("td", {}, moment(one.until)), h("td", {}, store.role === "read" ? "" : h("button", { type: "button", onclick: () => unsilence(one.id) }, "End"))));
    this.history.update(store);
  }
}
