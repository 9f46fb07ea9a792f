// The state in the browser's tab: its icon, and the first words of its title.

import { verdictInWords } from "./health.js";
import { isOpen } from "./alerts.js";

/** The icons: each of another shape, for those who do not tell colours apart. */
const ICONS = { ok: "icon.svg", degraded: "icon-degraded.svg", failing: "icon-failing.svg", lost: "icon-lost.svg" };

/** The address of the icon of a state. */
export function iconOf(state) {
  return new URL(ICONS[state], import.meta.url).href;
}

const link = document.querySelector("link[rel=icon]");
// While the connection is lost it could not be had any more.
new Image().src = iconOf("lost");

/** How it is: an open alert is a reason to look, whatever the health takes from it. */
function stateOf(health, open) {
  if (health?.status === "unhealthy") return "failing";
  return health?.status === "degraded" || open > 0 ? "degraded" : "ok";
}

/** Shows it. `rest` is the page and the service. */
export function showInTab({ health, alerts }, isLost, rest) {
  const open = isLost ? 0 : (alerts?.active.filter(isOpen).length ?? 0);
  const href = iconOf(isLost ? "lost" : stateOf(health, open));
  if (link.href !== href) link.href = href;
  const verdict = isLost ? "disconnected" : health.status === "healthy" ? "" : verdictInWords(health);
  const title = `${open > 0 ? `(${open}) ` : ""}${verdict ? `${verdict} · ` : ""}${rest}`;
  if (document.title !== title) document.title = title;
}
