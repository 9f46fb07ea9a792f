// The connection: opened, watched, and opened again. Who was away for a moment goes on where it was.

/** Without a word for so long, what is shown is called old; and then the connection is given up. */
const STALE_AFTER = 3500;
const DEAD_AFTER = 12000;
const LONGEST_WAIT = 5000;

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
    this.seq = null;
    setInterval(() => this.check(), 500);
    addEventListener("online", () => this.reconnect());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.state === "lost") this.reconnect();
    });
  }

  /** What is to be watched from now on: `window`, and maybe `kind` and `labels`. */
  watch(wanted) {
    if (JSON.stringify(wanted) === JSON.stringify(this.wanted) && this.socket) return;
    this.wanted = wanted;
    // Who watches something else starts with everything.
    this.seq = null;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(wanted));
    else this.reconnect();
  }

  reconnect() {
    clearTimeout(this.timer);
    this.close();
    const url = new URL("ws", location.href.split("#")[0]);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    for (const [name, value] of Object.entries(this.wanted)) {
      if (value) url.searchParams.set(name, Array.isArray(value) ? JSON.stringify(value) : value);
    }
    if (this.epoch !== null && this.seq !== null) {
      url.searchParams.set("epoch", this.epoch);
      url.searchParams.set("seq", this.seq);
    }
    const socket = new WebSocket(url);
    this.socket = socket;
    this.openedAt = Date.now();
    socket.onmessage = (event) => {
      if (socket === this.socket) this.hear(JSON.parse(event.data));
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lose();
    };
  }

  hear(message) {
    this.heardAt = Date.now();
    this.wait = 250;
    if (message.epoch) this.epoch = message.epoch;
    this.seq = message.seq;
    this.turn("live");
    this.onmessage(message);
  }

  lose() {
    this.close();
    this.ask();
    this.turn("lost");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reconnect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /**
   * Asks whether one may still look. A WebSocket that is refused does not say why; the page does, and whoever may no longer
   * see it is led by the service to where one logs in.
   */
  async ask() {
    const answer = await fetch("./", { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (answer?.status === 401) location.reload();
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
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
