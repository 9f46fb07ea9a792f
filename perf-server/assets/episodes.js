// Alerts over time, as the service remembers them: asked for once, kept up to date by the feed, and drawn by charts and lists.

import { moment } from "./format.js";
import { patiently } from "./past.js";
import { ofAddress } from "./range.js";

/** So many changes are asked for, the last; and so many ends of alerts after a range that is over, the first. */
const MOST = 1000;
/** So often, in milliseconds, the service is asked at most; and so far each question reaches back into the one before. */
const EVERY = 5000;
const OVERLAP = 5000;
/** A chart begins with a whole step: such a share more than the range is asked for. */
const MARGIN = 0.05;
const HOUR = 3_600_000;
/** So far back lists reach where no range is chosen. */
const WEEK = 168 * HOUR;
/** Changes of which a list has a word beside how the alert stands. */
const MARKS = ["acknowledged", "flapping"];

/** The time of a picture, or of a page that draws none of a range; of what is live so much. While `isOpen`, it goes on: `{ name, from, to, isOpen }`. */
function timeOf(store, length) {
  const range = store.isPast ? store.range : ofAddress();
  const now = store.at ?? Date.now();
  const isHeld = Boolean(store.now?.isHeld);
  if (range?.from) return { name: `${range.from} ${range.to}`, from: range.from, to: range.to, isOpen: range.to > now && !isHeld };
  return { name: range?.name ?? `live ${length}`, from: now - (range ? 1000 * range.length : length), to: now, isOpen: !isHeld };
}

/** The time of a list of what was: a range, or the last week. */
export function timeOfList(store) {
  return timeOf(store, WEEK);
}

/** That time in words. */
export function withinWords() {
  return ofAddress() ? "in this range" : "in the last 7 d";
}

/** Whether all of a time is known, or asked for. What was cut is not told to who asks up to the same moment again. */
function covers(known, time, epoch) {
  const reaches = known.isOpen || (!time.isOpen && time.to <= known.to);
  const isSameEnd = known.isOpen ? time.isOpen : known.to === time.to;
  const isThere = known.from <= time.from && (isSameEnd || !(known.cut > time.from));
  return known.epoch === epoch && reaches && (known.name === time.name || isThere);
}

const keyOf = ({ id, since }) => `${id} ${since}`;

/** One alert from its first change to its last: what is known of it after one more. */
function follow(episodes, { at, transition, alert }) {
  const key = keyOf(alert);
  const known = episodes.get(key);
  // It stands where its last change belongs.
  episodes.delete(key);
  const marks = MARKS.includes(transition) ? [transition] : [];
  episodes.set(key, {
    ...episodeOf(alert, transition),
    at: Date.parse(at),
    acknowledged: alert.acknowledged ?? known?.acknowledged,
    // The worst while it fired.
    severity: known && known.from !== null && known.severity === "critical" ? "critical" : alert.severity,
    marks: [...(known?.marks ?? []), ...marks],
  });
  return episodes;
}

/** Times are milliseconds: `from` when it fired, `until` when it no longer did, `null` where that is not known. */
function episodeOf(alert, transition) {
  const [from, until] = [alert.fired_at, alert.resolved_at].map((time) => (time ? Date.parse(time) : null));
  return { key: keyOf(alert), alert, transition, from, until, acknowledged: alert.acknowledged, severity: alert.severity, marks: [], isNow: false };
}

export class Episodes {
  /** `onchange()` when more is known. */
  constructor(onchange) {
    Object.assign(this, { onchange, known: null, asking: null, made: null, version: 0, changedAt: 0, askedAt: -Infinity, restsUntil: 0, isDue: false, stand: "" });
    /** Why nothing came. */
    this.problem = "";
  }

  /** Hears a message of the feed: it tells of alerts that fire and end; whatever else happened is asked for. */
  hear({ event, alerts }) {
    if (event && this.known?.isOpen) this.take([event]);
    if (!alerts) return;
    const stand = JSON.stringify([...alerts.active, ...alerts.pending].map(({ id, state, severity, acknowledged, muted }) => [id, state, severity, acknowledged, muted]));
    this.isDue ||= stand !== this.stand;
    this.stand = stand;
  }

  /** Something may have happened that nobody heard. */
  miss() {
    this.isDue = true;
  }

  /** Asks about a time where it is not known, or not up to now. Gives whether it is known. */
  see(store, time, every = EVERY) {
    const isKnown = this.known !== null && covers(this.known, time, store.epoch);
    const isOld = isKnown && this.isDue && this.known.isOpen && time.isOpen && Date.now() - this.askedAt >= every;
    if ((!isKnown || isOld) && Date.now() >= this.restsUntil) this.ask(store, time, isKnown);
    return isKnown;
  }

