/* Line charts over tokens seen.
   spec: {title, y, scale, digits, unit, small, log, nested, lines: [{arm, name, x, y, low, high}], levels: [{y, arm, name}]}
   along: what x counts instead of tokens seen.
   A line without arm has a style and a part (see topics.css); ylog, last and phases may be given too. */

const MOST_READ = 8;

function colourOf(thing) {
  return thing.style || "s" + (thing.arm % COLOURS);
}

function partElement(svg, name, line, attributes) {
  const made = element(svg, name, attributes);
  if (line.part !== undefined) made.setAttribute("data-part", line.part);
  return made;
}

function drawLines(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth, height = svg.clientHeight;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const lines = spec.lines.filter((line) => !hidden.has(line.arm));
  const seen = spec.lines.flatMap((line) => line.x), levels = spec.levels.filter((level) => !hidden.has(level.arm));
  const first = Math.min(...seen.filter((x) => x > 0)), last = Math.max(spec.last || 0, ...seen);
  const values = lines.flatMap((line) => line.y.concat(line.low || [], line.high || []));
  const phases = spec.phases || [], top = phases.length ? 24 : 10, bottom = height - (spec.small ? 22 : 40);
  const { y, rows, texts } = valueScale(values.concat(levels.map((level) => level.y)), spec, bottom, top);
  const left = leftMargin(texts, spec.small), right = width - 10;
  const x = tokenScale(first, last, chart.log, left + 4, right - 4);
  drawRows(svg, rows, texts, y, left, right);
  drawTokenAxis(svg, spec, { first, last, log: chart.log, x, left, right, bottom });
  drawPhases(svg, phases, x, top - 4, bottom, right);
  for (const line of lines) drawBand(svg, line, x, y);
  for (const level of levels) drawLevel(svg, level, spec, y, left, right);
  lines.forEach((line, k) => drawLine(svg, line, x, y, spec, lines.length - 1 - k));
  for (const level of levels) nameLevel(svg, level, spec, y, right, lines, x, bottom);
  chart.drawn = { lines, x, y, left, right, bottom, width };
}

function valueScale(values, spec, bottom, top) {
  const wanted = spec.small ? (bottom - top + 32) / 42 : (bottom - top + 50) / 50, known = values.filter((value) => value !== null && value !== undefined);
  if (spec.ylog && known.length) {
    const low = Math.min(...known) * 0.94, high = Math.max(...known) * 1.06, y = scoreScale(low, high, true, bottom, top);
    const rows = logTicks(low, high, y, 26);
    return { y, rows, texts: rows.map(shortNumber) };
  }
  const [low, high] = padded(known, 0.06), rows = ticksBetween(low, high, wanted);
  return { y: linearScale(low, high, bottom, top), rows, texts: tickText(rows, false) };
}

