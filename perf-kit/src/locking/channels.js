// Channels: their messages, those that wait for room, and those that receive.

import { duration } from "./format.js";
import { h } from "./dom.js";
import { numbers, rowsCard } from "./rows.js";

/** So many calls that waited are shown. */
const SHOWN = 30;

const count = (number) => (number === null ? "–" : number.toLocaleString("en"));

/** A series, where one is known. */
const named = (series) => series ?? "not measured";

/** The call that received last from a channel, where something was received. */
const receiver = (series, hasReceived) => (hasReceived ? named(series) : "nobody yet");

/** The receiver of the channel that one waits for. */
const receiverOf = (waiter) => (waiter.has_receiver ? receiver(waiter.receiver, waiter.has_received) : "the receiver is gone");

/** The bound under which a share of times is; nothing where there are none. */
const atMost = (times, key) => (times === undefined || times[key] === null ? "–" : `≤ ${duration(times[key])}`);

const place = ({ channel, kind }) => `${channel} (${kind})`;

/** Those that wait, or have waited, of all channels, each with the channel's name. */
const parties = (channels, key) => channels.flatMap((one) => one[key].map((party) => ({ ...party, place: place(one) })));

/** The key of a row: a task that waits for one channel with several futures has a row for each. */
function party() {
  const times = new Map();
  return ({ place, instance, by }) => {
    const key = `${place} ${instance} ${by}`;
    const time = (times.get(key) ?? 0) + 1;
    times.set(key, time);
    return `${key} ${time}`;
  };
}

export default class {
  title = "Channels";
  topic = { of: "channels" };
  about = "Now, and since the process began, whatever range is chosen";
  stopped = rowsCard("Not received from", ["Channel", numbers("Queued"), numbers("For"), "Received last"], "No channel is known to have stopped.");
  waiters = rowsCard("Who waits for room", ["Channel", "Call", "By", numbers("For"), "Received last"], "Nobody waits for room.");
  callers = rowsCard("Calls that waited, since the process began", ["Channel", "Call", numbers("Waits"), numbers("In all")], "No call waited for room.");
  channels = rowsCard(
    "All channels",
    ["Channel", ...["Sent", "Received", "Queued", "Capacity", "Peak", "Lost", "Lagged", "Full", "Closed", "Timed out", "Cancelled", "Unused", "Reserved", "Waiting", "99 % waited", "Half queued", "99 % queued"].map(numbers)],
    "No watched channel was used yet.",
  );
  existing = rowsCard("Channels made by tokio itself", ["Channel", ...["Channels", "Queued", "Capacity"].map(numbers)], "None is looked at.");
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.stopped.element, this.waiters.element, this.callers.element, this.channels.element, this.existing.element);

  update(store) {
    const all = store.data;
    if (!all) return;
    const longest = (key) => (one, other) => other[key] - one[key];
    const stopped = all.channels.filter((one) => one.stopped_seconds !== null && one.stopped_seconds >= 1);
    this.stopped.show(stopped.sort(longest("stopped_seconds")), place, (one) => [place(one), count(one.queued), duration(one.stopped_seconds), receiver(one.stopped_receiver, one.stopped_has_received)]);
    this.waiters.show(parties(all.channels, "waiters").sort(longest("waited_seconds")), party(), (one) => [one.place, named(one.series), one.by, duration(one.waited_seconds), receiverOf(one)]);
    const waited = parties(all.channels, "callers").sort(longest("waited_seconds")).slice(0, SHOWN);
    this.callers.show(waited, (one) => `${one.place} ${one.series}`, (one) => [one.place, named(one.series), count(one.waits), duration(one.waited_seconds)]);
    this.channels.show(all.channels, place, (one) => [
      place(one),
      ...[one.sent, one.received, one.queued, one.capacity, one.peak, one.lost, one.lagged, one.full, one.closed, one.timed_out, one.cancelled, one.unused, one.reserved, one.waiting].map(count),
      atMost(one.wait, "p99_at_most_seconds"),
      atMost(one.queue, "half_at_most_seconds"),
      atMost(one.queue, "p99_at_most_seconds"),
    ]);
    this.existing.show(all.existing, place, (one) => [place(one), count(one.channels), count(one.queued), count(one.capacity)]);
  }
}
