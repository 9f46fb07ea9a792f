// Elements, made and kept up to date. Texts from the service only ever become text nodes and attributes.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element with attributes, listeners (`onclick`) and children. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A card that scrolls sideways where there is little room, by keyboard too. */
export function wide(label, ...children) {
  return h("div", { class: "card scroll", role: "region", "aria-label": label, tabindex: 0 }, children);
}

/** A name that may go on in the next line at its joints, as `data_` `processing` and `/carts` `/{id}`. */
export function breakable(name) {
  const parts = name.split(/(?<=\S)(?=\/)|(?<=[_.:=-])(?=\w)/);
  return parts.flatMap((part, place) => (place > 0 ? [document.createElement("wbr"), part] : [part]));
}

/** Sets a text where it is another one: what did not change is not laid out anew. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

export function attribute(element, name, value) {
  if (value === null || value === false || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/**
 * Keeps the children of an element in line with a list: elements of the same key stay, in the order of the list.
 * `make(item)` makes an element, `update(element, item)` brings it up to date. What has the focus keeps it, wherever it goes;
 * where it goes for good, its neighbour has it.
 */
export function keyed(parent, items, key, make, update) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const known = parent.keyed ?? (parent.keyed = new Map());
  const wanted = new Set();
  let heir = null;
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    if (wanted.has(name)) continue;
    wanted.add(name);
    let element = known.get(name);
    if (!element) {
      element = make(item);
      known.set(name, element);
    }
    update?.(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const [name, element] of known) {
    if (!wanted.has(name)) {
      if (element.contains(focused)) heir = element.nextElementSibling ?? element.previousElementSibling;
      element.remove();
      known.delete(name);
    }
  }
  if (focused && !parent.contains(document.activeElement)) keepFocus(focused, heir);
}

/** The items of `keyed` in the order in which they stand, while a reader points at one or has it in focus, and does not want it to jump away. */
export function steady(parent, items, key) {
  if (!parent.matches(":hover") && !parent.querySelector(":focus-visible")) return items;
  const places = new Map([...parent.children].map((element, place) => [element, place]));
  const place = (item) => places.get(parent.keyed?.get(key(item))) ?? Infinity;
  // New ones come after all others. Between two of them the difference is no number.
  return items.toSorted((one, other) => place(one) - place(other) || 0);
}

/** Elements that can have the focus. */
const STOP = "a[href]:not([hidden]), button:not([hidden])";

/** Gives the focus back to what lost it by being moved or hidden; or to another place near there, and be it the page. */
export function keepFocus(lost, near) {
  const isThere = (element) => element?.isConnected && element.checkVisibility();
  const stop = isThere(lost) ? lost : [...(near?.querySelectorAll(STOP) ?? [])].find(isThere);
  (stop ?? document.getElementById("main")).focus({ preventScroll: true });
}

/** Tells those who do not see the page. */
export function announce(message) {
  const region = document.getElementById("announce");
  if (region) region.textContent = message;
}
