// Marks of a reader on an alert: acknowledge it, or silence it for a while.

import { h, keepFocus } from "./dom.js";
import { seriesInShort } from "./format.js";
import { choose, chosen } from "./choices.js";
import { isNothingKept } from "./stored.js";

/** A dialog with a form. `send(fields)` gives what went wrong, or nothing. Gives its parts. */
export function ask(title, about, fields, button, send) {
  const problem = h("p", { class: "problem", role: "alert" });
  problem.hidden = true;
  const form = h("form", { method: "dialog" });
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const submit = h("button", { type: "submit", class: "primary" }, button);
  form.append(h("h2", { id: "dialog-title" }, title), h("p", { class: "quiet" }, about), ...fields, problem, h("div", { class: "buttons" }, submit, cancel));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    const failure = await send(Object.fromEntries(new FormData(form)));
    submit.disabled = false;
    if (!failure) return dialog.close();
    problem.replaceChildren(...failure);
    problem.hidden = false;
  });
  show(dialog);
  return { dialog, form, submit };
}

/** A dialog that tells something, and is closed. */
export function tell(title, words) {
  const close = h("div", { class: "buttons" }, h("button", { class: "primary" }, "Close"));
  show(h("dialog", { "aria-labelledby": "dialog-title" }, h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), words, close)));
}

/** Shows a dialog, which is gone once it is closed. */
function show(dialog) {
  const opener = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    // The button that it was opened by may be gone by now.
    if (document.activeElement === document.body) keepFocus(opener, opener.parentElement);
  });
  document.body.append(dialog);
  dialog.showModal();
}

export function field(name, title, input) {
  return h("label", {}, title, fillName(name, input));
}

function fillName(name, input) {
  input.name = name;
  return input;
}

export function person() {
  return field("by", "Your name", h("input", { required: true, maxlength: 100, autocomplete: "name", value: chosen("name", "") }));
}

export function note() {
  return field("comment", "Note", h("textarea", { rows: 3, maxlength: 1000 }));
}

export function span(first) {
  const spans = [["1h", "1 hour"], ["4h", "4 hours"], ["1d", "1 day"], ["7d", "7 days"]];
  return field("for", "For", h("select", {}, [...first, ...spans].map(([value, words]) => h("option", { value }, words))));
}

/** Asks the service for a change; gives what went wrong, or nothing once `done(answer)` has heard. */
export async function send(method, path, body, done) {
  if (body?.by) choose("name", body.by);
  try {
    const response = await fetch(path, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (response.ok) {
      done?.(await response.json());
      return null;
    }
    const problem = await response.json().catch(() => ({}));
    const words = `${problem.detail ?? response.statusText}. `;
    const isRefused = response.status === 401 || response.status === 403;
    return isRefused ? [words, h("a", { href: toLogin() }, "Log in with the admin token")] : [words];
  } catch {
    return ["The service does not answer."];
  }
}

/** Where one gets the right to do that. */
export function toLogin() {
  return `login${location.hash}`;
}

/** How long a mark is remembered, where that is less than it says. */
export function lasting() {
  return isNothingKept() ? " No history is kept: it ends with this process, unless the application keeps its state itself." : "";
}

/** An alert in a few words. */
function inShort(alert) {
  return `${alert.name}: ${seriesInShort(alert.series)}`;
}

export function acknowledge(alert) {
  const fields = [person(), note(), span([["", "as long as it fires"]])];
  ask("Acknowledge", `${inShort(alert)}.${lasting()}`, fields, "Acknowledge", (values) => {
    const body = { by: values.by, comment: values.comment };
    if (values.for) body.for = values.for;
    return send("POST", `api/v1/alerts/${alert.id}/acknowledge`, body);
  });
}

export function silence(alert) {
  ask("Silence", `Mute notifications: ${inShort(alert)}. The list of alerts keeps it all the same.${lasting()}`, [person(), note(), span([])], "Silence", (values) => send("POST", "api/v1/alerts/silence", { rule: alert.rule, labels: alert.labels, ...values }));
}

export async function unsilence(id) {
  const failure = await send("DELETE", `api/v1/alerts/silences/${id}`);
  if (failure) tell("The silence goes on", h("p", {}, failure));
}
