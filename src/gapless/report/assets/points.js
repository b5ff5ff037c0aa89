/* Points in a plane: responses, predictions, a front.
   spec: {title, x, y, digits, series: [{arm, name, points: [[x, y, label]], line: [[x, y]], named}]}
   names: texts of whole places on x; xlog; zero: the name of the level y = 0;
   diagonal: both axes are alike, with the line x = y; bound: an upright line; front: [[x, y]] by x. */

function drawPoints(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth, height = svg.clientHeight;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const series = spec.series.filter((each) => !hidden.has(each.arm));
  const { x, y, left, right, top, bottom } = drawPointAxes(svg, spec, width, height);
  if (spec.front) element(svg, "path", { class: "front", d: path(stairs(spec.front, x, y)) });
  for (const each of series) {
    for (const [px, py] of each.points) mark(svg, each.arm, x(px), y(py), each.line.length ? 8 : 10);
  }
  for (const each of series) {
    if (each.line.length > 1) element(svg, "path", { class: "line s" + (each.arm % COLOURS), d: path(each.line.map(([px, py]) => [x(px), y(py)])) });
  }
  if (series.some((each) => each.named)) {
    const all = series.flatMap((each) => each.points.map(([px, py, name]) => ({ x: [px], y: [py], name: each.named ? name : "" })));
    namePoints(svg, all, x, y, left, right);
  }
  const points = series.flatMap((each) => each.points.map(([px, py, name]) => ({ x: px, y: py, name, arm: each.arm, of: each.name })));
  chart.drawn = { points: points.sort((a, b) => a.x - b.x), x, y, top, bottom, width };
}

function drawPointAxes(svg, spec, width, height) {
  const every = spec.series.flatMap((each) => each.points), bottom = height - 44, top = 24;
  let xs = every.map(([x]) => x), ys = every.map(([, y]) => y);
  if (spec.zero !== null && spec.zero !== undefined) ys = ys.concat(0);
  if (spec.bound !== null && spec.bound !== undefined) xs = xs.concat(spec.bound);
  if (spec.diagonal) xs = ys = xs.concat(ys);
  const [yLow, yHigh] = padded(ys, 0.07), rows = ticksBetween(yLow, yHigh, height / 56), texts = tickText(rows, spec.zero !== null && spec.zero !== undefined);
  const left = leftMargin(texts, false), right = width - 10, y = linearScale(yLow, yHigh, bottom, top);
  drawRows(svg, rows, texts, y, left, right);
  const { x, ticks, names } = pointColumns(spec, xs, left, right);
  ticks.forEach((tick, k) => {
    const place = x(tick), half = (names[k].length * 7) / 2, edge = place + half > width;
    element(svg, "line", { class: "axis", x1: place, x2: place, y1: bottom, y2: bottom + 4 });
    element(svg, "text", { x: edge ? width : place, y: bottom + 18, "text-anchor": edge ? "end" : "middle" }, names[k]);
  });
  element(svg, "line", { class: "axis", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  element(svg, "text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, shortened(spec.x, Math.floor(width / 7)) + (spec.xlog ? " (log)" : ""));
  element(svg, "text", { x: 0, y: 10 }, shortened(spec.y, Math.floor(width / 7)));
  drawPointLevels(svg, spec, { x, y, left, right, top, bottom });
  return { x, y, left, right, top, bottom };
}

function pointColumns(spec, xs, left, right) {
  const [from, to] = [left + 8, right - 8];
  if (spec.names) {
    const letters = Math.max(3, Math.floor((right - left) / spec.names.length / 7));
    return { x: linearScale(-0.5, spec.names.length - 0.5, from, to), ticks: spec.names.map((_, k) => k), names: spec.names.map((name) => shortened(name, letters)) };
  }
  if (spec.xlog) {
    const [low, high] = padded(xs.map(Math.log), 0.05), inner = linearScale(low, high, from, to), x = (value) => inner(Math.log(value));
    const ticks = logTicks(Math.exp(low), Math.exp(high), x, 44);
    return { x, ticks, names: ticks.map(shortNumber) };
  }
  const [low, high] = padded(xs, 0.05), ticks = ticksBetween(low, high, (right - left) / 80);
  return { x: linearScale(low, high, from, to), ticks, names: tickText(ticks, false) };
}

function drawPointLevels(svg, spec, { x, y, left, right, top, bottom }) {
  if (spec.zero !== null && spec.zero !== undefined) {
    element(svg, "line", { class: "level", x1: left, x2: right, y1: y(0), y2: y(0) });
    element(svg, "text", { class: "level-name", x: right, y: y(0) - 5, "text-anchor": "end" }, spec.zero);
  }
  if (spec.diagonal) {
    const all = spec.series.flatMap((each) => each.points).flatMap(([px, py]) => [px, py]), ends = [Math.min(...all), Math.max(...all)];
    element(svg, "line", { class: "level", x1: x(ends[0]), y1: y(ends[0]), x2: x(ends[1]), y2: y(ends[1]) });
  }
  if (spec.bound !== null && spec.bound !== undefined) {
    element(svg, "line", { class: "level", x1: x(spec.bound), x2: x(spec.bound), y1: top, y2: bottom });
    element(svg, "text", { class: "level-name", x: x(spec.bound) - 5, y: bottom - 6, "text-anchor": "end" }, "bound");
  }
}

/* Corners of a front that rises: less loss first, more gain later. */
function stairs(front, x, y) {
  const corners = [];
  front.forEach(([px, py], k) => {
    if (k) corners.push([x(px), y(front[k - 1][1])]);
    corners.push([x(px), y(py)]);
  });
  return corners;
}

function readPoints(chart, px, py) {
  const { points, x, y } = chart.drawn;
  const away = (point) => Math.hypot(x(point.x) - px, y(point.y) - py);
  if (points.length) showOnePoint(chart, points.reduce((a, b) => (away(b) < away(a) ? b : a)));
}

function showOnePoint(chart, point) {
  const { points, x, y, width } = chart.drawn, { svg, spec } = chart;
  chart.at = points.indexOf(point);
  clearCursor(svg);
  mark(element(svg, "g", { class: "cursor-group" }), point.arm, x(point.x), y(point.y), 16);
  const along = spec.names ? spec.names[point.x] : shortNumber(point.x);
  showReadout(chart.readout, point.name, [{ name: spec.x, value: along }, { arm: point.arm, name: point.of, value: fixed(point.y, spec.digits) }], x(point.x), width);
}

function stepPoints(chart, way) {
  const { points } = chart.drawn;
  if (!points.length) return;
  showOnePoint(chart, points[chart.at === null ? 0 : (chart.at + way + points.length) % points.length]);
}
