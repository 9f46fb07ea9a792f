// Several alerts at once, of a rule or with a label: acknowledged, or silenced for a while.

import { announce, h, keyed, text } from "./dom.js";
import { seriesInShort } from "./format.js";
import { ask, field, lasting, note, person, send, span } from "./marks.js";

/** Names that the preview lists; it is asked for again after this, in milliseconds. */
const NAMES = 8;
const AGAIN = 3000;

export function count(alerts) {
  return alerts === 1 ? "1 alert" : `${alerts} alerts`;
}

function picker(name, title, any, choices, first) {
  const options = choices.map(([value, words]) => h("option", { value, selected: value === first }, words));
  return field(name, title, h("select", {}, h("option", { value: "" }, any), options));
}

/** The rules of alerts, and their labels, each with how many have it: those of the most first. */
function choicesOf(alerts) {
  const [rules, labels] = [new Map(), new Map()];
  const add = (counted, name, words) => counted.set(name, { words, of: (counted.get(name)?.of ?? 0) + 1 });
  for (const { rule, name, labels: own } of alerts) {
    add(rules, rule, name);
    for (const [label, value] of Object.entries(own)) if (value) add(labels, JSON.stringify([label, value]), `${label}=${value}`);
  }
  const listed = (counted) => [...counted].sort(([, one], [, other]) => other.of - one.of).map(([name, { words, of }]) => [name, `${words} (${of})`]);
  return [listed(rules), listed(labels)];
}

/** The filter that is chosen, as the service takes it. */
function filterOf({ rule, label }) {
  const [name, value] = label ? JSON.parse(label) : [];
  return { ...(rule && { rule }), labels: label ? { [name]: value } : {} };
}

/** The alerts that fire and fit, as the service has them now; `null` where it does not say. */
async function firing({ rule, labels }) {
  const query = new URLSearchParams({ state: "firing", limit: 10000, ...(rule && { rule }) });
  for (const [name, value] of Object.entries(labels)) query.append("label", `${name}=${value}`);
  const answer = await fetch(`api/v1/alerts?${query}`).catch(() => null);
  return answer?.ok ? (await answer.json()).alerts : null;
}

/** The alerts that a choice takes. */
class Preview {
  constructor() {
    this.words = h("p", { role: "status" });
    this.names = h("ul", { class: "names" });
    this.element = h("div", { class: "preview" }, this.words, this.names);
  }

  show(alerts, words) {
    text(this.words, words);
    const rest = alerts.length - NAMES;
    const shown = alerts.slice(0, rest === 1 ? NAMES + 1 : NAMES).map(({ id, name, series }) => [id, `${name}: ${seriesInShort(series)}`]);
    if (rest > 1) shown.push(["rest", `and ${rest} more`]);
    keyed(this.names, shown, ([id]) => id, () => h("li"), (item, [, name]) => text(item, name));
  }
}

/** A dialog about those of `alerts` that are chosen, at first those of a rule. */
export function several(alerts, rule = "") {
  const preview = new Preview();
  const [rules, labels] = choicesOf(alerts);
  const mark = field("mark", "Do", h("select", {}, h("option", { value: "acknowledge" }, "Acknowledge those that fire now"), h("option", { value: "silence" }, "Silence, those to come too")));
  const spans = span([["", "as long as each fires"]]);
  const fields = [mark, picker("rule", "Rule", "any rule", rules, rule), picker("label", "Label", "any label", labels, ""), preview.element, spans, person(), note()];
  const { form, submit, dialog } = ask("Several alerts", `Acknowledged alerts are not told again while they fire. Silenced ones are told to nobody for a while, and listed all the same.${lasting()}`, fields, "Acknowledge", async ({ mark: way, rule: _rule, label: _label, for: lasts, by, comment }) => {
    const body = { ...filterOf(values()), by, comment, ...(lasts && { for: lasts }) };
    return send("POST", `api/v1/alerts/${way}`, body, (answer) => announce(way === "silence" ? "Silenced" : `${count(answer.alerts.length)} acknowledged`));
  });
  const values = () => Object.fromEntries(new FormData(form));
  const asLong = spans.querySelector("option");
  let asked = 0;
  const look = async () => {
    const now = values();
    const isSilence = now.mark === "silence";
    asLong.disabled = asLong.hidden = isSilence;
    if (isSilence && asLong.selected) asLong.nextElementSibling.selected = true;
    const verb = isSilence ? "Silence" : "Acknowledge";
    if (!now.rule && !now.label) return settle([], "Choose a rule, a label, or both.", verb, true);
    const mine = (asked += 1);
    const found = await firing(filterOf(now));
    if (mine !== asked) return;
    if (!found) return settle([], "The service does not say which alerts these are.", verb, true);
    const taken = isSilence ? found : found.filter(({ acknowledged }) => !acknowledged);
    const known = found.length - taken.length;
    const words = [`${taken.length === 0 ? "No alert" : count(taken.length)}${known > 0 ? `; ${known} acknowledged already` : ""}`, isSilence ? "and those that fire later" : ""];
    settle(taken, words.filter(Boolean).join(", "), `${verb} ${taken.length > 0 ? count(taken.length) : ""}`.trim(), taken.length === 0 && !isSilence);
  };
  const settle = (taken, words, verb, isNone) => {
    preview.show(taken, words);
    text(submit, verb);
    submit.disabled = isNone;
  };
  form.addEventListener("change", look);
  const again = setInterval(look, AGAIN);
  dialog.addEventListener("close", () => clearInterval(again));
  look();
}
