// Tables whose rows come and go, each in a card of its own: for pages that show what a part counts.

import { attribute, h, keyed, text, wide } from "./dom.js";

/** A column of numbers. */
export const numbers = (title) => ({ title, class: "number" });

/** A column of texts, as a title alone is too. */
export const texts = (title) => ({ title, class: null });

/** A cell whose words lead to an address; without one they are words alone. */
export const leading = (words, href) => ({ words, href });

function fill(cell, value) {
  if (value?.words === undefined) return text(cell, value);
  if (cell.firstElementChild === null) cell.replaceChildren(h("a"));
  text(cell.firstElementChild, value.words);
  attribute(cell.firstElementChild, "href", value.href);
}

/** A table with columns by title, of which the first names the row, and the words for no rows. `show` brings it up to date: the cells of an item are texts, or what `leading` makes. */
export function rowsCard(title, columns, nothing = "Nothing yet.") {
  const all = columns.map((column) => (typeof column === "string" ? texts(column) : column));
  const body = h("tbody");
  const none = h("p", { class: "quiet more" }, nothing);
  const head = h("thead", {}, h("tr", {}, all.map((column) => h("th", { scope: "col", class: column.class }, column.title))));
  // Where there is little room the head is not seen: each cell has its title.
  const cell = (column) => h("td", { class: column.class, "data-title": column.title });
  const row = () => h("tr", {}, h("th", { scope: "row" }), all.slice(1).map(cell));
  return {
    element: wide(title, h("table", { class: "stack" }, h("caption", {}, title), head, body), none),
    show(items, key, cells) {
      keyed(body, items, key, row, (element, item) => cells(item).forEach((value, place) => fill(element.children[place], value)));
      none.hidden = items.length > 0;
    },
  };
}
