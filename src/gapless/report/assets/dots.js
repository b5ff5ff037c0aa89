/* The profile: a row per source or task, the base as an upright line, a mark and its interval per arm.
   spec: {title, x, digits, unit, rows: [{name, base: [{arm, x}], points: [{arm, name, x, low, high}]}]} */

const DOT_LANE = 13, DOT_ROW = 12, DOT_NAME = 17, DOT_AXIS = 44;

function drawDots(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth;
  if (!width) return;
  const rows = spec.rows.map((row) => ({ ...row, points: row.points.filter((point) => !hidden.has(point.arm)) }));
  const most = Math.max(1, ...rows.map((row) => row.points.length));
  const longest = Math.max(...rows.map((row) => shortened(row.name).length)) * 7.4 + 14;
  const beside = width >= 430 && longest < width * 0.4, left = beside ? longest : 2, right = width - 10;
  const tall = DOT_ROW + DOT_LANE * most + (beside ? 0 : DOT_NAME), bottom = 6 + tall * rows.length, height = bottom + DOT_AXIS;
  svg.style.height = height + "px";
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const all = spec.rows.flatMap((row) => row.base.map((base) => base.x).concat(row.points.flatMap((point) => [point.x, point.low, point.high])));
  const [low, high] = padded(all, 0.06), x = linearScale(low, high, left + 6, right - 6);
  const columns = ticksBetween(low, high, (right - left) / 80), texts = tickText(columns, false);
  columns.forEach((tick, k) => {
    element(svg, "line", { class: "grid", x1: x(tick), x2: x(tick), y1: 4, y2: bottom });
    element(svg, "text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, texts[k]);
  });
  element(svg, "line", { class: "axis", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  element(svg, "text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, spec.x + spec.unit);
  rows.forEach((row, place) => {
    row.top = 6 + tall * place;
    row.from = row.top + (beside ? 0 : DOT_NAME);
    if (place) element(svg, "line", { class: "grid", x1: 0, x2: right, y1: row.top, y2: row.top });
    const name = { class: "name", x: beside ? left - 10 : 0, y: beside ? row.top + tall / 2 + 4 : row.top + 14, "text-anchor": beside ? "end" : "start" };
    element(svg, "text", name, shortened(row.name, beside ? 32 : Math.floor(width / 6.7)));
    drawDotRow(svg, row, x, row.from + (tall - (row.from - row.top)) / 2);
  });
  chart.drawn = { rows, x, tall, left, right, width };
}

function drawDotRow(svg, row, x, middle) {
  const half = Math.max(9, (DOT_LANE * row.points.length) / 2 + 2);
  for (const base of row.base) {
    const colour = base.arm === null ? "" : " s" + (base.arm % COLOURS);
    element(svg, "line", { class: "base-line" + colour, x1: x(base.x), x2: x(base.x), y1: middle - half, y2: middle + half });
  }
  row.points.forEach((point, lane) => {
    const y = middle + DOT_LANE * (lane - (row.points.length - 1) / 2);
    if (point.low !== null && point.high !== null) {
      element(svg, "line", { class: "whisker s" + (point.arm % COLOURS), x1: x(point.low), x2: x(point.high), y1: y, y2: y });
    }
    mark(svg, point.arm, x(point.x), y, 12);
  });
}

function readDots(chart, px, py) {
  const { rows, tall } = chart.drawn;
  showDotRow(chart, Math.min(rows.length - 1, Math.max(0, Math.floor((py - 6) / tall))));
}

function showDotRow(chart, place) {
  const { rows, tall, left, right, x, width } = chart.drawn, { svg, spec } = chart, row = rows[place];
  chart.at = place;
  clearCursor(svg);
  const group = element(svg, "g", { class: "cursor-group" });
  element(group, "rect", { class: "cursor-bin", x: 0, y: row.top, width: right, height: tall });
  const text = (value) => fixed(value, spec.digits) + spec.unit;
  const lines = row.base.map((base) => ({ arm: base.arm ?? undefined, name: "base", value: text(base.x) }));
  for (const point of row.points) {
    const span = point.low === null || point.high === null ? "" : fixed(point.low, spec.digits) + " to " + fixed(point.high, spec.digits);
    lines.push({ arm: point.arm, name: point.name, value: text(point.x), span });
  }
  const ends = row.points.map((point) => x(point.x));
  showReadout(chart.readout, row.name, lines, ends.length ? Math.max(...ends) : left, width);
  chart.readout.style.top = row.top + tall + 4 + "px";
}

function stepDots(chart, way, climb) {
  const count = chart.drawn.rows.length;
  showDotRow(chart, chart.at === null ? 0 : (chart.at + (way - climb) + count) % count);
}
