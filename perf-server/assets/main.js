// The frame: the bar, the pages, and what brings new numbers to them.

import { Episodes } from "./episodes.js";
import { Feed } from "./feed.js";
import { SECONDS, Store } from "./store.js";
import * as address from "./address.js";
import { announce, attribute, h, keyed, text } from "./dom.js";
import { forgetCharts, letGo, listenToZoom } from "./charts.js";
import { age, clock } from "./format.js";
import * as compares from "./compare.js";
import { Asker } from "./past.js";
import * as ranges from "./range.js";
import { verdictsOf } from "./health.js";
import { keys } from "./keys.js";
import { make } from "./maker.js";
import { Nav } from "./nav.js";
import { PAGES } from "./pages.js";
import { notify } from "./popup.js";
import { Series } from "./series.js";
import { Sights } from "./sights.js";
import { askStored } from "./stored.js";
import { showInTab } from "./tab.js";
import { themeButton } from "./theme.js";

/** How long back one can look, and how far points lie apart then: what the service keeps. */
const STEPS = { "1m": "1 s", "5m": "5 s", "15m": "1 min", "1h": "1 min" };
const WINDOWS = Object.keys(STEPS);
/** Parts that the feed need not send to a page of ours that does not say it `needs` it: most draw none of it. */
const PARTS_OF_FEED = ["alert_history", "indicator_values", "row_points"];
/** So many pictures are held while the display is paused. */
const MOST_HELD = 12;
/** So soon after a picture that is held, in milliseconds of the service's clock, comes the rest of it. */
const COMPLETED = 5000;

/** The picture that is shown, and the present: the same, but while the display is paused. */
let store = new Store();
let now = store;
/** While it is paused: the picture that was held, and that of each page which was opened since. */
const held = [];
const feed = new Feed(hear, turned);
const sights = new Sights((ids) => feed.askPoints(ids));
store.sights = sights;
/** When alerts fired. */
const episodes = new Episodes(draw);
store.episodes = episodes;
/** The range that the address names; `null` while what is shown is live. */
let range = null;
const asker = new Asker(draw);
/** The time to compare with, and its picture. */
let compared = null;
const comparing = new Asker(draw);
let page = null;
let pagePath = null;
let wanted = {};
let pausedAt = null;
let isDrawing = false;
/** Where one was on the pages that one left. */
const left = new Map();
/** Whether one goes back or forth; browsers that cannot tell begin at the top. */
let isReturn = false;
let returning = null;
globalThis.navigation?.addEventListener("navigate", ({ navigationType }) => {
  isReturn = navigationType === "traverse";
});

// The bar.
const score = h("b", {}, "–");
const verdicts = h("span", { class: "verdicts" });
const status = h("a", { class: "pill now", href: address.to("overview") }, score, verdicts);
const windows = h("div", { class: "choice", role: "group", "aria-label": "Window" }, WINDOWS.map((name) => h("button", { type: "button", title: `${STEPS[name]} resolution`, onclick: () => ranges.live({ window: name }) }, name)));
const picker = new ranges.Picker(span);
const comparer = new compares.Comparer();
const step = h("span", { class: "quiet step" });
const pause = h("button", { type: "button", class: "pause", onclick: () => setPaused(pausedAt === null) }, "Pause");
const theme = themeButton(draw);
const since = h("span", { class: "quiet since" });
// There where one has logged in: the service says so.
const logout = document.getElementById("logout");
// Which service it is, and which of its processes: the page that was sent says it, where anybody told the service.
const service = document.getElementById("service");
const about = document.title;
const banner = h("p", { class: "banner" });
banner.hidden = true;
const bar = document.getElementById("bar");
// So high is what hides the page's upper end.
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);
const brand = h("a", { class: "brand", "aria-label": "perf, overview" }, h("img", { src: new URL("icon.svg", import.meta.url), alt: "", width: 24, height: 24 }), "perf");
bar.append(
  brand,
  ...(service ? [service] : []),
  status,
  since,
  h("div", { class: "right" }, step, picker.element, comparer.element, h("div", { class: "controls" }, windows, pause, theme, logout)),
  banner,
);
const nav = new Nav(document.getElementById("pages"));
const main = document.getElementById("main");
// Stands for a page of which nothing is known yet: nothing is said to be so until the service has said it.
const waiting = h("p", { class: "quiet wait" });
// The words about the range of the picture.
const rangeWords = h("p", { class: "quiet about" });
let actedAt = -Infinity;
for (const type of ["keydown", "pointerdown"]) addEventListener(type, () => { actedAt = performance.now(); }, { capture: true });

