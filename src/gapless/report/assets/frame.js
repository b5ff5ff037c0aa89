"use strict";
/* The frame of a chart: scales, ticks, text and the read-out. Text is only ever set as text. */

const MARKS = 5, COLOURS = 8, MINUS = "\u2212";

function element(svg, name, attributes, text) {
  const made = document.createElementNS(svg.namespaceURI, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  svg.appendChild(made);
  return made;
}

function mark(svg, arm, x, y, size) {
  const half = size / 2;
  return element(svg, "use", {
    href: "#mark-" + (arm % MARKS), class: "point s" + (arm % COLOURS),
    x: x - half, y: y - half, width: size, height: size,
  });
}

/* 98304 becomes 98.3k, as numbers.short does. */
function shortNumber(value) {
  const size = Math.abs(value);
  for (const [suffix, scale] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (size >= scale * 0.9995) return threeDigits(value / scale) + suffix;
  }
  return threeDigits(value);
}

function threeDigits(value) {
  if (value === 0) return "0";
  const text = Math.abs(value) < 1e-3 ? value.toExponential(2).replace(/\.?0+e/, "e") : String(Number(value.toPrecision(3)));
  return text.replace("-", value < 0 ? MINUS : "-");
}

function fixed(value, digits) {
  if (digits === null) return shortNumber(value);
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + text;
}

function signed(value, digits) {
  const text = fixed(value, digits);
  return text[0] === MINUS || Number(text) === 0 ? text : "+" + text;
}

function niceStep(span, wanted) {
  const raw = span / Math.max(1, wanted), power = 10 ** Math.floor(Math.log10(raw)), part = raw / power;
  return (part > 5 ? 10 : part > 2.5 ? 5 : part > 2 ? 2.5 : part > 1 ? 2 : 1) * power;
}

function ticksBetween(low, high, wanted) {
  if (!(high > low)) return [low];
  const step = niceStep(high - low, wanted), ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

function tickText(ticks, signs) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : Math.abs(ticks[0]) || 1;
  if (step < 1e-3 || Math.abs(ticks[ticks.length - 1]) >= 1e4) return ticks.map(shortNumber);
  let digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
  return ticks.map((tick) => (signs ? signed(tick, digits) : fixed(tick, digits)));
}

function linearScale(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((to - from) * (value - low)) / span;
}

/* Log of tokens, with a place of its own for 0 (the base model) before the first measured point. */
function tokenScale(first, last, log, from, to) {
  if (!log || !(last > first)) return linearScale(0, last || 1, from, to);
  const start = from + Math.min(34, (to - from) * 0.1), low = Math.log(first), span = Math.log(last) - low;
  return (value) =>
    value < first ? from + ((start - from) * value) / first : start + ((to - start) * (Math.log(value) - low)) / span;
}

function tokenTicks(first, last, log, scale, room) {
  if (!log || !(last > first)) {
    return ticksBetween(0, last, Math.max(2, Math.floor((scale(last) - scale(0)) / (room * 1.6))));
  }
  const taken = [0];
  for (const digit of [1, 2, 5]) {
    for (let power = Math.floor(Math.log10(first)); 10 ** power <= last; power++) {
      const tick = digit * 10 ** power;
      const fits = taken.every((other) => Math.abs(scale(other) - scale(tick)) >= room);
      if (tick >= first && tick <= last && fits) taken.push(tick);
    }
  }
  return taken.sort((a, b) => a - b);
}

/* Places for a log scale: round numbers of equal distance where it spans little, else 1, 2, 5. */
function logTicks(low, high, scale, room) {
  if (high / low < 6) return ticksBetween(low, high, Math.abs(scale(high) - scale(low)) / (room * 1.6)).filter((tick) => tick > 0);
  const taken = [];
  for (const digit of [1, 2, 5]) {
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      const tick = digit * 10 ** power;
      if (tick < low || tick > high) continue;
      if (taken.every((other) => Math.abs(scale(other) - scale(tick)) >= room)) taken.push(tick);
    }
  }
  return taken.length ? taken : [low, high];
}

function padded(numbers, part) {
  let low = Infinity, high = -Infinity;
  for (const number of numbers) {
    if (number === null || number === undefined) continue;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (low === Infinity) return [0, 1];
  const pad = (high - low) * part || Math.abs(high) * 0.05 || 1;
  return [low - pad, high + pad];
}

/* Draw horizontal grid lines with their values; returns the left margin that they need. */
function leftMargin(texts, small) {
  return Math.max(...texts.map((text) => text.length)) * (small ? 6.4 : 7) + 10;
}

function drawRows(svg, ticks, texts, scale, left, right) {
  ticks.forEach((tick, place) => {
    const y = scale(tick);
    element(svg, "line", { class: "grid", x1: left, x2: right, y1: y, y2: y });
    element(svg, "text", { x: left - 8, y: y + 4, "text-anchor": "end" }, texts[place]);
  });
}

/* Show the read-out beside the place `x` of a wide chart, or under a narrow one, inside the window. */
function showReadout(box, head, rows, x, width) {
  box.replaceChildren();
  const title = document.createElement("div");
  title.className = "readout-head";
  title.textContent = head;
  box.appendChild(title);
  for (const row of rows) box.appendChild(readoutRow(row));
  box.hidden = false;
  const narrow = width < 600, wide = box.offsetWidth;
  const wanted = narrow ? 0 : x > width / 2 ? x - wide - 14 : x + 14;
  const edge = box.parentElement.getBoundingClientRect().left, room = document.documentElement.clientWidth;
  box.style.top = narrow ? "100%" : "8px";
  box.style.left = Math.max(8 - edge, Math.min(wanted, room - 8 - wide - edge)) + "px";
}

function readoutRow(row) {
  const line = document.createElement("div");
  line.className = "readout-row";
  const icon = document.querySelector(".sprites").cloneNode(false);
  icon.setAttribute("class", row.arm === undefined ? "swatch" : "mark s" + (row.arm % COLOURS));
  if (row.style) element(icon, "rect", { class: row.style, width: 12, height: 12, rx: 2 });
  else if (row.arm !== undefined) element(icon, "use", { href: "#mark-" + (row.arm % MARKS) });
  line.appendChild(icon);
  for (const [name, text] of [["name", row.name], ["value", row.value], ["span", row.span]]) {
    if (!text) continue;
    const part = document.createElement("bdi");
    part.className = "readout-" + name;
    part.textContent = text;
    line.appendChild(part);
  }
  return line;
}
