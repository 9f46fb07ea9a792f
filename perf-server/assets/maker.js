// Makes pages: ours, and those of parts, which are loaded when they are first opened.

import * as address from "./address.js";
import { Alerts } from "./alerts.js";
import { Running } from "./calls.js";
import { RESOURCES } from "./catalog.js";
import { h, text } from "./dom.js";
import { CallMap } from "./map.js";
import { Metrics } from "./metrics.js";
import { Kinds, Overview } from "./overview.js";
import { Recorded } from "./recorded.js";
import { Resources } from "./resources.js";

/** Makes our own pages, by their ids. */
const MAKERS = {
  overview: () => new Overview(),
  requests: () => new Kinds("Requests", ["http_request"]),
  database: () => new Kinds("Database", ["db_operation"]),
  workflows: () => new Kinds("Workflows", ["workflow", "workflow_step"]),
  agents: () => new Kinds("Agents and tools", ["agent", "tool", "mcp_call", "llm_call"]),
  external: () => new Kinds("External calls", ["external_call"]),
  operations: () => new Kinds("Operations", ["operation"]),
  map: () => new CallMap(),
  running: () => new Running(),
  alerts: () => new Alerts(),
  // Of no navigation: one comes here from the page of a series.
  call: ([id]) => new Recorded(id ?? ""),
  metrics: () => new Metrics(),
  ...Object.fromEntries(RESOURCES.map((spec) => [spec.name, () => new Resources(spec)])),
};

/** The classes of the parts' pages that were opened. */
const loaded = new Map();

/** A page, by its entry in the navigation, or by its id and the parts of its address. `arrived(id, isThere)` hears when the script of a part's page has come, or cannot be had. */
export function make({ id, title, script, style, parts = [] }, arrived) {
  if (!script) {
    const own = Object.hasOwn(MAKERS, id) ? MAKERS[id](parts) : new Nowhere(id);
    own.needs ??= [];
    return own;
  }
  const Page = loaded.get(id);
  if (Page) return new Page();
  const words = h("p", { class: "quiet" }, "Loading ...");
  load(id, script, style).then(() => arrived(id, true), () => {
    text(words, "The script of this page cannot be loaded.");
    arrived(id, false);
  });
  // Its topic is known when it is loaded.
  return { title, topic: null, element: h("div", { class: "page" }, h("h1", {}, title), words), update: () => {} };
}

async function load(id, script, style) {
  if (style) document.head.append(h("link", { rel: "stylesheet", href: style }));
  const module = await import(new URL(script, document.baseURI));
  loaded.set(id, module.default);
}

/** An address of no page. */
class Nowhere {
  constructor(id) {
    this.title = "No such page";
    this.element = h("div", { class: "page" }, h("h1", {}, this.title), h("p", { class: "card" }, `There is no page “${id}”.`), h("p", {}, h("a", { href: address.to("overview") }, "To the overview")));
  }

  update() {}
}
