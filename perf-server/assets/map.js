// The map of calls: the series as boxes, from those that nothing measured calls on the left to those that call nothing on the right.

import { Question } from "./ask.js";
import { attribute, breakable, h, keyed, s, steady, text, wide } from "./dom.js";
import { duration, number, share } from "./format.js";
import { knownSince, link, waitedFor } from "./tree.js";

/** So many edges are drawn: those that took the most time. */
const MOST = 80;
/** So many waits for what is no call: the longest. */
const MOST_WAITS = 40;
const WAITS = "Waits since the process began";
const NONE = "No call was made inside another in this time. A function that is annotated, and called by one that is, shows here.";
/** The width of the lines, in pixels. */
const [THIN, THICK] = [1, 8];

/** How many calls failed, where some did. */
function failures({ calls, failed }) {
  return failed > 0 ? `${number(failed)} failed (${share(failed / calls)})` : "";
}

/** The boxes with their columns: each to the right of all that call it, or wait for it, but where calls go in a circle. */
function layOut(edges, waits) {
  const nodes = new Map();
  const node = (name) => nodes.get(name) ?? nodes.set(name, { name, inside: [], calls: 0, seconds: 0, failed: 0, within: 0, column: 0 }).get(name);
  const called = new Set();
  for (const edge of edges) {
    const child = node(edge.child);
    child.calls += edge.calls;
    child.seconds += edge.seconds;
    child.failed += edge.failed;
    if (edge.child === edge.parent) continue;
    const parent = node(edge.parent);
    parent.isCaller = true;
    parent.inside.push(child);
    parent.within += edge.seconds;
    called.add(child);
  }
  for (const wait of waits) {
    const [thing, series] = [node(waitedFor(wait)), node(wait.series)];
    Object.assign(thing, { isThing: true, calls: thing.calls + wait.waits, seconds: thing.seconds + wait.waited_seconds });
    series.inside.push(thing);
    called.add(thing);
  }
  const all = [...nodes.values()].toSorted((one, other) => weight(other) - weight(one));
  // Those that only call each other in a circle begin with the one that took the most time.
  for (const one of inOrder([...all.filter((one) => !called.has(one)), ...all])) {
    for (const child of one.inside) if (!one.back.has(child)) child.column = Math.max(child.column, one.column + 1);
  }
  return all;
}

/** Callers before those that they call. A call that leads back to a caller is in its set `back`. */
function inOrder(nodes) {
  const left = [];
  const open = new Set();
  const visit = (one) => {
    if (one.back) return;
    one.back = new Set();
    open.add(one);
    for (const child of one.inside) {
      if (open.has(child)) one.back.add(child);
      else visit(child);
    }
    open.delete(one);
    left.push(one);
  };
  nodes.forEach(visit);
  return left.reverse();
}

/** Of a box that nothing calls, the time of the calls inside it. */
function weight(node) {
  return node.calls > 0 ? node.seconds : node.within;
}

export class CallMap {
  constructor() {
    this.title = "Call map";
    this.lines = s("svg", { class: "lines", "aria-hidden": "true" });
    this.columns = h("ol", { class: "columns", "aria-label": "Series, and what they waited for, by how far they are from the first call" });
    this.map = h("div", { class: "map" }, this.lines, this.columns);
    this.since = h("p", { class: "quiet" });
    this.note = h("p", { class: "quiet" });
    [this.most, this.mostWaits] = [h("p", { class: "quiet" }), h("p", { class: "quiet" })];
    this.body = h("tbody");
    const heads = ["Caller", "Called", "Calls", "Failed", "Mean", "Waited for it"].map((name, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, name));
    this.table = wide("Calls inside calls", h("table", {}, h("caption", {}, "Calls inside calls"), h("thead", {}, h("tr", {}, heads)), this.body));
    this.waitsBody = h("tbody");
    const ofWaits = ["Series", "Lock, channel or statement", "Waits", "Mean"].map((name, place) => h("th", { scope: "col", class: place > 1 ? "number" : "" }, name));
    this.waitsTable = wide(WAITS, h("table", {}, h("caption", {}, WAITS), h("thead", {}, h("tr", {}, ofWaits)), this.waitsBody));
    this.card = wide("Who calls whom", this.map);
    this.none = h("p", { class: "card", hidden: true }, NONE);
    this.element = h("div", { class: "page" }, h("h1", {}, this.title), this.since, this.note, this.most, this.mostWaits, this.card, this.none, this.table, this.waitsTable);
    Object.assign(this, { edges: [], waits: [], shownWaits: [], isKnown: false, isWhole: false });
    this.asked = new Question("api/v1/edges", (answer) => this.showEdges(answer));
    this.askedWaits = new Question("api/v1/waits", (answer) => {
      this.waits = answer?.waits ?? [];
      text(this.mostWaits, answer?.next ? `The ${MOST_WAITS} longest waits are drawn.` : "");
      this.show();
    });
    new ResizeObserver(() => this.draw()).observe(this.columns);
    for (const type of ["pointerover", "focusin"]) this.columns.addEventListener(type, ({ target }) => this.light(target.closest?.("li[data-name]")?.dataset.name));
    for (const type of ["pointerleave", "focusout"]) this.columns.addEventListener(type, () => this.light(undefined));
  }

