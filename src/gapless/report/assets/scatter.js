/* Gain against forgetting.
   spec: {title, x, y, digits, points: [{arm, name, x: [value, low, high], y: [value, low, high], front}]} */

function drawScatter(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + svg.clientHeight);
  const points = spec.points.filter((point) => !hidden.has(point.arm));
  const { x, y, left, right } = drawPlane(svg, spec, spec.points.flatMap((point) => point.x), spec.points.flatMap((point) => point.y));
  drawFront(svg, points.filter((point) => point.front).map((point) => [point.x[0], point.y[0]]), x, y);
  for (const point of points) drawWhiskers(svg, point, x, y);
  for (const point of points) mark(svg, point.arm, x(point.x[0]), y(point.y[0]), 15);
  namePoints(svg, points, x, y, left, right);
  chart.drawn = { points, x, y, width };
}

/* The axes of a plane of two changes; the base model is where both are 0. */
function drawPlane(svg, spec, xs, ys) {
  const width = svg.clientWidth, height = svg.clientHeight;
  const [xLow, xHigh] = padded(xs.concat(0), 0.12), [yLow, yHigh] = padded(ys.concat(0), 0.1);
  const rows = ticksBetween(yLow, yHigh, height / 60), texts = tickText(rows, true);
  const left = leftMargin(texts, false), right = width - 10, bottom = height - 44;
  const x = linearScale(xLow, xHigh, left, right), y = linearScale(yLow, yHigh, bottom, 24);
  drawRows(svg, rows, texts, y, left, right);
  const columns = ticksBetween(xLow, xHigh, (right - left) / 90), names = tickText(columns, true);
  columns.forEach((tick, k) => element(svg, "text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, names[k]));
  element(svg, "line", { class: "axis", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  element(svg, "text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, spec.x);
  element(svg, "text", { x: 0, y: 10 }, spec.y);
  element(svg, "line", { class: "level", x1: left, x2: right, y1: y(0), y2: y(0) });
  element(svg, "line", { class: "level", x1: x(0), x2: x(0), y1: 24, y2: bottom });
  const under = bottom - y(0) > 20 ? 15 : -6;
  element(svg, "text", { class: "level-name", x: x(0) - 7, y: y(0) + under, "text-anchor": "end" }, "base");
  return { x, y, left, right };
}

function drawFront(svg, front, x, y) {
  const sorted = front.slice().sort((a, b) => a[0] - b[0]), corners = [];
  sorted.forEach((point, k) => {
    if (k) corners.push([x(sorted[k - 1][0]), y(point[1])]);
    corners.push([x(point[0]), y(point[1])]);
  });
  if (sorted.length > 1) element(svg, "path", { class: "front", d: path(corners) });
}

function drawWhiskers(svg, point, x, y) {
  const [px, py] = [x(point.x[0]), y(point.y[0])], colour = "whisker s" + (point.arm % COLOURS);
  if (point.x[1] !== null && point.x[2] !== null) {
    element(svg, "line", { class: colour, x1: x(point.x[1]), x2: x(point.x[2]), y1: py, y2: py });
  }
  if (point.y[1] !== null && point.y[2] !== null) {
    element(svg, "line", { class: colour, x1: px, x2: px, y1: y(point.y[1]), y2: y(point.y[2]) });
  }
}

/* A name goes where it fits beside its point and hits neither a mark nor another name. */
function namePoints(svg, points, x, y, left, right) {
  const taken = points.map((point) => ({ x1: x(point.x[0]) - 9, x2: x(point.x[0]) + 9, y1: y(point.y[0]) - 8, y2: y(point.y[0]) + 8 }));
  for (const point of points) {
    const px = x(point.x[0]), py = y(point.y[0]), text = shortened(point.name), wide = text.length * 6.7;
    for (const [from, anchor, base] of [
      [px + 11, "start", py - 7], [px - 11, "end", py - 7], [px + 11, "start", py + 17], [px - 11, "end", py + 17],
      [px, "middle", py - 16], [px, "middle", py + 26],
    ]) {
      const x1 = anchor === "start" ? from : anchor === "end" ? from - wide : from - wide / 2;
      const box = { x1, x2: x1 + wide, y1: base - 11, y2: base + 3 };
      const hits = taken.some((other) => box.x1 < other.x2 && box.x2 > other.x1 && box.y1 < other.y2 && box.y2 > other.y1);
      if (hits || box.x1 < left || box.x2 > right) continue;
      taken.push(box);
      element(svg, "text", { class: "name", x: from, y: base, "text-anchor": anchor }, text);
      break;
    }
  }
}

function shortened(name, letters = 32) {
  return name.length > letters ? name.slice(0, Math.max(0, letters - 1)) + "\u2026" : name;
}

function readScatter(chart, px, py) {
  const { points, x, y } = chart.drawn;
  const away = (point) => Math.hypot(x(point.x[0]) - px, y(point.y[0]) - py);
  if (points.length) showPoint(chart, points.reduce((a, b) => (away(b) < away(a) ? b : a)));
}

function showPoint(chart, point) {
  const { points, x, y, width } = chart.drawn, { svg, spec } = chart, at = x(point.x[0]);
  chart.at = points.indexOf(point);
  clearCursor(svg);
  mark(element(svg, "g", { class: "cursor-group" }), point.arm, at, y(point.y[0]), 20);
  const rows = [["domain", point.y], ["general text", point.x]].map(([name, [value, low, high]]) => ({
    arm: point.arm, name, value: signed(value, spec.digits),
    span: low === null || high === null ? "" : signed(low, spec.digits) + " to " + signed(high, spec.digits),
  }));
  showReadout(chart.readout, point.name, rows, at, width);
}

function stepScatter(chart, way) {
  const { points } = chart.drawn;
  if (!points.length) return;
  const next = chart.at === null ? 0 : (chart.at + way + points.length) % points.length;
  showPoint(chart, points[next]);
}
