// Notifications: each channel and how it is, and what was sent last, or in a range of the past.

import { age, duration, moment } from "./format.js";
import { announce, attribute, h, keyed, text, wide } from "./dom.js";
import { tell, toLogin } from "./marks.js";
import { ofAddress } from "./range.js";

/** Attempts are asked for again after this, in milliseconds. */
const AGAIN = 5000;
const ATTEMPTS = 50;
const OUTCOMES = { delivered: "Delivered", failed: "Failed, tried again", dead: "Refused for good", expired: "Too old", superseded: "In a later message" };
const REASONS = { changed: "Change", repeated: "Still firing", explained: "Cause found", escalated: "Escalation", digest: "Digest", test: "Test", notice: "Notice" };
const COLOURS = { delivered: "green", failed: "warning", dead: "critical", expired: "critical" };

function head(titles) {
  return h("thead", {}, h("tr", {}, titles.map(heading)));
}

/** The heading of a column; in brackets, one that is heard alone. */
function heading(title) {
  return h("th", { scope: "col" }, title.startsWith("(") ? h("span", { class: "unseen" }, title.slice(1, -1)) : title);
}

/** How a channel is: a colour, words, and why. */
function condition({ failing_since: since, error, delivered_at: delivered, waiting }, at) {
  if (since) return ["critical", `Failing for ${age((at - Date.parse(since)) / 1000)}`, error ?? "no reason was given"];
  if (delivered) return ["green", "Takes messages", ""];
  return ["unknown", waiting > 0 ? "Not tried yet" : "Nothing was sent yet", ""];
}

/** The answer to a test, in words; those of the receiver apart. */
async function tested(name) {
  try {
    const response = await fetch(`api/v1/notify/channels/${encodeURIComponent(name)}/test`, { method: "POST" });
    const answer = await response.json();
    if (response.status === 401 || response.status === 403) return [h("p", {}, `${answer.detail} `, h("a", { href: toLogin() }, "Log in with the admin token"))];
    if (!response.ok) return [h("p", {}, answer.detail)];
    const status = answer.status ? `, with status ${answer.status}` : "";
    const words = answer.delivered ? `The receiver took it${status}.` : `The receiver did not take it${status}.`;
    return [h("p", { class: answer.delivered ? null : "problem" }, words), answer.text && h("p", { class: "quiet" }, answer.text)];
  } catch {
    return [h("p", { class: "problem" }, "The service does not answer.")];
  }
}

/** Sends a message that tries a channel, and shows the answer. */
async function tryChannel(name, button) {
  button.disabled = true;
  text(button, "Sending ...");
  announce(`A message goes to ${name}`);
  const answer = await tested(name);
  text(button, "Send a test");
  button.disabled = false;
  // Where the focus returns to afterwards.
  button.focus({ preventScroll: true });
  tell(`Test of ${name}`, answer);
}

/** A row of an attempt. One of the past says which attempt it was, in place of why it was made and of the receiver's words. */
function attemptRow({ at, channel, reason, alerts, attempt, outcome, status, text: words = "", seconds }) {
  const isSaid = words.includes(String(status));
  const why = reason ? (REASONS[reason] ?? reason) : attempt > 0 ? `Attempt ${attempt}` : "–";
  const answer = [isSaid ? null : status, words, seconds === null ? null : duration(seconds)].filter((part) => part !== null && part !== "").join(" · ");
  return h("tr", {}, h("th", { scope: "row" }, h("time", { datetime: at }, moment(at))), h("td", {}, channel), h("td", {}, why), h("td", { "data-title": "Alerts" }, String(alerts)), h("td", {}, h("span", { class: `mark ${COLOURS[outcome] ?? "unknown"}` }, OUTCOMES[outcome] ?? outcome)), h("td", {}, answer));
}

