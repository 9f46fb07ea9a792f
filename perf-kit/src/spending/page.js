// Agents and models: what they used and cost, what budgets leave, and what has no price.

import { Question } from "./ask.js";
import { duration, moment } from "./format.js";
import { h, text } from "./dom.js";
import { leading, rowsCard } from "./rows.js";
import * as address from "./address.js";

/** A state of a price in words, where calls of it are not all that they cost. */
const LACKS = { unpriced: "without a price", incomplete: "with a part of their price", unknown: "of unknown usage" };
const HOURS = 24;
/** The reasons for which calls are refused, in words. */
const REASONS = { no_room: "no room", unpriced: "the model has no price: name the provider whose prices it has, or set on_unpriced of the budget", tokens_unknown: "nobody said how many tokens at most", no_worst_case: "nobody said how long the answer can be: say so, or set the mode of the budget to estimated", stopped: "stopped", too_many_scopes: "too many names", bad_name: "a name that is empty or too long", too_many_waiters: "too many calls wait", store: "budgets could not be written" };

/** Dollars for people: cents, and six places where there are none, so that small amounts stand under each other. */
function dollars(exact) {
  const amount = Number(exact);
  const places = amount === 0 || Math.abs(amount) >= 0.01 ? 2 : 6;
  return `$${amount.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places })}`;
}

const tokens = (count) => count.toLocaleString("en");

/** A count of things, of which the word is of one. */
const counted = (count, word) => `${tokens(count)} ${word}${count === 1 ? "" : "s"}`;

/** The known cost of sums, with what it leaves out. */
function cost({ cost_dollars: exact, by_price: states }) {
  const lacks = Object.entries(LACKS).filter(([state]) => states[state] > 0).map(([state, words]) => `${counted(states[state], "call")} ${words}`);
  return lacks.length === 0 ? dollars(exact) : `${dollars(exact)} and ${lacks.join(", ")}`;
}

/** An amount of a budget in its measure. */
const amount = (value, measure) => (measure === "money" ? dollars(value) : `${tokens(Number(value))} ${measure}`);

/** The sums in cells: calls, tokens of prompts and answers, cost. */
const sums = (totals) => [tokens(totals.calls), tokens(totals.input_tokens), tokens(totals.output_tokens), cost(totals)];

/** How runs ended, in words. */
const ENDED = { ok: "ok", error: "failed", panicked: "panicked", cancelled: "cancelled", budget: "stopped by a budget", unknown: "not told" };

/** The ends of an agent's runs in words, the most first. */
function ends({ ended }) {
  const all = Object.entries(ended).sort(([, one], [, other]) => other - one);
  return all.map(([how, count]) => `${tokens(count)} ${ENDED[how] ?? how}`).join(", ") || "–";
}

/** The share of a tool's calls that ended well; those that were given up count for neither. */
function success({ ok, failed }) {
  return ok + failed === 0 ? "–" : `${(100 * ok / (ok + failed)).toFixed(1)} %`;
}

/** The sums of a run in cells, with the calls that budgets refused beside those that were made. */
function withRefused({ totals, refused_calls: refused }) {
  const [calls, ...others] = sums(totals);
  return [calls, tokens(refused), ...others];
}

/** How long a budget lasts at its pace, against the end of its period. */
function lasts({ lasts_seconds: seconds, ends, stopped }) {
  if (stopped !== null) return `stopped: ${stopped}`;
  if (seconds === null) return "–";
  const left = ends === null ? Infinity : (Date.parse(ends) - Date.now()) / 1000;
  return seconds >= left ? "its whole period" : duration(seconds);
}

