// Alerts that were: each as one line, from when it began to how it ended.

import { attribute, breakable, h, keyed, text, wide } from "./dom.js";
import { age, moment, number, seriesInShort } from "./format.js";
import * as address from "./address.js";
import { toSubject } from "./catalog.js";
import { timeOfList, withinWords } from "./episodes.js";
import { storedSince } from "./stored.js";

/** So many alerts are listed, the last. */
const MOST = 200;

/** How it stands, in a word and a colour. */
function standing({ alert, transition, isNow }) {
  const { fired_at: fired, resolved_at: resolved, severity, since } = alert;
  if (!fired && (resolved || transition === "cleared")) return ["cleared", "cleared"];
  // The process ended, and nobody saw how it went on.
  if (!resolved && !isNow) return [`${fired ? "fired" : "pending"}, its end is not known`, "cleared"];
  if (!fired) return ["pending", "pending"];
  if (resolved) return [`resolved after ${age((Date.parse(resolved) - Date.parse(since)) / 1000)}`, "resolved"];
  return [`${severity}, firing`, severity];
}

/** Says why nothing is listed. */
function nothing(store, isAny) {
  if (isAny) return `Nothing has fired ${withinWords()}.`;
  const since = Math.min(storedSince(), store.bootAt);
  const isRemembered = timeOfList(store).from >= since;
  return isRemembered ? `No alert has changed ${withinWords()}.` : `Nothing is remembered ${withinWords()}: of what was before ${moment(since)} nothing is kept.`;
}

export class AlertHistory {
  /** `wanted(alert)` says which of them are in it. */
  constructor(wanted = () => true) {
    this.wanted = wanted;
    this.body = h("tbody");
    this.empty = h("p", { class: "quiet more" });
    this.all = h("input", { type: "checkbox", onchange: () => address.set({ pending: this.all.checked ? "1" : null }) });
    this.about = h("span", { class: "quiet" });
    this.rest = h("p", { class: "quiet more" });
    const head = h("thead", {}, h("tr", {}, ["Since", "What", "Alert", "Message"].map((title) => h("th", { scope: "col" }, title))));
    this.element = wide("History", h("table", { class: "history" }, h("caption", {}, "History ", this.about), head, this.body), this.empty, this.rest, h("p", { class: "more" }, h("label", { class: "check" }, this.all, "Those that never fired, too")));
  }

  /** Whether there are any. */
  update(store) {
    this.all.checked = address.read().params.get("pending") === "1";
    const { episodes, isKnown, cut } = store.episodes.list(store, this.wanted);
    const fired = episodes.filter(({ alert }) => this.all.checked || alert.fired_at);
    const shown = fired.slice(-MOST).toReversed();
    text(this.about, withinWords());
    text(this.empty, isKnown ? nothing(store, episodes.length > 0) : store.episodes.problem || "Loading ...");
    this.empty.hidden = shown.length > 0;
    const words = [fired.length > MOST && `The last ${MOST} of ${number(fired.length)} are listed.`, cut && `What changed before ${moment(cut)} is left out: a shorter range shows it.`];
    text(this.rest, words.filter(Boolean).join(" "));
    this.rest.hidden = this.rest.textContent === "";
    keyed(this.body, shown, ({ key }) => key, () => this.make(), (row, episode) => this.fill(row, episode, store));
    return episodes.length > 0;
  }

  make() {
    return h("tr", {}, h("td", {}, h("time")), h("td"), h("th", { scope: "row" }, h("span"), " ", h("a", { class: "series" })), h("td"));
  }

  fill(row, episode, store) {
    const { alert, marks, acknowledged } = episode;
    const [since, what, name, message] = row.children;
    text(since.firstElementChild, moment(alert.since));
    attribute(since.firstElementChild, "datetime", alert.since);
    const [word, colour] = standing(episode);
    const words = [word, ...new Set(marks)];
    keyed(what, words, (one) => one, (one) => h("span", { class: `mark ${one === word ? colour : one}` }, one));
    text(name.firstElementChild, alert.name);
    const series = seriesInShort(alert.series);
    if (name.lastElementChild.textContent !== series) name.lastElementChild.replaceChildren(...breakable(series));
    attribute(name.lastElementChild, "href", toSubject(store, alert.series));
    const who = acknowledged ? ` Acknowledged by ${acknowledged.by}${acknowledged.comment ? `: ${acknowledged.comment}` : ""}.` : "";
    text(message, `${alert.message}${who && !alert.message.endsWith(".") ? "." : ""}${who}`);
  }
}
