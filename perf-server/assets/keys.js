// Keys for those who like them. Whoever speaks to the computer, or types where no field is, can turn them off: success
// criterion 2.1.4 of the WCAG.

import { choose, chosen } from "./choices.js";
import { h, text } from "./dom.js";

/** Gives each key that is pressed to `press`, unless it is typed into a field. Makes what tells of them, in these words. */
export function keys(words, press) {
  let areOn = chosen("keys", "on") === "on";
  const told = h("span");
  const turn = h("button", { type: "button" });
  const show = () => {
    text(told, areOn ? `Keys: ${words}.` : "Keys are off.");
    text(turn, areOn ? "Turn keys off" : "Turn keys on");
  };
  turn.addEventListener("click", () => {
    areOn = !areOn;
    choose("keys", areOn ? "on" : "off");
    show();
  });
  show();
  addEventListener("keydown", (event) => {
    const isTyped = event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
    if (areOn && !isTyped) press(event);
  });
  return [told, turn];
}
