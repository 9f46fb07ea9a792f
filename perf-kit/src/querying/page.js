// SQL statements: which take the time, who executes them, and which one call repeats.

import { duration } from "./format.js";
import { h, text } from "./dom.js";
import { numbers, rowsCard } from "./rows.js";

const count = (value) => value.toLocaleString("en");
const time = (seconds) => (seconds === null ? "–" : duration(seconds));

/** The rows of an execution, where there were any: those that came back or, where more were, those that were changed. */
function rows(one) {
  const all = Math.max(one.rows_returned, one.rows_affected);
  return all === 0 ? "–" : (all / one.executions).toLocaleString("en", { maximumFractionDigits: 1 });
}

/** The two callers with the most executions, and how many others there are. */
function callers({ callers: all }) {
  const names = all.map((one) => (one.is_rest ? "others" : one.caller ?? "no known call"));
  const more = names.length - 2;
  return more > 0 ? `${names.slice(0, 2).join(", ")} and ${more} more` : names.join(", ");
}

/** The outcomes of executions, as far as they are known. */
function outcomes(one) {
  const unknown = one.executions - one.ok - one.errors - one.cancelled;
  const kinds = one.error_types.map((kind) => `${count(kind.executions)} ${kind.error_type}`).join(", ");
  const said = [];
  if (one.errors > 0) said.push(`${count(one.errors)} failed (${kinds})`);
  if (one.cancelled > 0) said.push(`${count(one.cancelled)} cancelled`);
  if (one.running > 0) said.push(`${count(one.running)} running`);
  if (unknown > 0) said.push(unknown === one.executions ? "unknown" : `${count(unknown)} unknown`);
  return said.length > 0 ? said.join(", ") : "ok";
}

/** The reasons why statements are not seen, in words. */
function notes(all) {
  const said = [];
  if (!all.enabled) said.push("Statements are not counted: [sql] enabled = false.");
  else if (!all.has_layer && all.statements.length === 0) said.push("No statement was seen, and no subscriber has the layer: sqlx's events come by perf_kit::sql::layer() alone. Diesel's instrumentation and perf's pool around sqlx's need none.");
  if (all.is_hidden) said.push("A filter in front of the subscriber hides sqlx's events: let sqlx::query=debug through where statements go neither over diesel's instrumentation nor over perf's pool.");
  if (all.early_events > 0) said.push(`${count(all.early_events)} statements ran before they were counted.`);
  if (all.evicted > 0) said.push(`${count(all.evicted)} statements gave way to others: ${count(all.max_statements)} are kept apart.`);
  if (all.unread > 0) said.push(`${count(all.unread)} executions had new texts that came too fast to be read.`);
  if (all.left_out > 0) said.push(`${count(all.left_out)} statements that took less time lately are not listed.`);
  return said;
}

/** The executions, and what is known of their outcomes. */
function summary(all) {
  const statements = all.overflow ? [...all.statements, all.overflow] : all.statements;
  const known = statements.some((one) => one.ok + one.errors + one.cancelled > 0);
  return `${count(all.events)} executions. ${known ? "Where no outcome is told, it is not known." : "Whether they failed is not known: sqlx does not tell."}`;
}

export default class {
  title = "Statements";
  topic = { of: "statements" };
  about = "Since the process began, whatever range is chosen; lately is the last five minutes";
  total = h("p", { class: "card" });
  note = h("p", { class: "card quiet", hidden: true });
  repeated = rowsCard("Repeated within one call", ["Statement", "Root of the calls", numbers("Calls lately"), numbers("Calls")], "No call repeats a statement.");
  statements = rowsCard(
    "Statements",
    ["Statement", ...["Time lately", "Lately", "Time", "Executions", "Mean", "p95", "Longest", "Rows each"].map(numbers), "Outcomes", "Callers"],
  );
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.total, this.note, this.repeated.element, this.statements.element);

  update(store) {
    const all = store.data;
    if (!all) return;
    text(this.total, all.statements.length === 0 ? "No statement was seen." : summary(all));
    const said = notes(all);
    text(this.note, said.join(" "));
    this.note.hidden = said.length === 0;
    this.repeated.show(all.repeated, (one) => `${one.root} ${one.id}`, (one) => [one.statement, one.root, count(one.recent_calls), count(one.calls)]);
    const statements = all.overflow ? [...all.statements, all.overflow] : all.statements;
    this.statements.show(statements, (one) => one.id, (one) => [one.statement, time(one.recent_seconds), count(one.recent_executions), time(one.seconds), count(one.executions), time(one.mean), time(one.p95), time(one.max), rows(one), outcomes(one), callers(one)]);
  }
}
