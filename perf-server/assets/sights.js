// The points of rows that come into sight: the feed sends them to those who ask for them.

/** Rows that come into sight within so many milliseconds are asked for together; of one request at most so many. */
const TOGETHER = 120;
const MOST = 200;

export class Sights {
  /** `send(ids)` asks for the points of rows, by their ids. */
  constructor(send) {
    this.send = send;
    this.asked = new Set();
    this.wanted = [];
    /** Whether the ids of what is shown are no longer those of the service. */
    this.isClosed = false;
  }

  /** Asks for the points of a row that has none yet. */
  want(row) {
    if (!row.isBare || this.isClosed || this.asked.has(row.id)) return;
    this.asked.add(row.id);
    this.wanted.push(row.id);
    this.timer ??= setTimeout(() => this.ask(), TOGETHER);
  }

  ask() {
    this.timer = undefined;
    while (this.wanted.length > 0) this.send(this.wanted.splice(0, MOST));
  }

  /** Whatever was asked for may not come any more. */
  forget() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asked.clear();
    this.wanted = [];
  }
}
