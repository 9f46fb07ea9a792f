// What is wrong, since when, who knows of it, and what was.

import { attribute, breakable, h, keepFocus, keyed, text, wide } from "./dom.js";
import { age, inUnit, label, moment, seriesInShort, unitOf } from "./format.js";
import * as address from "./address.js";
import { choose, chosen } from "./choices.js";
import { toMetric } from "./catalog.js";

/** A value of an alert; that of a metric in the unit that its name says. */
function inItsUnit(value, { unit, series }) {
  return inUnit(value, unitOf(series.split("{")[0], unit));
}

function limit(alert) {
  const { threshold } = alert;
  if (threshold === null || threshold === undefined) return "–";
  return Array.isArray(threshold) ? threshold.map((value) => inItsUnit(value, alert)).join(" to ") : inItsUnit(threshold, alert);
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
  };
  const { badge, name, series, message, facts, mark, more, buttons } = card.parts;
  buttons.append(
    h("button", { type: "button", class: "primary", onclick: () => acknowledge(card.alert) }, "Acknowledge"),
    h("button", { type: "button", onclick: () => silence(card.alert) }, "Silence"),
  );
  card.append(h("div", { class: "line" }, badge, name, series, buttons), message, facts, more, mark);
  return card;
}

function update(card, alert, store) {
  card.alert = alert;
  const { badge, name, series, message, facts, mark, more, buttons } = card.parts;
  const { state, severity, acknowledged, muted } = alert;
  attribute(card, "data-severity", state === "firing" ? severity : state);
  text(badge, state === "firing" ? severity : state);
  text(name, alert.name);
  text(series, seriesInShort(alert.series));
  const row = store.find?.(alert.series);
  attribute(series, "href", row ? address.toSeries(row) : toMetric(store, alert.series));
  text(message, alert.message);
  const since = Date.parse(alert.since);
  const values = [inItsUnit(alert.value, alert), limit(alert), `${moment(since)} (${age((Date.now() - since) / 1000)})`, alert.rule];
  values.forEach((value, place) => text(facts.children[place].lastElementChild, value));
  text(more, [alert.description, alert.runbook && `What to do: ${alert.runbook}`].filter(Boolean).join(" "));
  more.hidden = more.textContent === "";
  const known = acknowledged ? `Acknowledged by ${acknowledged.by}${acknowledged.comment ? `: ${acknowledged.comment}` : ""}${acknowledged.until ? `, until ${moment(acknowledged.until)}` : ""}` : "";
  text(mark, [known, muted && `Not told: ${muted}`].filter(Boolean).join(". "));
  mark.hidden = mark.textContent === "";
  const first = buttons.firstElementChild;
  const isAt = first === document.activeElement;
  first.hidden = Boolean(acknowledged) || state !== "firing";
  if (isAt && first.hidden) keepFocus(first, buttons);
  card.classList.toggle("known", Boolean(acknowledged || muted));
}

/** Critical ones first, those that somebody knows of last, the older before the younger. */
function byRank(alerts) {
  const rank = (alert) => (alert.acknowledged ? 2 : 0) + (alert.severity === "critical" ? 0 : 1);
  return alerts.toSorted((one, other) => rank(one) - rank(other) || one.id - other.id);
}

/** The alerts that fire and those that are about to. */
export class AlertList {
  constructor() {
    this.list = h("ul", { class: "alerts" });
    this.none = h("p", { class: "card quiet" }, "Nothing is wrong: no alert fires, and none is pending.");
    this.element = h("section", { "aria-label": "Alerts", class: "page" }, this.none, this.list);
  }

  update(store) {
    if (!store.alerts) return;
    const shown = [...byRank(store.alerts.active), ...store.alerts.pending];
    keyed(this.list, shown, (alert) => alert.id, make, (card, alert) => update(card, alert, store));
    this.none.hidden = shown.length > 0;
  }
}

/** The worst alerts that nobody has acknowledged, a line each. */
export class AlertStrip {
  constructor(limit) {
    this.limit = limit;
    this.body = h("tbody");
    this.caption = h("caption");
    this.all = h("p", { class: "more" }, h("a", {}, "All alerts, and what happened before"));
    this.element = h("section", { class: "card scroll", "aria-label": "Alerts" }, h("table", { class: "strip" }, this.caption, this.body), this.all);
  }

  update(store) {
    const firing = byRank((store.alerts?.active ?? []).filter((alert) => !alert.acknowledged));
    this.element.hidden = firing.length === 0;
    text(this.caption, firing.length === 1 ? "1 alert fires" : `${firing.length} alerts fire`);
    attribute(this.all.firstElementChild, "href", address.to("alerts"));
    const rows = () => h("tr", {}, h("td", {}, h("span", { class: "badge" })), h("th", { scope: "row", class: "name" }, h("a", {}), h("span", { class: "quiet" })), h("td", { class: "number" }), h("td", { class: "number quiet wide" }));
    keyed(this.body, firing.slice(0, this.limit), (alert) => alert.id, rows, (row, alert) => {
      const [badge, name, value, since] = row.children;
      attribute(row, "data-severity", alert.severity);
      text(badge.firstElementChild, alert.severity);
      const known = store.find(alert.series);
      text(name.firstElementChild, known ? label(known) : seriesInShort(alert.series));
      attribute(name.firstElementChild, "href", known ? address.toSeries(known) : (toMetric(store, alert.series) ?? address.to("alerts")));
      text(name.lastElementChild, ` ${alert.name}`);
      text(value, `${inItsUnit(alert.value, alert)} of ${limit(alert)}`);
      text(since, `for ${age((Date.now() - Date.parse(alert.since)) / 1000)}`);
    });
  }
}