export default class {
  title = "Notifications";
  topic = { of: "notify" };
  about = "Channels are as they are now; what was sent is of this range";
  off = h("p", { class: "card problem", role: "alert", hidden: true });
  none = h("p", { class: "card quiet none", hidden: true }, "Nobody is told of alerts: no channel is set. The section ", h("code", {}, "[notify.channels.NAME]"), " of the settings makes one.");
  reader = h("p", { class: "quiet reader", hidden: true });
  channels = h("tbody");
  attempts = h("tbody");
  nothing = h("p", { class: "quiet more" }, "Nothing was sent yet.");
  caption = h("caption", {});
  channelsCard = wide("Channels", h("table", { class: "channels stack" }, h("caption", {}, "Channels"), head(["Channel", "State", "Waiting", "Last delivered", "(Test)"]), this.channels));
  attemptsCard = wide("What was sent", h("table", { class: "attempts stack" }, this.caption, head(["When", "Channel", "Why", "Alerts", "Outcome", "Answer"]), this.attempts), this.nothing);
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.off, this.none, this.channelsCard, this.reader, this.attemptsCard);
  asked = 0;

  update(store) {
    const all = store.data;
    if (!all) return;
    const hasNone = all.channels.length === 0;
    this.off.hidden = all.off === null || hasNone;
    text(this.off, `What waits would be lost with this process, for the outbox is not kept: ${all.off}`);
    this.none.hidden = !hasNone;
    this.channelsCard.hidden = this.attemptsCard.hidden = hasNone;
    this.reader.hidden = hasNone || store.role !== "read";
    text(this.reader, "To send a test needs the admin token.");
    keyed(this.channels, all.channels, (one) => one.name, (one) => this.row(one), (row, one) => this.fill(row, one, store));
    const range = ofAddress();
    const isOther = JSON.stringify(range) !== this.wanted;
    if (!hasNone && (isOther || Date.now() - this.asked > AGAIN)) this.list(range, store.at);
  }

  row({ name, type }) {
    const button = h("button", { type: "button", "aria-label": `Send a test to ${name}`, onclick: () => tryChannel(name, button) }, "Send a test");
    return h("tr", { "data-channel": name }, h("th", { scope: "row" }, h("b", {}, name), h("span", { class: "quiet" }, ` ${type}`)), h("td", {}, h("span"), h("span", { class: "why quiet" })), h("td", { "data-title": "Waiting" }), h("td", { "data-title": "Last delivered" }), h("td", {}, button));
  }

  fill(row, one, store) {
    const [, state, waiting, delivered, test] = row.children;
    const [colour, words, why] = condition(one, store.at);
    attribute(state.firstElementChild, "class", `mark ${colour}`);
    text(state.firstElementChild, words);
    text(state.lastElementChild, why);
    const oldest = one.oldest ? `, for up to ${age((store.at - Date.parse(one.oldest)) / 1000)}` : "";
    text(waiting, one.waiting === 0 ? "–" : `${one.waiting}${oldest}`);
    text(delivered, one.delivered_at ? moment(one.delivered_at) : "–");
    test.firstElementChild.hidden = store.role === "read";
  }

  /** Asks for the last attempts; with a range, for the last of those in it, which the history has. */
  async list(range, now) {
    this.asked = Date.now();
    // In words: each look at the address makes the same range anew.
    const wanted = JSON.stringify(range);
    this.wanted = wanted;
    const to = range?.to ?? now;
    const of = range ? new URLSearchParams({ from: (range.from ?? to - 1000 * range.length) / 1000, to: to / 1000, limit: ATTEMPTS }) : null;
    const answer = await fetch(of ? `api/v1/alerts/deliveries?${of}` : `api/v1/notify/attempts?limit=${ATTEMPTS}`).catch(() => null);
    // Another range may be wanted by now.
    if (!answer?.ok || this.wanted !== wanted) return;
    const told = await answer.json();
    const all = told.attempts ?? told.deliveries;
    keyed(this.attempts, all, (one) => `${one.number ?? one.seq} ${one.at} ${one.channel}`, attemptRow);
    text(this.caption, range ? `What was sent in this range, the last ${ATTEMPTS}` : `What was sent, the last ${ATTEMPTS}`);
    text(this.nothing, range ? "Nothing was sent in this range." : "Nothing was sent yet.");
    this.nothing.hidden = all.length > 0;
  }
}
