// The connection: opened, watched, and opened again. Who was away for a moment goes on where it was.

import { isTopic } from "./store.js";

/** Without a word for so long, what is shown is called old; and then the connection is given up. */
const STALE_AFTER = 3500;
const DEAD_AFTER = 12000;
const LONGEST_WAIT = 5000;
/** Long messages come in this format where the browser can read it. */
const PACKED = globalThis.DecompressionStream && "gzip";
/** How the service ends a conversation in which it is asked for what it does not know. */
const REFUSED = /^not watched: /;

export class Feed {
  /** `onmessage(message)` for each message, `onstate(state)` when the connection is another: `live`, `lost`. */
  constructor(onmessage, onstate) {
    this.onmessage = onmessage;
    this.onstate = onstate;
    this.state = "connecting";
    this.heardAt = 0;
    this.wait = 250;
    this.wanted = {};
    this.epoch = null;
    /** The last message of what is watched; nothing until all of it has come. */
    this.seq = null;
    this.hasBegun = false;
    /** Why the service does not show what is wanted. It is asked for nothing in particular then. */
    this.refusal = null;
    /** Whether it lets nobody in who asks at once. */
    this.isShy = false;
    setInterval(() => this.check(), 500);
    addEventListener("online", () => this.reconnect());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.state === "lost") this.reconnect();
    });
  }

  /**
   * The topic to watch from now on: `window`, maybe `kind` and `labels`, and what it goes `without`. `isAnew`: everything of it
   * is to come again.
   */
  watch(wanted, isAnew = false) {
    if (!isAnew && JSON.stringify(wanted) === JSON.stringify(this.wanted) && this.socket) return;
    // A client that goes on with the same is told what it went without; one that watches something else starts with everything.
    const goesOn = !isAnew && this.hasBegun && this.isOpen && topicOf(wanted) === topicOf(this.wanted);
    this.wanted = wanted;
    this.refusal = null;
    this.isShy = false;
    if (!goesOn) {
      this.seq = null;
      this.hasBegun = false;
    }
    if (this.isOpen) this.socket.send(JSON.stringify(goesOn ? { ...wanted, goes_on: true } : wanted));
    else this.reconnect();
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Asks for the points of rows, by their ids. */
  askPoints(ids) {
    if (this.isOpen) this.socket.send(JSON.stringify({ points_of: ids }));
  }

  /** Says no more: whoever logs out is shown another page, and until then this one has nothing to ask. */
  leave() {
    this.isLeft = true;
    clearTimeout(this.timer);
    this.close();
  }

  reconnect() {
    if (this.isLeft) return;
    clearTimeout(this.timer);
    this.close();
    const url = new URL("ws", location.href.split("#")[0]);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const { window } = this.wanted;
    const { without, ...asked } = this.isShy || this.refusal ? { window } : this.wanted;
    const named = { ...asked, without: without?.join(), compress: PACKED };
    for (const [name, value] of Object.entries(named)) {
      if (value) url.searchParams.set(name, Array.isArray(value) ? JSON.stringify(value) : value);
    }
    if (this.epoch !== null && this.seq !== null) {
      url.searchParams.set("epoch", this.epoch);
      url.searchParams.set("seq", this.seq);
    }
    const socket = new WebSocket(url);
    this.socket = socket;
    this.openedAt = Date.now();
    socket.binaryType = "arraybuffer";
    // One after the other, however long it takes to unpack one.
    let heard = Promise.resolve();
    socket.onmessage = ({ data }) => {
      heard = heard.then(async () => {
        const text = typeof data === "string" ? data : await unpack(data);
        if (socket === this.socket) this.hear(JSON.parse(text));
      }).catch(reportError);
    };
    let isIn = false;
    socket.onopen = () => {
      isIn = true;
      // Once inside, a refusal says what it is about.
      if (this.isShy && !this.refusal) socket.send(JSON.stringify(this.wanted));
    };
    socket.onclose = ({ reason }) => {
      if (socket !== this.socket) return;
      if (REFUSED.test(reason)) this.giveUp(reason.replace(REFUSED, ""));
      else this.lose(isIn);
    };
  }

  hear(message) {
    this.heardAt = Date.now();
    this.wait = 250;
    this.turn("live");
    if (this.isOutdated(message)) return;
    if (message.epoch) this.epoch = message.epoch;
    this.hasBegun ||= message.type === "initial_data";
    if (this.hasBegun) this.seq = message.seq;
    this.onmessage(message);
  }

  /**
   * Whether a message is of what was watched before, and crossed the question for something else. Who went on and came back at
   * once would be shown the page between the two. What happens, such as an alert, is told in between as well.
   */
  isOutdated({ type, topic }) {
    if (this.refusal !== null || this.isShy) return false;
    if (type === "initial_data") return !isTopic(topic, this.wanted);
    return type === "metrics_update" && !this.hasBegun;
  }

  /** Gives up a topic that the service does not have: everything else is there. */
  giveUp(reason) {
    this.refusal = reason;
    this.reconnect();
    this.onstate(this.state);
  }

  lose(wasIn = true) {
    if (this.isLeft) return;
    this.close();
    this.ask().then((answer) => {
      if (!wasIn && answer?.ok) this.isShy = true;
    });
    this.turn("lost");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reconnect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /**
   * Asks whether one may still look. A WebSocket that is refused does not say why; the page does, and whoever may no longer
   * see it is led by the service to where one logs in. Gives the answer, where there is one.
   */
  async ask() {
    if (this.isLeft) return null;
    const answer = await fetch("./", { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (answer?.status === 401) location.reload();
    return answer;
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** A connection may be dead and not know it. */
  check() {
    const silence = Date.now() - Math.max(this.heardAt, this.openedAt ?? 0);
    if (this.state === "live" && silence > STALE_AFTER) this.turn("lost");
    if (this.socket && silence > DEAD_AFTER) this.lose();
  }

  turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }
}

/** The topic that is watched, whatever it goes without. */
function topicOf({ without, ...topic }) {
  return JSON.stringify(topic);
}

function unpack(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream(PACKED))).text();
}
