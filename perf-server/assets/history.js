// Alerts that were: each as one line, from when it began to how it ended.

import { attribute, breakable, h, keyed, text, wide } from "./dom.js";
import { age, moment, seriesInShort } from "./format.js";
import * as address from "./address.js";
import { toSubject } from "./catalog.js";

/** Changes of which there is a word beside how it stands. */
const MARKS = ["acknowledged", "flapping"];

/** One alert from its first change to its last. */
function follow(episodes, { at, transition, alert }) {
  const known = episodes.get(alert.id);
  // It stands where its last change belongs.
  episodes.delete(alert.id);
  const marks = MARKS.includes(transition) ? [transition] : [];
  const acknowledged = alert.acknowledged ?? known?.acknowledged;
  episodes.set(alert.id, { at, transition, alert, acknowledged, marks: [...(known?.marks ?? []), ...marks] });
  return episodes;
}

/** How it stands, in a word and a colour. */
function standing({ alert, transition }) {
  const { fired_at: fired, resolved_at: resolved, severity, since } = alert;
  if (!fired) return resolved || transition === "cleared" ? ["cleared", "cleared"] : ["pending", "pending"];
  if (resolved) return [`resolved after ${age((Date.parse(resolved) - Date.parse(since)) / 1000)}`, "resolved"];
  return [`${severity}, firing`, severity];
}

export class AlertHistory {
  /** `wanted(alert)` says which of them are in it. */
  constructor(wanted = () => true) {
    this.wanted = wanted;
    this.body = h("tbody");
    this.empty = h("p", { class: "quiet more" });
    this.all = h("input", { type: "checkbox", onchange: () => address.set({ pending: this.all.checked ? "1" : null }) });
    const head = h("thead", {}, h("tr", {}, ["Since", "What", "Alert", "Message"].map((title) => h("th", { scope: "col" }, title))));
    this.element = wide("History", h("table", { class: "history" }, h("caption", {}, "History"), head, this.body), this.empty, h("p", { class: "more" }, h("label", { class: "check" }, this.all, "Those that never fired, too")));
  }

  /** Whether there are any. */
  update(store) {
    this.all.checked = address.read().params.get("pending") === "1";
    const events = (store.history ?? []).filter(({ alert }) => this.wanted(alert));
    const episodes = [...events.reduce(follow, new Map()).values()];
    const shown = episodes.filter(({ alert }) => this.all.checked || alert.fired_at).toReversed();
    text(this.empty, episodes.length > 0 ? "Nothing that is remembered has fired." : "Nothing is remembered.");
    this.empty.hidden = shown.length > 0;
    keyed(this.body, shown, ({ alert }) => alert.id, () => this.make(), (row, episode) => this.fill(row, episode, store));
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