export class Alerts {
  constructor() {
    this.title = "Alerts";
    this.list = new AlertList();
    this.silences = h("tbody");
    this.silencesCard = wide("Silences", h("table", {}, h("caption", {}, "Silences"), h("thead", {}, h("tr", {}, ["What", "By", "Until", ""].map((title) => h("th", { scope: "col" }, title)))), this.silences));
    this.history = h("tbody");
    this.empty = h("p", { class: "quiet more" }, "Nothing happened yet.");
    this.element = h(
      "div",
      { class: "page" },
      h("h1", {}, "Alerts"),
      h("h2", { class: "unseen" }, "What fires or is about to"),
      this.list.element,
      this.silencesCard,
      wide("What happened", h("table", { class: "history" }, h("caption", {}, "What happened, the latest first"), h("thead", {}, h("tr", {}, ["When", "What", "Alert", "Message"].map((title) => h("th", { scope: "col" }, title)))), this.history), this.empty),
    );
  }

  update(store) {
    this.list.update(store);
    const silences = store.alerts?.silences ?? [];
    this.silencesCard.hidden = silences.length === 0;
    keyed(this.silences, silences, (one) => one.id, (one) => h("tr", {}, h("th", { scope: "row" }, [one.rule ?? "all rules", ...Object.entries(one.labels).map(([name, value]) => `${name}=${value}`)].join(" ")), h("td", {}, one.comment ? `${one.by}: ${one.comment}` : one.by), h("td", {}, moment(one.until)), h("td", {}, h("button", { type: "button", onclick: () => unsilence(one.id) }, "End"))));
    const events = (store.history ?? []).toReversed();
    this.empty.hidden = events.length > 0;
    keyed(this.history, events, ({ at, transition, alert }) => `${at} ${transition} ${alert.id} ${alert.severity}`, (event) => {
      const { at, transition, alert } = event;
      const by = transition === "acknowledged" && alert.acknowledged ? `${alert.acknowledged.by}: ${alert.acknowledged.comment}` : alert.message;
      return h("tr", {}, h("td", {}, h("time", { datetime: at }, moment(at))), h("td", {}, h("span", { class: `mark ${transition === "fired" || transition === "changed" ? alert.severity : transition}` }, transition)), h("th", { scope: "row" }, alert.name, " ", h("span", { class: "quiet series" }, breakable(seriesInShort(alert.series)))), h("td", {}, by));
    });
  }
}

/** A dialog with a form. `send(fields)` gives what went wrong, or nothing. */
function ask(title, about, fields, button, send) {
  const problem = h("p", { class: "problem", role: "alert" });
  problem.hidden = true;
  const form = h("form", { method: "dialog" });
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const submit = h("button", { type: "submit", class: "primary" }, button);
  form.append(h("h2", { id: "dialog-title" }, title), h("p", { class: "quiet" }, about), ...fields, problem, h("div", { class: "buttons" }, submit, cancel));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    const failure = await send(Object.fromEntries(new FormData(form)));
    submit.disabled = false;
    if (!failure) return dialog.close();
    problem.replaceChildren(...failure);
    problem.hidden = false;
  });
  const opener = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    // The button that it was opened by may be gone by now.
    if (document.activeElement === document.body) keepFocus(opener, opener.parentElement);
  });
  document.body.append(dialog);
  dialog.showModal();
}

function field(name, title, input) {
  return h("label", {}, title, fillName(name, input));
}

function fillName(name, input) {
  input.name = name;
  return input;
}

function person() {
  return field("by", "Your name", h("input", { required: true, maxlength: 100, autocomplete: "name", value: chosen("name", "") }));
}

function note() {
  return field("comment", "Note", h("textarea", { rows: 3, maxlength: 1000 }));
}

function span(first) {
  const spans = [["1h", "1 hour"], ["4h", "4 hours"], ["1d", "1 day"], ["7d", "7 days"]];
  return field("for", "For", h("select", {}, [...first, ...spans].map(([value, words]) => h("option", { value }, words))));
}

async function send(method, path, body) {
  if (body?.by) choose("name", body.by);
  try {
    const response = await fetch(path, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (response.ok) return null;
    const problem = await response.json().catch(() => ({}));
    const words = `${problem.detail ?? response.statusText}. `;
    const isRefused = response.status === 401 || response.status === 403;
    return isRefused ? [words, h("a", { href: `login${location.hash}` }, "Log in with the admin token")] : [words];
  } catch {
    return ["The service does not answer."];
  }
}

function acknowledge(alert) {
  const fields = [person(), note(), span([["", "as long as it fires"]])];
  ask("Acknowledge", alert.message, fields, "Acknowledge", (values) => {
    const body = { by: values.by, comment: values.comment };
    if (values.for) body.for = values.for;
    return send("POST", `api/v1/alerts/${alert.id}/acknowledge`, body);
  });
}

function silence(alert) {
  ask("Silence", `Nobody is told of ${alert.rule} for ${alert.series}. It is kept in the history all the same.`, [person(), note(), span([])], "Silence", (values) => send("POST", "api/v1/alerts/silence", { rule: alert.rule, labels: alert.labels, ...values }));
}

async function unsilence(id) {
  const failure = await send("DELETE", `api/v1/alerts/silences/${id}`);
  if (failure) ask("The silence goes on", "", [h("p", {}, failure)], "Close", () => null);
}
