// A large number with its name.

import { Delta } from "./compare.js";
import { attribute, h, text } from "./dom.js";

export class Tile {
  /** `isOfNow`: it tells what is so now, whatever range is looked at. */
  constructor(title, isOfNow = false) {
    this.value = h("b", {}, "–");
    this.note = h("span", { class: "quiet" });
    this.delta = new Delta("span");
    this.element = h("div", { class: "card tile" }, h("span", { class: isOfNow ? "title now" : "title" }, title), this.value, this.note, this.delta.element);
  }

  set(value, note = "", state = "") {
    text(this.value, value);
    text(this.note, note);
    attribute(this.element, "data-state", state || null);
  }
}
