// How the alerts of each rule went: how often they fired, for how long, and how soon somebody knew.

import { Question } from "./ask.js";
import { h, keyed, text, wide } from "./dom.js";
import { timeOfList, withinWords } from "./episodes.js";
import { age, number } from "./format.js";

/** So many rules are listed, those that fired longest. */
const MOST = 20;
/** So often, in milliseconds, sums are asked for anew: while an alert fires they grow. */
const AGAIN = 60_000;
const COLUMNS = ["Rule", "Fired", "Time firing", "Longest", "Acknowledged", "Mean time to acknowledge"];

/** What the columns say of a rule, behind its name. */
function figures({ fired, firing_seconds: all, longest_seconds: longest, acknowledged, mean_seconds_to_acknowledge: mean, unfinished }) {
  const known = (seconds) => age(seconds === 0 && unfinished > 0 ? null : seconds);
  return [number(fired), known(all), known(longest), number(acknowledged), age(mean)];
}

export class ByRule {
  constructor() {
    this.body = h("tbody");
    this.caption = h("caption", {});
    this.more = h("p", { class: "quiet more" });
    const head = h("tr", {}, COLUMNS.map((title, place) => h("th", { scope: "col", class: place > 0 ? "number" : "" }, title)));
    this.element = wide("By rule", h("table", { class: "stack" }, this.caption, h("thead", {}, head), this.body), this.more);
    this.element.hidden = true;
    this.asked = new Question("api/v1/alerts/record", (answer) => this.show(answer?.rules ?? []));
  }

  update(store) {
    const time = timeOfList(store);
    text(this.caption, `By rule, ${withinWords()}`);
    // When something happened, at once: so that it has to be known first.
    if (!store.episodes.see(store, time)) return this.asked.forget();
    const { name, from, to, isOpen } = time;
    const at = isOpen ? Math.max(Math.floor(to / AGAIN) * AGAIN, store.episodes.changedAt) : to;
    return this.asked.askAt([["from", from / 1000], ["to", to / 1000]], at, `${store.epoch} ${name}`);
  }

  show(rules) {
    this.element.hidden = rules.length === 0;
    const make = ({ rule }) => h("tr", {}, h("th", { scope: "row" }, rule), COLUMNS.slice(1).map((title) => h("td", { class: "number", "data-title": title })));
    keyed(this.body, rules.slice(0, MOST), ({ rule }) => rule, make, (row, one) => {
      figures(one).forEach((value, place) => text(row.children[place + 1], value));
    });
    const lost = rules.reduce((sum, { unfinished }) => sum + unfinished, 0);
    const words = [rules.length > MOST && `${number(rules.length - MOST)} more rules fired.`, lost > 0 && `Nobody saw the end of ${number(lost)} ${lost === 1 ? "alert" : "alerts"}, for the process ended: that time is not in the sums.`];
    text(this.more, words.filter(Boolean).join(" "));
    this.more.hidden = this.more.textContent === "";
  }
}