/** Takes a message in: for what is shown, or for what goes on beside it. */
function take(message) {
  if (message.type === "initial_data") {
    sights.forget();
    askStored(message.epoch).then(draw);
    // Rows have other ids now than those of a picture that is held.
    sights.isClosed = pausedAt !== null && isShown();
    if (pausedAt === null) store = now;
    // A page that is opened while the display is paused is held as it is then.
    else if (!isShown()) {
      store = now.fork();
      store.apply(message);
      // Nothing was known yet when it was paused: this is the moment.
      if (held[0].at === undefined) {
        held.length = 0;
        pausedAt = store.at;
      }
      hold(store);
    }
  }
  // A moment that is held is held for all pages that draw it, however slow this browser is.
  for (const picture of held) if (Date.parse(message.timestamp) - picture.at < COMPLETED) picture.complete(message);
  if (store === now) store.apply(message);
  else if (message.row_points) {
    // Another picture may be held by now.
    if (message.window === store.window) store.applyPoints(message.row_points);
  } else now.applyCommon(message);
  // The series to ask for may be known by now, and the window to compare.
  if (message.type === "initial_data") watchRange();
  asker.poke();
  comparing.poke();
}

/** Whether what is shown is what the page wants, over the window that it wants. */
function isShown(picture = store) {
  return picture.isOf(wanted) && picture.has(wanted.without) && (!wanted.window || wanted.window === picture.window);
}

/** A message has come. */
function hear(message) {
  const before = now.health && verdictsOf(now.health);
  episodes.hear(message);
  take(message);
  if (message.type === "alert_triggered") announce(`Alert: ${message.event.alert.message}`);
  if (message.type === "alert_resolved") announce(`Resolved: ${message.event.alert.name}, ${message.event.alert.series}`);
  const changed = before ? verdictsOf(now.health).filter(({ status: is }, place) => is !== before[place].status) : [];
  // Frames do not come while the page is hidden: its tab and notifications do without.
  if (document.hidden) showTab();
  notify(now);
  if (changed.length > 0) announce(changed.map(({ title, status: is }) => `${title}: ${is}`).join(", "));
  draw();
}

/** The connection is another. */
function turned(state) {
  document.documentElement.classList.toggle("stale", state === "lost");
  if (document.hidden) showTab();
  if (state === "lost") {
    sights.forget();
    episodes.miss();
    announce("The connection is lost");
  }
  draw();
}

/** Draws once before the next frame, whatever came until then. */
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  // Frames do not come while the page is hidden: nothing is drawn then.
  requestAnimationFrame(() => {
    isDrawing = false;
    drawBar();
    showBanner();
    if (!page || !isThere()) return;
    const began = performance.now();
    page.update(picture());
    if (returning) comeBack(returning);
    // Its own measurements, by the script that others include too.
    globalThis.perfUi?.add("render_seconds", (performance.now() - began) / 1000);
    // For those who measure how long it takes to see anything.
    if (!performance.getEntriesByName("drawn").length) performance.mark("drawn");
  });
}

/** Whether the page can show a range, and one is to be shown. */
function isOfRange() {
  return range !== null && page.past !== undefined;
}

/** The picture that the page draws. */
function picture() {
  const shown = isOfRange() ? asker.picture : store;
  if (shown !== store) shown.follow(store);
  shown.before = before();
  return shown;
}

/** The time before, as far as it has come. */
function before() {
  return comparing.picture && !comparing.isComing ? new compares.Before(comparing.picture, compared) : null;
}

/** The first and the last moment of what is on the screen. */
function span() {
  if (range?.from) return [range.from, range.to];
  const to = store.at ?? Date.now();
  return [to - 1000 * (range?.length ?? 3600), to];
}

/** Whether there is something to draw. Where there is not, the page says why. */
function isThere() {
  const isKnown = store.isOf(wanted) && store.has(wanted.without) && (!isOfRange() || asker.picture !== null);
  const isRefused = !isKnown && feed.refusal !== null && page.refuse !== undefined;
  if (isRefused) page.refuse();
  waiting.hidden = page.topic === null || isKnown || isRefused;
  page.element.classList.toggle("waiting", !waiting.hidden);
  const isLost = feed.state === "lost";
  text(waiting, feed.refusal ? `The service does not show this: ${feed.refusal}` : isLost ? "The connection is lost, and nothing of this page has come yet." : asker.problem || "Loading ...");
  tellOfRange();
  return page.topic !== null && isKnown;
}