  /** No series are asked for with a range. */
  past() {
    return [];
  }

  update(store) {
    this.from = store.isPast || store.isHeld ? store.span()[0] : null;
    this.asked.ask([["sort", "-seconds"], ["limit", MOST]], store);
    // They are counted since the process began, and not by the second.
    this.askedWaits.askOfNow([["sort", "-waited_seconds"], ["limit", MOST_WAITS]], store);
  }

  showEdges(answer) {
    Object.assign(this, { edges: answer?.edges ?? [], isKnown: answer !== null, isWhole: answer !== null && !answer.next });
    text(this.since, knownSince(answer, this.from));
    text(this.most, answer?.next ? `The ${MOST} that took the most time are drawn.` : "");
    this.show();
  }

  show() {
    // Until the calls of this time are known, nothing is drawn of what they waited for.
    this.shownWaits = this.isKnown ? this.waits : [];
    const [hasEdges, hasWaits] = [this.edges.length > 0, this.shownWaits.length > 0];
    [this.card.hidden, this.note.hidden] = [!hasEdges && !hasWaits, !hasEdges && !hasWaits];
    [this.table.hidden, this.waitsTable.hidden, this.mostWaits.hidden] = [!hasEdges, !hasWaits, !hasWaits];
    this.none.hidden = !this.isKnown || hasEdges;
    const ofWaits = hasWaits ? " A dotted line leads to a lock, channel or statement that calls have waited for since the process began, and is as thin for a long wait as for a short one." : "";
    text(this.note, `A line from call to call is as thick as the time that it took; a dashed one has failures.${ofWaits}`);
    this.fill(layOut(this.edges, this.shownWaits));
    this.list();
    this.listWaits();
    this.draw();
  }

  fill(nodes) {
    const columns = [];
    for (const node of nodes) (columns[node.column] ??= []).push(node);
    keyed(this.columns, columns.map((own, place) => ({ own, place })), ({ place }) => place, () => h("li", {}, h("ul")), (item, { own }) => {
      const list = item.firstElementChild;
      const sorted = own.toSorted((one, other) => weight(other) - weight(one) || (one.name < other.name ? -1 : 1));
      keyed(list, kept(list, sorted), ({ name }) => name, ({ name, isThing }) => h("li", { "data-name": name }, isThing ? h("span", {}, breakable(name)) : link(name), h("span", { class: "quiet" })), (box, node) => {
        text(box.lastElementChild, this.words(node));
      });
    });
  }

  /** How often a box was called or waited for, and how long that took. */
  words(node) {
    if (node.calls > 0) {
      const counted = node.isThing ? `${number(node.calls)} waits since the start` : `${number(node.calls)} calls`;
      return [counted, duration(node.seconds / node.calls), node.isThing ? "" : failures(node)].filter(Boolean).join(" · ");
    }
    // Of one that is here for its waits alone, or among others that are not drawn, nobody knows who called it.
    return node.isCaller && this.isWhole ? "called by nothing measured" : "";
  }