export default class {
  title = "Agents and models";
  topic = { of: "llm" };
  about = "Since the process began, whatever range is chosen";
  total = h("p", { class: "card" });
  note = h("p", { class: "card quiet", hidden: true });
  agents = rowsCard("Agents", ["Agent", "Runs", "How they ended", "Tool calls", "Calls", "Input tokens", "Output tokens", "Cost"]);
  models = rowsCard("Models", ["Model", "Calls", "Input tokens", "Output tokens", "Cost", "What its price lacks"]);
  tools = rowsCard("Tools", ["Tool", "Calls", "Success", "Mean time", "Retries", "Calls of models", "Input tokens", "Output tokens", "Cost"]);
  budgets = rowsCard("Budgets", ["Budget", "Period", "Reserves", "Spent", "Reserved", "Left", "Limit", "Lasts at this pace"]);
  refusals = rowsCard("Calls that budgets refused", ["Budget", "Why", "Calls"]);
  loops = rowsCard("Agents that go round in circles", ["Agent", "Run", "Tool with the same arguments", "Times", "Last", "State"]);
  hours = rowsCard("The last hours with calls", ["Hour", "Calls", "Input tokens", "Output tokens", "Cost"]);
  runs = rowsCard("The dearest runs", ["Run", "Began", "Took", "Ended", "Calls", "Refused", "Input tokens", "Output tokens", "Cost"]);
  /** The recorded calls of the dearest runs, by run. */
  calls = new Map();
  recorded = new Question("api/v1/llm/runs/recorded", (answer) => { this.calls = new Map((answer?.runs ?? []).map(({ run, call }) => [run, call])); });
  hint = h("p", { class: "quiet more" }, "A run whose name is a link was recorded whole: it opens what ran inside.");
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.total, this.note, this.loops.element, this.agents.element, this.tools.element, this.models.element, this.budgets.element, this.refusals.element, this.hours.element, this.runs.element);

  constructor() {
    this.runs.element.append(this.hint);
  }

  update(store) {
    const all = store.data;
    if (!all) return;
    const { total } = all;
    text(this.total, total.calls === 0 ? "No call of a language model was seen." : `${counted(total.calls, "call")}, ${cost(total)}`);
    const notes = [];
    if (all.budgets.length > 0 && !all.budgets_are_durable) notes.push(`Budgets begin anew with the process: ${all.not_durable}.`);
    if (all.uncharged_calls > 0) notes.push(`${counted(all.uncharged_calls, "call")} charged to no budget.`);
    if (all.prices === null) notes.push("The table of prices is not loaded.");
    if (all.prices_refused !== null) notes.push(`The newer table of prices was not taken: ${all.prices_refused}.`);
    notes.push(`Seen ${counted(all.spans_seen, "inference span")}.`);
    if (all.spans_compiled_out) notes.push(`This program is built without the spans of ${all.spans_hidden.join(", ")}: their calls are not counted. Take out the feature max_level_* or release_max_level_* of the crate tracing.`);
    else if (all.spans_hidden.length > 0) notes.push(`A filter hides the spans of ${all.spans_hidden.join(", ")}: their calls are not counted. Give the filter to other layers, or let these targets pass.`);
    text(this.note, notes.join(" "));
    this.note.hidden = false;
    const none = { agent: "In no agent", runs: null, totals: all.unattributed };
    const agents = [...all.agents, none].filter(({ runs, totals }) => runs !== null || totals.calls > 0);
    this.agents.show(agents, (one) => `${one.runs === null} ${one.agent}`, (one) => [one.agent, ...(one.runs === null ? ["–", "–", "–"] : [tokens(one.runs), ends(one), tokens(one.tool_calls)]), ...sums(one.totals)]);
    this.tools.element.hidden = all.tools.length === 0;
    this.tools.show(all.tools, (one) => one.tool, (one) => [one.tool, tokens(one.calls), success(one), one.mean_seconds === null ? "–" : duration(one.mean_seconds), tokens(one.retries), ...sums(one.totals)]);
    this.models.show(all.models, (one) => `${one.provider} ${one.model}`, (one) => [`${one.provider} ${one.model}`, ...sums(one.totals), one.gaps.join("; ") || "–"]);
    this.budgets.show(all.budgets, (one) => `${one.scope} ${one.name} ${one.period} ${one.measure}`, (one) => [`${one.scope} ${one.name}`, one.period, one.mode === "estimated" ? "what is likely" : "the worst case", ...[one.spent, one.reserved, one.left, one.limit].map((value) => amount(value, one.measure)), lasts(one)]);
    this.refusals.element.hidden = all.refusals.length === 0;
    this.refusals.show(all.refusals, (one) => `${one.scope} ${one.name} ${one.reason}`, (one) => [`${one.scope} ${one.name}`, REASONS[one.reason] ?? one.reason, tokens(one.calls)]);
    this.loops.element.hidden = all.loops.length === 0;
    this.loops.show(all.loops, (one) => `${one.run} ${one.tool} ${one.last}`, (one) => [one.agent, String(one.run), one.tool, tokens(one.times), moment(one.last), one.running ? "goes on" : "is over"]);
    this.hours.show(all.hours.slice(-HOURS).reverse(), (one) => one.from, (one) => [moment(one.from), ...sums(one.totals)]);
    if (all.dearest_runs.length > 0) this.recorded.askAt([], Date.now());
    this.hint.hidden = this.calls.size === 0;
    this.runs.show(all.dearest_runs, (one) => String(one.id), (one) => [leading(`${one.agent} ${one.id}`, this.calls.has(one.id) ? address.to("call", [this.calls.get(one.id)]) : null), moment(one.started), duration(one.seconds), ENDED[one.ended] ?? one.ended, ...withRefused(one)]);
  }
}