  async ask(store, time, isMore) {
    if (this.asking && (isMore || covers(this.asking, time, store.epoch))) return;
    this.asking?.request.abort();
    const request = new AbortController();
    const from = isMore ? this.known.heard - OVERLAP : time.from - MARGIN * (time.to - time.from);
    const asking = { ...time, from, epoch: store.epoch, heard: store.at ?? Date.now(), cut: null, request };
    Object.assign(this, { asking, askedAt: Date.now(), isDue: false });
    try {
      const first = await changes({ from, ...(time.isOpen ? {} : { to: time.to }), limit: MOST }, request.signal);
      // Alerts that began in a range, or before it, and ended after it.
      const later = time.isOpen ? { events: [] } : await changes({ from: time.to, transition: "resolved", sort: "at", limit: MOST }, request.signal);
      const lasting = later.events.filter(({ alert }) => Date.parse(alert.fired_at) < time.to);
      if (isMore) this.known.heard = asking.heard;
      else this.known = { ...asking, events: new Map(), isEndLost: Boolean(later.next) };
      if (first.next) this.known.cut = Date.parse(first.events.at(-1).at);
      this.take([...first.events, ...lasting]);
      this.problem = "";
    } catch (error) {
      if (request.signal.aborted) return;
      this.problem = error instanceof TypeError ? "the service does not answer" : error.message;
      Object.assign(this, { restsUntil: Date.now() + EVERY, isDue: true });
    }
    this.asking = null;
    this.onchange();
  }

  /** Takes changes in, each once. */
  take(events) {
    const { known } = this;
    for (const event of events) known.events.set(`${event.at} ${event.seq}`, event);
    const place = ([, { at, seq }]) => [Date.parse(at), seq];
    const all = [...known.events].map((entry) => [place(entry), entry]).sort(([[at, seq]], [[otherAt, otherSeq]]) => at - otherAt || seq - otherSeq);
    const kept = all.slice(-2 * MOST);
    if (kept.length < all.length) known.cut = kept[0][0][0];
    known.events = new Map(kept.map(([, entry]) => entry));
    this.version += 1;
    this.changedAt = kept.at(-1)?.[0][0] ?? 0;
  }

  /** Every alert that is known, by its last change, with those that fire in a picture; of one that is held, up to its moment. */
  all(store) {
    const { alerts } = store;
    const until = store.now.isHeld ? store.at : Infinity;
    if (this.made?.version === this.version && this.made.alerts === alerts) return this.made.all;
    const events = [...(this.known?.events.values() ?? [])].filter((event) => Date.parse(event.at) <= until);
    const episodes = events.reduce(follow, new Map());
    for (const alert of [...(alerts?.active ?? []), ...(alerts?.pending ?? [])]) {
      const key = keyOf(alert);
      if (!episodes.has(key)) episodes.set(key, { ...episodeOf(alert, alert.state === "firing" ? "fired" : "pending"), at: Date.parse(alert.fired_at ?? alert.since) });
      episodes.get(key).isNow = true;
    }
    this.made = { version: this.version, alerts, all: [...episodes.values()] };
    return this.made.all;
  }

  /** Times in which alerts fired, as the charts of a picture show them: of alerts that `isOurs(alert)`. */
  spans(store, isOurs) {
    const time = timeOf(store, HOUR);
    this.see(store, time, Math.max(EVERY, 1000 * store.grid.step));
    const ours = this.all(store).filter(({ from, alert }) => from !== null && isOurs(alert));
    return ours.map(({ alert: { name, series }, from, until, severity, isNow }) => ({ name, series, severity, from, until: until ?? (isNow ? Infinity : null) }));
  }

  /** Alerts of the time of a list, by their last change: `{ episodes, isKnown, cut }`. Those before `cut` are left out. */
  list(store, isOurs) {
    const time = timeOfList(store);
    const isKnown = this.see(store, time);
    const isIn = ({ alert, at, until, isNow }) => Date.parse(alert.since) < time.to && (isNow || Math.max(at, until ?? 0) >= time.from);
    const { cut } = this.known ?? {};
    return { episodes: this.all(store).filter((one) => isIn(one) && isOurs(one.alert)), isKnown, cut: cut > time.from ? cut : null };
  }

  /** Says what the charts of a picture lack. */
  words(store) {
    const { known, problem } = this;
    if (problem) return `not all alerts may be marked: ${problem}`;
    const time = timeOf(store, HOUR);
    if (known?.cut > time.from) return `alerts before ${moment(known.cut)} are not marked: there were too many`;
    return known?.isEndLost && known.to === time.to ? "alerts that ended long after this range may not be marked: there were too many" : "";
  }
}

/** Changes of alerts, the newest first unless they are sorted; `next` where there are more. */
async function changes({ from, to, ...params }, signal) {
  const times = Object.entries({ from, to }).filter(([, millis]) => millis !== undefined);
  const query = new URLSearchParams({ ...Object.fromEntries(times.map(([name, millis]) => [name, millis / 1000])), ...params });
  const answer = await patiently(`api/v1/alerts/history?${query}`, signal);
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? answer.statusText);
  return answer.json();
}