  listWaits() {
    const rows = this.shownWaits.map((wait) => ({ ...wait, thing: waitedFor(wait), name: JSON.stringify([wait.series, waitedFor(wait)]) }));
    const make = ({ series, thing }) => h("tr", {}, h("th", { scope: "row" }, link(series)), h("td", {}, breakable(thing)), [0, 1].map(() => h("td", { class: "number" })));
    keyed(this.waitsBody, steady(this.waitsBody, rows, ({ name }) => name), ({ name }) => name, make, (row, wait) => {
      text(row.children[2], number(wait.waits));
      text(row.children[3], duration(wait.waits > 0 ? wait.waited_seconds / wait.waits : null));
    });
  }

  list() {
    const rows = this.edges.map((edge) => ({ ...edge, name: JSON.stringify([edge.parent, edge.child]) }));
    const make = ({ parent, child }) => h("tr", {}, h("th", { scope: "row" }, link(parent)), h("td", {}, link(child)), [0, 1, 2, 3].map(() => h("td", { class: "number" })));
    keyed(this.body, steady(this.body, rows, ({ name }) => name), ({ name }) => name, make, (row, edge) => {
      const shown = [number(edge.calls), failures(edge) || "0", duration(edge.calls > 0 ? edge.seconds / edge.calls : null), duration(edge.waited_seconds)];
      shown.forEach((value, place) => text(row.children[place + 2], value));
    });
  }

  /** The lines, between the boxes as they stand. */
  draw() {
    const whole = this.map.getBoundingClientRect();
    if (whole.width === 0) return;
    const places = new Map([...this.columns.querySelectorAll("li[data-name]")].map((box) => [box.dataset.name, box.getBoundingClientRect()]));
    const most = Math.max(1e-9, ...this.edges.map(({ seconds }) => seconds));
    attribute(this.lines, "viewBox", `0 0 ${this.columns.scrollWidth} ${this.columns.scrollHeight}`);
    attribute(this.lines, "width", this.columns.scrollWidth);
    attribute(this.lines, "height", this.columns.scrollHeight);
    const ofWaits = this.shownWaits.map((wait) => ({ parent: wait.series, child: waitedFor(wait), isWait: true }));
    const lines = [...this.edges, ...ofWaits].filter(({ parent, child }) => places.has(parent) && places.has(child));
    keyed(this.lines, lines, ({ parent, child }) => JSON.stringify([parent, child]), ({ parent, child }) => s("path", { "data-parent": parent, "data-child": child }), (path, edge) => {
      const [from, to] = [places.get(edge.parent), places.get(edge.child)];
      attribute(path, "d", curve(from, to, whole));
      attribute(path, "stroke-width", edge.isWait ? THIN : THIN + (THICK - THIN) * (edge.seconds / most));
      path.classList.toggle("failing", edge.failed > 0);
      path.classList.toggle("wait", edge.isWait === true);
    });
  }

  /** Has the lines of one box stand out. */
  light(name) {
    for (const path of this.lines.children) path.classList.toggle("lit", name !== undefined && [path.dataset.parent, path.dataset.child].includes(name));
    this.lines.classList.toggle("lights", name !== undefined);
  }
}

/** Boxes stay in their order while they are the same ones: numbers move, and boxes do not. */
function kept(list, nodes) {
  const known = [...list.children].map((box) => box.dataset.name);
  const isSame = known.length === nodes.length && nodes.every(({ name }) => known.includes(name));
  return isSame ? nodes.toSorted((one, other) => known.indexOf(one.name) - known.indexOf(other.name)) : nodes;
}

/** From the right of one box to the left of another; of a call of itself, a loop below the box. */
function curve(from, to, whole) {
  const [x, y] = [from.right - whole.left, from.top + from.height / 2 - whole.top];
  const [endX, endY] = [to.left - whole.left, to.top + to.height / 2 - whole.top];
  const bend = Math.max(24, Math.abs(endX - x) / 2);
  if (from === to) return `M ${x} ${y} c 24 0 24 ${from.height / 2 + 6} 0 ${from.height / 2 + 6} H ${endX} c -24 0 -24 ${-from.height / 2 - 6} 0 ${-from.height / 2 - 6}`;
  return `M ${x} ${y} C ${x + bend} ${y} ${endX - bend} ${endY} ${endX} ${endY}`;
}
