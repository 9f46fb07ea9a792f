// The list of pages: those that there is something for, and what is to be looked after.

import { isOpen } from "./alerts.js";
import * as address from "./address.js";
import { MOST } from "./calls.js";
import { attribute, h, keyed, text } from "./dom.js";
import { pageOfKind, PAGES } from "./pages.js";

export class Nav {
  constructor(element) {
    this.element = element;
    this.links = h("ul");
    this.shape = "";
    element.append(this.links);
    new ResizeObserver(() => this.showLink()).observe(element);
  }

  /** By what is so now. */
  update(now) {
    const here = address.read().page;
    const kind = here === "series" ? pageOfKind(address.read().parts[0]) : here;
    const firing = now.alerts?.active.filter(isOpen).length ?? 0;
    const flying = now.calls?.length ?? 0;
    // Each kind that has series is judged, and so is known on every page.
    const there = new Set([...(now.indicators?.values() ?? [])].map((one) => pageOfKind(one.kind)));
    const isSampled = (prefixes) => now.names?.some((metric) => prefixes.some((prefix) => metric.startsWith(prefix)));
    const isAlways = ({ kinds, metrics }) => kinds.length === 0 && metrics.length === 0;
    const listed = PAGES.filter((one) => isAlways(one) || there.has(one.id) || one.id === kind || isSampled(one.metrics));
    const isFirstOfGroup = ({ id, place }) => place !== listed[0].place && id === listed.find((one) => one.place === place).id;
    keyed(this.links, listed, ({ id }) => id, ({ title }) => h("li", {}, h("a", {}, h("span", {}, title), h("b", { class: "count" }))), (item, one) => {
      const link = item.firstElementChild;
      attribute(link, "href", address.to(one.id));
      item.classList.toggle("apart", isFirstOfGroup(one));
      attribute(link, "aria-current", one.id === kind ? "page" : null);
      const count = one.id === "alerts" ? firing : one.id === "running" ? flying : 0;
      // Of the calls in flight no more are sent; of alerts all.
      text(link.lastElementChild, count === 0 ? "" : one.id === "running" && count >= MOST ? `${MOST}+` : String(count));
      link.lastElementChild.classList.toggle("bad", one.id === "alerts");
    });
    const shape = `${kind} of ${listed.length}`;
    if (shape !== this.shape) this.showLink();
    this.shape = shape;
  }

  /** Where there is no room for all pages side by side, as on a phone, the one that is shown is in sight: or that of the focus. */
  showLink() {
    if (this.links.contains(document.activeElement)) return;
    const box = this.links.querySelector("[aria-current]")?.getBoundingClientRect();
    const { element } = this;
    if (box && element.scrollWidth > element.clientWidth) element.scrollLeft += box.left + box.width / 2 - element.clientWidth / 2;
  }
}
