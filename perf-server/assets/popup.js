// Notifications of the browser: off until somebody turns them on here.

import * as address from "./address.js";
import { isOpen } from "./alerts.js";
import { choose, chosen } from "./choices.js";
import { announce, attribute, h, text } from "./dom.js";
import { iconOf } from "./tab.js";

const CHOICES = { off: "Off", critical: "Critical alerts", all: "All alerts" };
/** The alerts that were there, or told, each with how bad it was: `null` before the first picture. */
let met = null;
let heard = null;
let choice = CHOICES[chosen("notify", "off")] ? chosen("notify", "off") : "off";

/** Why there are none; nothing where there are. */
function hindrance() {
  if (!isSecureContext) return "Browsers allow notifications only over https, or on localhost.";
  if (!("Notification" in globalThis)) return "This browser has no notifications.";
  if (Notification.permission === "denied") return "This browser was told to refuse them: its settings of this site allow them again.";
  return "";
}

function isOn() {
  return choice !== "off" && hindrance() === "" && Notification.permission === "granted";
}

function tell({ name, message, severity, fingerprint, since }) {
  try {
    // Of several tabs the browser shows one.
    const shown = new Notification(`${severity === "critical" ? "Critical" : "Warning"}: ${name}`, { body: message, tag: `perf ${fingerprint} ${since} ${severity}`, icon: iconOf(severity === "critical" ? "failing" : "degraded") });
    shown.onclick = () => {
      focus();
      location.hash = address.to("alerts");
      shown.close();
    };
  } catch {
    // Browsers of phones have them for installed pages alone.
  }
}

/** Tells of alerts that began to fire, or got worse, since it was last asked: each once, and none that is muted or known. */
export function notify({ alerts }) {
  if (!alerts || alerts === heard) return;
  heard = alerts;
  const before = met;
  met = new Map();
  for (const alert of alerts.active) {
    const key = `${alert.fingerprint} ${alert.since}`;
    const rank = alert.severity === "critical" ? 2 : 1;
    const known = before?.get(key) ?? 0;
    const isNews = isOpen(alert) && !alert.muted && rank > known;
    met.set(key, isNews ? rank : known);
    if (before && isNews && isOn() && (choice === "all" || rank === 2)) tell(alert);
  }
}

/** The switch. */
export class PopupSwitch {
  constructor() {
    this.select = h("select", { onchange: () => this.choose(this.select.value) }, Object.entries(CHOICES).map(([value, words]) => h("option", { value }, words)));
    this.about = h("span", { class: "quiet", role: "status" });
    this.element = h("div", { class: "line popups" }, h("label", { class: "line" }, "Notifications of this browser", this.select), this.about);
    this.update();
  }

  async choose(wanted) {
    choice = wanted;
    choose("notify", wanted);
    // Nobody is asked but by their own wish.
    if (wanted !== "off" && hindrance() === "" && Notification.permission === "default") await Notification.requestPermission();
    this.update();
    announce(`Notifications of this browser: ${isOn() ? CHOICES[choice] : "off"}. ${this.about.textContent}`);
  }

  update() {
    const why = hindrance();
    if (this.select.value !== choice) this.select.value = choice;
    this.select.disabled = why !== "";
    attribute(this.select, "data-on", isOn() || null);
    const asked = choice !== "off" && !isOn() ? "The browser was not allowed to show them yet: choose again." : "";
    text(this.about, why || asked || (isOn() ? "While a page of this dashboard is open." : ""));
  }
}