function drawTokenAxis(svg, spec, at) {
  const { first, last, log, x, left, right, bottom } = at, room = spec.small ? 38 : 46;
  element(svg, "line", { class: "axis", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  if (log && last > first) {
    const middle = (x(0) + x(first)) / 2;
    element(svg, "path", { class: "axis", d: "M" + (middle - 5) + " " + (bottom + 4) + "l4-8m3 8l4-8" });
  }
  for (const tick of tokenTicks(first, last, log, x, room)) {
    const place = x(tick), anchor = place > right - 14 ? "end" : "middle";
    element(svg, "line", { class: "axis", x1: place, x2: place, y1: bottom, y2: bottom + 4 });
    element(svg, "text", { x: anchor === "end" ? right : place, y: bottom + 17, "text-anchor": anchor }, shortNumber(tick));
  }
  if (!spec.small) {
    element(svg, "text", { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, (spec.along ? spec.along + " of training" : "tokens seen") + (log ? " (log)" : ""));
  }
}

function path(points) {
  return points.length ? "M" + points.map(([x, y]) => x.toFixed(1) + " " + y.toFixed(1)).join("L") : "";
}

function known(line, values, x, y) {
  const points = [];
  line.x.forEach((seen, k) => values[k] !== null && points.push([x(seen), y(values[k])]));
  return points;
}

function drawBand(svg, line, x, y) {
  if (!line.low || !line.high) return;
  const upper = known(line, line.high, x, y), lower = known(line, line.low, x, y).reverse();
  if (upper.length) partElement(svg, "path", line, { class: "band " + colourOf(line), d: path(upper.concat(lower)) + "Z" });
}

function drawLine(svg, line, x, y, spec, above) {
  const points = known(line, line.y, x, y);
  const made = partElement(svg, "path", line, { class: "line " + colourOf(line), d: path(points) });
  if (spec.nested) made.style.strokeWidth = 2 + 2.5 * above + "px";
  else if (points.length > 60) made.style.strokeWidth = "1.4px";
  if (line.style) return;
  const shown = spec.small || points.length > 60 ? points.slice(-1) : points;
  for (const [px, py] of shown) mark(svg, line.arm, px, py, spec.small ? 9 : 8.5);
}

function drawLevel(svg, level, spec, y, left, right) {
  const place = y(level.y), colour = level.arm === null ? "" : " s" + (level.arm % COLOURS);
  element(svg, "line", { class: "level" + colour, x1: left, x2: right, y1: place, y2: place });
}

/* Name the base's level where it is free of lines: above or below it, at the right or the left. */
function nameLevel(svg, level, spec, y, right, lines, x, bottom) {
  if (level.arm !== null || spec.small) return;
  const place = y(level.y), text = level.name || "base " + fixed(level.y, spec.digits) + spec.unit, room = text.length * 6.6;
  const points = lines.flatMap((line) => [].concat(known(line, line.y, x, y), known(line, line.low || [], x, y), known(line, line.high || [], x, y)));
  let best = null;
  for (const end of [right, right - room * 1.2, x(0) + room + 60, (x(0) + right) / 2 + room / 2]) {
    for (const above of place + 20 > bottom ? [true] : [true, false]) {
      const top = above ? place - 20 : place + 2;
      const hits = points.filter(([px, py]) => px > end - room - 6 && px < end + 6 && py > top - 3 && py < top + 21).length;
      if (best === null || hits < best.hits) best = { hits, end, above };
    }
  }
  element(svg, "text", { class: "level-name", x: best.end, y: place + (best.above ? -6 : 15), "text-anchor": "end" }, text);
}

/* Show the measured points nearest to the place `px`; a line's own point may lie elsewhere. */
function readLines(chart, px, py) {
  const { lines, x, y, bottom, width } = chart.drawn, { svg, spec } = chart;
  let near = lines.map((line) => {
    let best = 0;
    line.x.forEach((seen, k) => { if (Math.abs(x(seen) - px) < Math.abs(x(line.x[best]) - px)) best = k; });
    return { line, k: best, place: x(line.x[best]) };
  });
  if (!near.length) return;
  if (near.length > MOST_READ) {
    const away = ({ line, k }) => (line.y[k] === null || py === undefined ? Infinity : Math.abs(y(line.y[k]) - py));
    near = near.sort((a, b) => away(a) - away(b) || 0).slice(0, MOST_READ).sort((a, b) => b.line.y[b.k] - a.line.y[a.k]);
  }
  const closest = near.reduce((a, b) => (Math.abs(b.place - px) < Math.abs(a.place - px) ? b : a));
  const tokens = closest.line.x[closest.k];
  clearCursor(svg);
  const cursor = element(svg, "g", { class: "cursor-group" });
  element(cursor, "line", { class: "cursor", x1: closest.place, x2: closest.place, y1: 6, y2: bottom });
  const rows = near.map(({ line, k }) => {
    const value = line.y[k];
    if (value !== null && line.style) element(cursor, "circle", { class: "cursor-dot " + line.style, cx: x(line.x[k]), cy: y(value), r: 4 });
    else if (value !== null) mark(cursor, line.arm, x(line.x[k]), y(value), 13);
    const elsewhere = line.x[k] === tokens ? "" : " at " + shortNumber(line.x[k]);
    const hasSpan = line.low && line.low[k] !== null && line.high[k] !== null;
    return {
      arm: line.arm, style: line.style, name: line.name + elsewhere,
      value: value === null ? "\u2013" : fixed(value, spec.digits) + spec.unit,
      span: hasSpan ? fixed(line.low[k], spec.digits) + " to " + fixed(line.high[k], spec.digits) : "",
    };
  });
  chart.at = closest.place;
  showReadout(chart.readout, tokens === 0 && !closest.line.style ? "base model" : shortNumber(tokens) + " " + (spec.along || "tokens") + phaseAt(spec.phases || [], tokens), rows, closest.place, width);
}

function clearCursor(svg) {
  const old = svg.querySelector(".cursor-group");
  if (old) old.remove();
}

/* The next measured place to the left or right of the cursor. */
function stepLines(chart, way) {
  const { lines, x } = chart.drawn;
  const places = [...new Set(lines.flatMap((line) => line.x.map(x)))].sort((a, b) => a - b);
  if (!places.length) return;
  const at = chart.at === null ? -1 : places.findIndex((place) => place >= chart.at - 0.01);
  const next = chart.at === null ? (way > 0 ? 0 : places.length - 1) : at + way;
  readLines(chart, places[Math.min(places.length - 1, Math.max(0, next))]);
}
