// Light or dark: as the system says, or as somebody chose.

import { choose, chosen } from "./choices.js";
import { attribute, h, s, text } from "./dom.js";
import { forgetColours } from "./draw.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };

/** The button that goes from one to the next. `onchange()` draws what is drawn in colours. */
export function themeButton(onchange) {
  const name = h("span");
  const halfMoon = s("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, s("circle", { cx: 8, cy: 8, r: 6.5, fill: "none", stroke: "currentColor", "stroke-width": 1.5 }), s("path", { d: "M8 1.5a6.5 6.5 0 0 1 0 13z", fill: "currentColor" }));
  const button = h("button", { type: "button", class: "theme" }, halfMoon, name);
  let now = chosen("theme", "auto");
  const apply = () => {
    attribute(document.documentElement, "data-theme", now === "auto" ? null : now);
    text(name, { auto: "Auto", light: "Light", dark: "Dark" }[now]);
    attribute(button, "aria-label", `Theme: ${now}`);
    forgetColours();
  };
  button.addEventListener("click", () => {
    now = NEXT[now];
    choose("theme", now);
    apply();
    onchange();
  });
  apply();
  return button;
}
