// Drawing on canvases: sharp on every screen, in the colours of the page.

const colours = new Map();

/** Shows what colour a property is in the scheme of the page. */
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/** A colour of the style sheet, by the name of its property. */
export function colour(name) {
  if (!colours.has(name)) {
    probe.style.color = `var(--${name})`;
    colours.set(name, getComputedStyle(probe).color);
  }
  return colours.get(name);
}

/** The font that the page is written in. */
export const FONT = getComputedStyle(document.documentElement).fontFamily;

export function forgetColours() {
  colours.clear();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forgetColours);

/** A canvas as large as it is shown, cleared. `null` where it is not shown. */
export function begin(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width === 0 || height === 0) return null;
  const scale = devicePixelRatio || 1;
  const [pixelsWide, pixelsHigh] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelsWide || canvas.height !== pixelsHigh) {
    canvas.width = pixelsWide;
    canvas.height = pixelsHigh;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** A line through values; it breaks where there is none. A value with no neighbour is a dot. */
export function line(pen, values, x, y, style, width = 1.5) {
  pen.strokeStyle = style;
  pen.fillStyle = style;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.beginPath();
  let before = false;
  const dots = [];
  for (let place = 0; place < values.length; place += 1) {
    const value = values[place];
    if (Number.isNaN(value)) {
      before = false;
      continue;
    }
    if (before) pen.lineTo(x(place), y(value));
    else pen.moveTo(x(place), y(value));
    if (!before && !(place + 1 < values.length && !Number.isNaN(values[place + 1]))) dots.push(place);
    before = true;
  }
  pen.stroke();
  for (const place of dots) {
    pen.beginPath();
    pen.arc(x(place), y(values[place]), width * 1.6, 0, 2 * Math.PI);
    pen.fill();
  }
}

/** The space below a line. */
export function area(pen, values, x, y, floor, style, opacity) {
  pen.fillStyle = style;
  pen.globalAlpha = opacity;
  let from = -1;
  for (let place = 0; place <= values.length; place += 1) {
    const isThere = place < values.length && !Number.isNaN(values[place]);
    if (isThere && from < 0) from = place;
    if (isThere || from < 0) continue;
    pen.beginPath();
    pen.moveTo(x(from), floor);
    for (let at = from; at < place; at += 1) pen.lineTo(x(at), y(values[at]));
    pen.lineTo(x(place - 1), floor);
    pen.fill();
    from = -1;
  }
  pen.globalAlpha = 1;
}

/** The space between two lines, where both are known; as wide as a step, so that one alone is seen. */
export function band(pen, low, high, x, y, wide, style, opacity) {
  pen.fillStyle = style;
  pen.globalAlpha = opacity;
  for (let place = 0; place < low.length; place += 1) {
    if (!(high[place] >= low[place])) continue;
    const top = y(high[place]);
    pen.fillRect(x(place) - wide / 2, top, wide, Math.max(y(low[place]) - top, 1));
  }
  pen.globalAlpha = 1;
}

export function largest(...columns) {
  let most = 0;
  for (const values of columns) for (const value of values) if (value > most) most = value;
  return most;
}

/** A dotted line: of the time before. */
export function dotted(pen, values, x, y, style, width = 1.5) {
  pen.setLineDash([width, 2 + width]);
  line(pen, values, x, y, style, width);
  pen.setLineDash([]);
}

/**
 * A line without axes, for a table's cell: `values`, and over it bars of what did not go well, each `[values, colour]`. `before`
 * are the values of the time before, where it is compared with.
 */
export function spark(canvas, values, name, { faults = [], before = [] } = {}) {
  const drawn = begin(canvas);
  if (!drawn) return;
  const { pen, width, height } = drawn;
  const top = largest(values, before) || 1;
  const x = (place) => 1 + (place / Math.max(values.length - 1, 1)) * (width - 2);
  const y = (value) => height - 1.5 - (value / top) * (height - 4);
  area(pen, values, x, y, height - 1, colour(name), 0.14);
  line(pen, values, x, y, colour(name), 1.25);
  dotted(pen, before, x, y, colour(name), 1.25);
  const bar = Math.max(1.5, width / values.length - 0.5);
  const floor = new Float64Array(values.length).fill(height - 1);
  for (const [counts, style] of faults) {
    pen.fillStyle = colour(style);
    counts.forEach((count, place) => {
      if (!(count > 0)) return;
      // However few there were: they are seen.
      const high = Math.max((count / top) * (height - 4), 2);
      floor[place] -= high;
      pen.fillRect(x(place) - bar / 2, floor[place], bar, high);
    });
  }
}

/** Round values for an axis from 0 to at least `most`; of bytes, powers of two. */
export function ticks(most, isBinary = false, count = 4) {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const power = isBinary ? 2 ** Math.floor(Math.log2(rough)) : 10 ** Math.floor(Math.log10(rough));
  const step = (isBinary ? [1, 2] : [1, 2, 2.5, 5, 10]).map((times) => times * power).find((size) => size >= rough * 0.999);
  const values = [];
  for (let value = 0; ; value += step) {
    values.push(value);
    if (value >= most * 0.999) return values;
  }
}

/** Bars side by side: each from a lower to an upper value. */
export function bars(pen, lower, upper, x, y, wide, style) {
  pen.fillStyle = style;
  for (let place = 0; place < upper.length; place += 1) {
    if (!(upper[place] > lower[place])) continue;
    const top = y(upper[place]);
    pen.fillRect(x(place) - wide / 2, top, wide, Math.max(y(lower[place]) - top, 1));
  }
}
