// Who is told of alerts: each channel and how it is, and what was sent last.

import { age, duration, moment } from "./format.js";
import { announce, attribute, h, keyed, text, wide } from "./dom.js";
import { ask, toLogin } from "./marks.js";

/** Attempts are asked for again after this, in milliseconds. */
const AGAIN = 5000;
const ATTEMPTS = 50;
const OUTCOMES = { delivered: "Delivered", failed: "Failed, tried again", dead: "Refused for good", expired: "Too old", superseded: "In a later message" };
const REASONS = { changed: "Change", repeated: "Still firing", escalated: "Escalation", digest: "Digest", test: "Test" };

function head(titles) {
  return h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title))));
}

/** How a channel is, in words. */
function condition({ failing_since: since, error, delivered_at: delivered, waiting }, at) {
  if (since) return `Fails for ${age((at - Date.parse(since)) / 1000)}: ${error ?? "no reason was given"}`;
  if (delivered) return "Takes messages";
  return waiting > 0 ? "Not tried yet" : "Nothing was sent in this process";
}

async function tryChannel(name) {
  announce(`A message goes to ${name}`);
  let words;
  try {
    const response = await fetch(`api/v1/notify/channels/${encodeURIComponent(name)}/test`, { method: "POST" });
    const answer = await response.json();
    if (response.status === 401 || response.status === 403) words = [`${answer.detail} `, h("a", { href: toLogin() }, "Log in with the admin token")];
    else if (!response.ok) words = [answer.detail];
    else words = [`${answer.delivered ? "Taken" : "Not taken"}${answer.status ? ` with status ${answer.status}` : ""}. ${answer.text}`];
  } catch {
    words = ["The service does not answer."];
  }
  ask(`Test of ${name}`, "", [h("p", {}, words)], "Close", () => null);
}

export default class {
  title = "Notifications";
  topic = { of: "notify" };
  off = h("p", { class: "card problem", role: "alert", hidden: true });
  none = h("p", { class: "card quiet", hidden: true }, "No channel is set: nobody is told of alerts. The section [notify] of the settings names channels.");
  channels = h("tbody");
  attempts = h("tbody");
  channelsCard = wide("Channels", h("table", {}, h("caption", {}, "Channels"), head(["Channel", "Type", "State", "Waiting", "Last delivered", ""]), this.channels));
  attemptsCard = wide("What was sent", h("table", {}, h("caption", {}, "What was sent"), head(["When", "Channel", "Why", "Alerts", "Outcome", "Answer"]), this.attempts));
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.off, this.none, this.channelsCard, this.attemptsCard);
  asked = 0;

  update(store) {
    const all = store.data;
    if (!all) return;
    this.off.hidden = all.off === null || all.channels.length === 0;
    text(this.off, `The outbox is not kept: ${all.off}`);
    this.none.hidden = all.channels.length > 0;
    this.channelsCard.hidden = this.attemptsCard.hidden = all.channels.length === 0;
    keyed(this.channels, all.channels, (one) => one.name, (one) => this.row(one), (row, one) => this.fill(row, one, store));
    if (all.channels.length > 0 && Date.now() - this.asked > AGAIN) this.list();
  }

  row({ name, type }) {
    const button = h("button", { type: "button", onclick: () => tryChannel(name) }, "Send a test");
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, type), h("td"), h("td", { class: "number" }), h("td"), h("td", {}, button));
  }

  fill(row, one, store) {
    const [, , state, waiting, delivered, test] = row.children;
    attribute(row, "data-severity", one.failing_since ? "critical" : null);
    text(state, condition(one, store.at));
    const oldest = one.oldest ? `, the oldest for ${age((store.at - Date.parse(one.oldest)) / 1000)}` : "";
    text(waiting, `${one.waiting}${oldest}`);
    text(delivered, one.delivered_at ? moment(one.delivered_at) : "–");
    test.firstElementChild.hidden = store.role === "read";
  }

  async list() {
    this.asked = Date.now();
    const answer = await fetch(`api/v1/notify/attempts?limit=${ATTEMPTS}`).catch(() => null);
    if (!answer?.ok) return;
    const { attempts } = await answer.json();
    const cells = (one) => [moment(one.at), one.channel, REASONS[one.reason] ?? one.reason, String(one.alerts), OUTCOMES[one.outcome] ?? one.outcome, [one.status, one.text, one.seconds === null ? null : duration(one.seconds)].filter((part) => part !== null && part !== "").join(" · ")];
    const row = (one) => h("tr", { "data-severity": one.outcome === "dead" ? "critical" : one.outcome === "failed" ? "warning" : null }, cells(one).map((cell, place) => h(place === 0 ? "th" : "td", place === 0 ? { scope: "row" } : { class: place === 3 ? "number" : null }, cell)));
    keyed(this.attempts, attempts, (one) => one.number, row, () => {});
  }
}
