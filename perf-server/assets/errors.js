// Failures by kind: what failed, how often, and when last, as the service groups them.

import { Question } from "./ask.js";
import { attribute, breakable, h, keyed, text } from "./dom.js";
import { kindName, label, moment, number } from "./format.js";
import { failed } from "./store.js";
import * as address from "./address.js";

/** So many series are looked at for those that fail most. */
const MOST_SERIES = 50;
/** So many kinds of failures are shown of one series. */
const KINDS = 10;

/** What failed, in one word. */
export function nameOf(group) {
  return group.error_type ?? group.type_name?.split("::").at(-1) ?? (group.outcome === "panicked" ? "panic" : "error");
}

/** Where and when. */
function detailOf(group) {
  const parts = [
    group.outcome === "panicked" && group.error_type ? "panicked" : null,
    group.expected ? "expected" : null,
    group.place,
    `last ${moment(group.last_seen)}`,
    group.trace_id ? `trace ${group.trace_id}` : null,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The failures of one series. */
export class Failures {
  constructor() {
    this.list = h("ul", { class: "failures" });
    this.note = h("p", { class: "quiet" });
    this.element = h("section", { class: "card" }, h("h2", {}, "What fails"), this.list, this.note);
    this.element.hidden = true;
    this.question = new Question("api/v1/errors", (answer) => this.show(answer ?? { series: [] }));
  }

  /** `row` is the series, with pairs of labels. */
  update(store, row) {
    const isFailing = row.error + row.panicked > 0;
    if (!isFailing) this.question.forget();
    else this.question.ask([["kind", row.kind], ...row.labels.map(([name, value]) => ["label", `${name}=${value}`])], store);
  }

  show({ series }) {
    // Requests of one route are series by status.
    const groups = [...series.flatMap(({ groups: own }) => own).reduce(join, new Map()).values()].sort((one, other) => other.count - one.count);
    const others = series.reduce((sum, one) => sum + one.others, 0);
    const shown = groups.slice(0, KINDS);
    this.element.hidden = groups.length === 0 && others === 0;
    keyed(this.list, shown, (group) => group.fingerprint, make, (item, group) => {
      const [what, count] = item.children;
      const [name, words, detail, trace] = what.children;
      text(name, nameOf(group));
      text(words, group.text ?? "");
      text(detail, detailOf(group));
      attribute(trace, "href", group.trace_link);
      trace.hidden = !group.trace_link;
      text(count, number(group.count));
    });
    const rest = others + groups.slice(KINDS).reduce((sum, group) => sum + group.count, 0);
    text(this.note, rest > 0 ? `${number(rest)} failures of other kinds.` : "");
    this.note.hidden = rest === 0;
  }
}

/** Adds failures to those of the same kind, of another status. */
function join(groups, group) {
  const known = groups.get(group.fingerprint);
  const [last, other] = known && known.last_seen > group.last_seen ? [known, group] : [group, known];
  return groups.set(group.fingerprint, { ...last, count: last.count + (other?.count ?? 0) });
}

function make() {
  return h("li", {}, h("span", {}, h("code"), h("span", { class: "said" }), h("span", { class: "quiet" }), h("a", { rel: "noreferrer" }, "Show the trace")), h("b"));
}

/** The series that fail most, each with what fails there most. */
export class FailingMost {
  constructor(limit) {
    this.limit = limit;
    this.list = h("ul", { class: "failures" });
    this.element = h("section", { class: "card" }, h("h2", {}, "Failing most"), this.list);
    this.element.hidden = true;
    this.question = new Question("api/v1/errors", (answer) => this.show(answer ?? { series: [] }));
  }

  update(store, kinds) {
    const isFailing = kinds.some((row) => failed(row) > 0);
    if (!isFailing) this.question.forget();
    else this.question.ask([["limit", MOST_SERIES]], store);
  }

  show({ series }) {
    // Errors that are expected are no failures.
    const failing = series.map((one) => {
      const groups = one.groups.filter(({ expected }) => !expected);
      return { ...one, groups, failed: groups.reduce((sum, { count }) => sum + count, one.others) };
    });
    const most = failing.filter(({ failed }) => failed > 0).sort((one, other) => other.failed - one.failed).slice(0, this.limit);
    this.element.hidden = most.length === 0;
    keyed(this.list, most, ({ id }) => id, linked, (item, { groups, failed }) => {
      const [what, count] = item.children;
      const [first] = groups;
      text(what.children[1], first?.text ?? (first ? nameOf(first) : ""));
      text(what.children[2], first ? detailOf(first) : "");
      text(count, number(failed));
    });
  }
}

function linked({ kind, labels }) {
  const pairs = Object.entries(labels);
  // The page of a route has all of its statuses.
  const row = { kind, labels: kind === "http_request" ? pairs.slice(0, 2) : pairs };
  const link = h("a", { href: address.toSeries(row), title: kindName(kind) }, breakable(label({ kind, labels: pairs })));
  return h("li", {}, h("span", {}, link, h("span", { class: "said" }), h("span", { class: "quiet" })), h("b"));
}
