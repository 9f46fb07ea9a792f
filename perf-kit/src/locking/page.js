// Locks: their holders, those that wait, and for how long.

import { duration } from "./format.js";
import { h, keyed, text } from "./dom.js";
import { numbers, rowsCard } from "./rows.js";

/** So many calls that waited are shown. */
const SHOWN = 30;

const count = (number) => number.toLocaleString("en");

/** A series, where one is known. */
const named = (series) => series ?? "not measured";

/** The bound under which a share of times is; nothing where there are none. */
const atMost = (times, key) => (times === undefined || times[key] === null ? "–" : `≤ ${duration(times[key])}`);

/** Holders and waiters of all locks, each with the lock's name. */
const parties = (locks, key) => locks.flatMap((lock) => lock[key].map((one) => ({ ...one, lock: lock.lock, mode: lock.mode })));

/** The key of a row: a task that waits for one lock with several futures has a row for each. */
function party() {
  const times = new Map();
  return ({ lock, mode, instance, by }) => {
    const key = `${lock} ${mode} ${instance} ${by}`;
    const time = (times.get(key) ?? 0) + 1;
    times.set(key, time);
    return `${key} ${time}`;
  };
}

export default class {
  title = "Locks";
  topic = { of: "locks" };
  about = "Now, and since the process began, whatever range is chosen";
  deadlocks = h("div", { class: "card", hidden: true });
  waiters = rowsCard("Who waits", ["Lock", "Call", "By", numbers("For")], "Nobody waits for a lock.");
  holders = rowsCard("Who holds", ["Lock", "Call", "By", numbers("For"), "Waits for"], "Nobody holds a lock.");
  callers = rowsCard("Calls that waited, since the process began", ["Lock", "Call", numbers("Waits"), numbers("In all")], "No call waited for a lock.");
  locks = rowsCard(
    "All locks",
    ["Lock", ...["Attempts", "At once", "After a wait", "Refused", "Cancelled", "Waiting", "Held", "Half waited", "99 % waited", "Half held", "99 % held"].map(numbers)],
    "No watched lock was taken yet.",
  );
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.deadlocks, this.waiters.element, this.holders.element, this.callers.element, this.locks.element);

  update(store) {
    const all = store.data;
    if (!all) return;
    this.deadlocks.hidden = all.deadlocks.length === 0;
    keyed(this.deadlocks, all.deadlocks, (one) => one.text, () => h("p", { role: "alert" }), (line, one) => text(line, one.text));
    const longest = (key) => (one, other) => other[key] - one[key];
    // A wait for an event may be long, and is in the table of all locks.
    const judged = all.locks.filter(({ hold }) => hold !== undefined);
    const place = ({ lock, mode }) => `${lock} (${mode})`;
    this.waiters.show(parties(judged, "waiters").sort(longest("waited_seconds")), party(), (one) => [place(one), named(one.series), one.by, duration(one.waited_seconds)]);
    this.holders.show(parties(judged, "holders").sort(longest("held_seconds")), party(), (one) => [place(one), named(one.series), one.by, duration(one.held_seconds), one.waits_for ?? "–"]);
    const waited = parties(judged, "callers").sort(longest("waited_seconds")).slice(0, SHOWN);
    this.callers.show(waited, (one) => `${place(one)} ${one.series}`, (one) => [place(one), named(one.series), count(one.waits), duration(one.waited_seconds)]);
    this.locks.show(all.locks, place, (one) => [
      place(one),
      ...[one.attempts, one.at_once, one.waited + one.resumed, one.refused, one.cancelled, one.waiting].map(count),
      one.holding === null ? "–" : count(one.holding),
      atMost(one.wait, "half_at_most_seconds"),
      atMost(one.wait, "p99_at_most_seconds"),
      atMost(one.hold, "half_at_most_seconds"),
      atMost(one.hold, "p99_at_most_seconds"),
    ]);
  }
}