/** Of which time the picture is, and that another one is on its way. */
function tellOfRange() {
  document.documentElement.classList.toggle("coming", isOfRange() && asker.isComing);
  const words = [];
  if (range && !page.past) words.push(page.about ?? "This page is about now, whatever range is chosen");
  else if (range) words.push(asker.picture?.words(), asker.problem);
  if (compared && page.past) words.push(before()?.words() ?? (comparing.problem || "comparing ..."));
  if (page.past && !page.element.classList.contains("waiting")) words.push(episodes.words(isOfRange() ? asker.picture : store));
  text(rangeWords, words.filter(Boolean).join(" · "));
  rangeWords.hidden = rangeWords.textContent === "";
}

function drawBar() {
  const { health } = now;
  const isLost = feed.state === "lost";
  if (health || isLost) {
    const isWell = !isLost && health.status === "healthy";
    // Of a service that is not well: whether that is what callers feel, or what they may come to feel.
    const shown = isLost ? [] : isWell ? [{ name: "all", title: "", status: health.status }] : verdictsOf(health);
    text(score, isLost ? "disconnected" : String(Math.round(health.score)));
    keyed(verdicts, shown, ({ name }) => name, () => h("span"), (part, { title, status: is }) => {
      text(part, ` ${title} ${is}`);
      attribute(part, "data-status", is);
    });
    attribute(status, "data-status", isLost ? null : health.status);
    showTab();
  }
  if (now.uptime !== undefined) text(since, `up ${age(now.uptime)}`);
  // The window of what is shown: another one that was asked for may be on its way.
  const shown = store.window;
  text(step, shown && !range ? `${STEPS[shown]} resolution` : "");
  for (const button of windows.children) {
    attribute(button, "aria-pressed", String(button.textContent === shown && !range));
    button.classList.toggle("asked", button.textContent === wanted.window && wanted.window !== shown && !range);
  }
  picker.update(range, isOfRange() && asker.isComing);
  comparer.update(compared);
  for (const link of [brand, status]) attribute(link, "href", address.to("overview"));
  nav.update(now);
}

/** Writes the title of the browser's tab. */
function showTab() {
  const isLost = feed.state === "lost";
  if (now.health || isLost) showInTab(now, isLost, `${page?.title ? `${page.title} · ` : ""}${about}`);
}

/** Shows what the address says. */
function navigate() {
  const { page: name, parts, params } = address.read();
  const path = [name, ...parts].join("\n");
  if (path !== pagePath) {
    const isFirst = pagePath === null;
    left.set(pagePath, { href: document.activeElement.getAttribute("href"), top: scrollY });
    returning = isReturn ? left.get(path) : null;
    pagePath = path;
    forgetCharts();
    page = name === "series" && parts.length > 0 ? new Series(parts[0], parts.slice(1)) : make(PAGES.find((one) => one.id === name) ?? { id: name, parts }, arrived);
    main.replaceChildren(rangeWords, page.element, waiting);
    if (!isFirst) {
      scrollTo(0, 0);
      // A reader who typed the address into the browser looks at all of the page, and sees no frame around it.
      main.classList.toggle("unframed", performance.now() - actedAt > 2000);
      main.focus({ preventScroll: true });
      announce(page.title);
    }
  }
  const chosen = params.get("window");
  if (chosen !== null && !WINDOWS.includes(chosen)) {
    announce(`There is no window ${chosen}`);
    address.set({ window: null });
    return;
  }
  const asked = ranges.ofAddress();
  if (asked === undefined) {
    announce("There is no such range");
    ranges.live();
    return;
  }
  range = asked;
  compared = compares.ofAddress();
  if (compared === undefined) {
    announce("There is no such time to compare with");
    address.set({ compare: null });
    return;
  }
  ranges.settle();
  document.documentElement.classList.toggle("past", range !== null);
  watchRange();
  if (page.topic === null) return;
  const before = JSON.stringify(wanted);
  // Pages of other parts draw whatever they like.
  wanted = { ...page.topic, without: page.needs && PARTS_OF_FEED.filter((part) => !page.needs.includes(part)) };
  if (chosen) wanted.window = chosen;
  else if (store.window && feed.socket) wanted.window = store.window;
  const known = pausedAt !== null && held.find((picture) => isShown(picture));
  if (!known) now.leaveOut(wanted.without);
  if (known) store = known;
  // While the display is paused the feed may be there already, and its first picture gone.
  else feed.watch(wanted, pausedAt !== null && !isShown() && JSON.stringify(wanted) !== before);
  draw();
}

