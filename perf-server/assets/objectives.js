// The promises of functions and routes over the time of a picture: how much of each was kept, and how fast its budget was spent.

import { Question } from "./ask.js";
import { attribute, breakable, h, keyed, text, wide } from "./dom.js";
import { duration, number, seriesInShort, share } from "./format.js";
import { toSubject } from "./catalog.js";
import { timeOf } from "./store.js";

/** So many series with a promise are listed. */
const MOST = 50;
/** So often, in milliseconds, they are asked for anew. */
const EVERY = 30_000;
const COLUMNS = ["Series", "Promise", "Kept", "Calls", "Broke it", "Burn rate", "Of a 30-day budget"];

/** The promise in words: `99 % within 250 ms`, `99.9 % succeed`. */
function promised({ promise, target, latency }) {
  return promise === "latency" ? `${share(target)} within ${duration(latency)}` : `${share(target)} succeed`;
}

function figures(one) {
  const { calls, bad, burn_rate: burn, budget_spent: spent } = one.whole;
  const kept = calls > 0 ? share((calls - bad) / calls) : "–";
  return [promised(one), kept, number(calls), number(bad), number(burn), share(spent)];
}

export class Objectives {
  constructor() {
    this.body = h("tbody");
    this.more = h("p", { class: "quiet more" });
    const head = h("tr", {}, COLUMNS.map((title, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, title)));
    this.element = wide("Objectives", h("table", { class: "stack" }, h("caption", {}, "Objectives"), h("thead", {}, head), this.body), this.more);
    this.element.hidden = true;
    this.answer = null;
    this.question = new Question("api/v1/objectives/history", (answer) => (this.answer = answer));
  }

  update(store) {
    const { grid } = store;
    if (!grid) return;
    const times = [timeOf(grid, 0), timeOf(grid, grid.cells)];
    const [from, to] = times.map((millis) => millis / 1000);
    const at = Math.floor(Math.min(times[1], store.at ?? times[1]) / EVERY) * EVERY;
    const name = JSON.stringify([store.epoch, grid.step, grid.cells, store.key]);
    this.question.askAt([["from", from], ["to", to], ["step", `${grid.step}s`], ["limit", MOST], ["points", false]], at, name);
    const all = (this.answer?.objectives ?? []).filter(({ whole }) => whole.calls !== null);
    this.element.hidden = all.length === 0;
    const make = () => h("tr", {}, h("th", { scope: "row" }, h("a", {})), COLUMNS.slice(1).map((title, place) => h("td", { class: place > 0 ? "number" : "", "data-title": title })));
    keyed(this.body, all, ({ series, promise }) => `${series} ${promise}`, make, (row, one) => this.fill(row, one, store));
    const { left_out: leftOut } = this.answer ?? {};
    text(this.more, leftOut > 0 ? `${number(leftOut)} more series have a promise.` : "");
    this.more.hidden = !leftOut;
  }

  fill(row, one, store) {
    const [name, ...cells] = row.children;
    const series = seriesInShort(one.series);
    if (name.firstElementChild.textContent !== series) name.firstElementChild.replaceChildren(...breakable(series));
    attribute(name.firstElementChild, "href", toSubject(store, one.series));
    figures(one).forEach((value, place) => text(cells[place], value));
  }
}
