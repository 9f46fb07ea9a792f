// Cards of other parts on the first page: what somebody has to know now, and where there is more of it.

import { attribute, h, keyed, text } from "./dom.js";
import { age, moment } from "./format.js";
import * as address from "./address.js";

export class Cards {
  element = h("section", { class: "page", "aria-label": "What happens now", hidden: true });

  update(store) {
    const cards = (store.cards ?? []).map((card, place) => ({ ...card, place }));
    this.element.hidden = cards.length === 0;
    keyed(this.element, cards, (card) => card.place, () => this.make(), (element, card) => this.fill(element, card, store.at));
  }

  make() {
    const heading = h("div", { class: "line" }, h("span", { class: "badge" }), h("h2", {}));
    return h("article", { class: "card alert" }, heading, h("div", {}), h("p", { class: "line quiet" }, h("span", {}), h("a", {})));
  }

  fill(element, { title, severity, lines, since, page }, now) {
    const [{ children: [badge, heading] }, body, { children: [time, link] }] = element.children;
    attribute(element, "data-severity", severity);
    badge.hidden = !severity;
    text(badge, severity ?? "");
    text(heading, title);
    keyed(body, lines.map((line, place) => ({ line, place })), ({ place }) => place, () => h("p", {}), (paragraph, { line }) => text(paragraph, line));
    text(time, since ? `since ${moment(since)}, for ${age((now - Date.parse(since)) / 1000)}` : "");
    link.hidden = !page;
    text(link, page?.title ?? "");
    attribute(link, "href", page && address.to(page.id));
  }
}