function watchRange() {
  const common = { path: pagePath, page, live: () => store, at: () => pausedAt ?? now.at ?? Date.now(), isPaused: () => pausedAt !== null };
  asker.watch(isOfRange() ? { ...common, range } : null);
  const shown = range ?? SECONDS[store.window];
  const isCompared = compared !== null && page.past !== undefined && shown !== undefined;
  comparing.watch(isCompared ? { ...common, range: shown, name: compared, then: (asked) => compares.thenOf(compared, asked, store.processes()) } : null);
}

/** The script of a part's page has come, or cannot be had. */
function arrived(id, isThere) {
  if (!isThere) feed.watch({});
  else if (address.read().page === id) {
    // Made anew, now that it can be.
    pagePath = undefined;
    navigate();
  }
}

/** To the link that one went away by, as soon as it is there again. */
function comeBack({ href, top }) {
  const isUntouched = document.activeElement === main;
  const link = [...main.querySelectorAll("a")].find((one) => one.getAttribute("href") === href);
  const isThere = href ? link : document.documentElement.scrollHeight >= top + innerHeight;
  if (isUntouched && !isThere) return;
  returning = null;
  if (!isUntouched) return;
  scrollTo(0, top);
  link?.focus({ preventScroll: true });
}

/** Stops the picture, not the feed; then it goes on with what is true by then. */
function setPaused(isPaused) {
  pausedAt = isPaused ? (store.at ?? Date.now()) : null;
  held.length = 0;
  if (isPaused) {
    if (store === now) now = store.fork();
    hold(store);
    feed.watch({ ...wanted, without: wanted.without && ["row_points"] });
  } else feed.watch(wanted, true);
  pause.classList.toggle("on", isPaused);
  text(pause, isPaused ? "Resume" : "Pause");
  announce(isPaused ? "Paused" : "Live again");
  draw();
}

function hold(picture) {
  picture.isHeld = true;
  held.push(picture);
  // The first is the moment that was to be looked at.
  if (held.length > MOST_HELD) held.splice(1, 1);
}

function showBanner() {
  const isLost = feed.state === "lost";
  banner.hidden = !isLost && pausedAt === null;
  banner.classList.toggle("quiet", !isLost);
  // By the service's clock up to the last that was heard, and by this one's since.
  const old = now.at ? `What is shown is from ${clock(store.at)}, ${age((now.at - store.at + Date.now() - feed.heardAt) / 1000)} ago.` : "Nothing was heard from the service yet.";
  const isLater = pausedAt !== null && !range && isShown() && store.at - pausedAt > 2000;
  const later = isLater ? ` What is shown here is from ${clock(store.at)}, when it was opened.` : "";
  if (isLost) text(banner, `The connection is lost. ${old} Reconnecting ...`);
  else if (pausedAt !== null) text(banner, `Paused at ${clock(pausedAt)}.${later} Recording continues.`);
}

document.getElementById("keys").append(...keys("p pauses, 1 to 4 choose the window, / finds", (event) => {
  const field = event.key === "/" && document.querySelector("input[type=search]");
  if (event.key === "p") setPaused(pausedAt === null);
  else if (field) {
    event.preventDefault();
    field.focus();
  } else if (WINDOWS[Number(event.key) - 1]) ranges.live({ window: WINDOWS[Number(event.key) - 1] });
}));
listenToZoom((from, to) => ranges.zoom(from, Math.min(to, store.at ?? to)));
addEventListener("keydown", ({ key, target }) => {
  if (key !== "Escape" || target.closest?.("dialog, input, textarea, select")) return;
  if (!letGo()) ranges.leave();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// The login page is shown where one has logged out: this browser's other pages ask whether they are meant too. So does one
// that the browser had put aside as it was.
new BroadcastChannel("perf.login").onmessage = () => feed.ask();
addEventListener("pageshow", (event) => event.persisted && (feed.isLeft ? location.reload() : feed.ask()));
logout?.addEventListener("submit", () => feed.leave());
setInterval(showBanner, 1000);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
address.listen(navigate);
navigate();
