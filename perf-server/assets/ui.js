// How a page feels: <script src="/ui.js" defer data-page="/carts/{id}"></script>
// perfUi.add("render_seconds", 0.01) adds a time.
(() => {
  const { src, dataset } = document.currentScript;
  const url = new URL("api/v1/ui", src);
  let page = dataset.page || location.pathname;
  let kept = {};
  let frames;

  const add = (name, value) => {
    if (value >= 0 && !(kept[name]?.length > 99)) (kept[name] ??= []).push(+value.toPrecision(4));
  };
  const addMillis = (name, value) => add(name, value / 1000);

  const send = () => {
    const text = JSON.stringify({ page, ...kept });
    if (Object.keys(kept).length) navigator.sendBeacon(url, new Blob([text], { type: "application/json" }));
    kept = {};
  };

  const observe = (type, each) => {
    if (PerformanceObserver.supportedEntryTypes.includes(type))
      new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
  };

  // One second of ten: to count always keeps processors awake.
  const count = () => {
    const began = performance.now();
    frames = 0;
    const frame = (now) => {
      if (now < began + 1000) requestAnimationFrame(frame);
      else add("frame_rate_hertz", (frames * 1000) / (now - began));
      frames++;
    };
    requestAnimationFrame(frame);
  };

  observe("paint", (one) => one.name.endsWith("l-paint") && addMillis("render_seconds", one.startTime));
  observe("event", (one) => one.interactionId && addMillis("interaction_seconds", one.duration));
  window.WebSocket = new Proxy(WebSocket, {
    construct(...all) {
      const began = performance.now();
      const socket = Reflect.construct(...all);
      socket.addEventListener("open", () => addMillis("websocket_seconds", performance.now() - began));
      return socket;
    },
  });
  setInterval(() => document.hidden || (send(), count()), 10000);
  addEventListener("visibilitychange", () => {
    frames = NaN;
    if (document.hidden) send();
  });
  count();
  window.perfUi = { add, page: (name) => (send(), (page = name)) };
})();
