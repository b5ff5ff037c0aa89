/* Where each mean turned, on one axis of tokens: a row per arm, in groups.
   spec: {title, log, first, last, groups: [{name, rows: [{arm, name, bottom, recovery, end, real, depth, best, peak}]}]} */

const TURN_ROW = 20, TURN_NAME = 24, TURN_AXIS = 44;

function drawTurns(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth;
  if (!width) return;
  const groups = spec.groups.map((group) => ({ ...group, rows: group.rows.filter((row) => !hidden.has(row.arm)) }));
  const count = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const bottom = TURN_NAME * groups.length + TURN_ROW * count + 6, height = bottom + TURN_AXIS, left = 4, right = width - 10;
  svg.style.height = height + "px";
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const x = tokenScale(spec.first, spec.last, chart.log, left + 8, right - 8), rows = [];
  drawTokenAxis(svg, spec, { first: spec.first, last: spec.last, log: chart.log, x, left, right, bottom });
  let top = 0;
  for (const group of groups) {
    if (top) element(svg, "line", { class: "grid", x1: left, x2: right, y1: top + 2, y2: top + 2 });
    element(svg, "text", { class: "name", x: left, y: top + 18 }, shortened(group.name, Math.floor(width / 6.7)));
    top += TURN_NAME;
    for (const row of group.rows) {
      const middle = top + TURN_ROW / 2;
      drawTurn(svg, row, x, middle);
      rows.push({ ...row, group: group.name, middle });
      top += TURN_ROW;
    }
  }
  chart.drawn = { rows, x, left, right, bottom, width };
}

function drawTurn(svg, row, x, middle) {
  const colour = "s" + (row.arm % COLOURS), best = x(row.best);
  element(svg, "line", { class: "axis", x1: x(0), x2: x(row.end), y1: middle, y2: middle });
  element(svg, "line", { class: "turn-best " + colour, x1: best, x2: best, y1: middle - 7, y2: middle + 7 });
  if (row.bottom === null) return;
  const from = x(row.bottom), to = row.recovery === null ? x(row.end) : x(row.recovery);
  element(svg, "line", { class: "turn-way " + colour + (row.real ? "" : " unsure"), x1: from, x2: to, y1: middle, y2: middle });
  if (row.recovery !== null) element(svg, "circle", { class: "turn-ring " + colour, cx: to, cy: middle, r: 4.5 });
  else if (to > from + 8) element(svg, "path", { class: "turn-head " + colour, d: "M" + (to - 6) + " " + (middle - 5) + "L" + to + " " + middle + "L" + (to - 6) + " " + (middle + 5) });
  mark(svg, row.arm, from, middle, 12);
}

function readTurns(chart, px, py) {
  const { rows } = chart.drawn;
  if (!rows.length) return;
  showTurn(chart, rows.reduce((a, b, k) => (Math.abs(b.middle - py) < Math.abs(rows[a].middle - py) ? k : a), 0));
}

function showTurn(chart, place) {
  const { rows, x, left, right, width } = chart.drawn, { svg } = chart, row = rows[place];
  chart.at = place;
  clearCursor(svg);
  const cursor = element(svg, "g", { class: "cursor-group" });
  element(cursor, "rect", { class: "cursor-bin", x: left, width: right - left, y: row.middle - TURN_ROW / 2, height: TURN_ROW });
  const told = [], at = (tokens) => shortNumber(tokens) + " tokens", sure = row.real === null ? "not judged" : row.real ? "real" : "within noise";
  if (row.bottom === null) told.push({ arm: row.arm, name: "no drop below the base", value: "" });
  else {
    told.push({ arm: row.arm, name: "worst at", value: at(row.bottom), span: row.depth + ", " + sure });
    told.push({ arm: row.arm, name: "back at", value: row.recovery === null ? "never" : at(row.recovery) });
  }
  told.push({ arm: row.arm, name: "best at", value: at(row.best), span: row.peak });
  showReadout(chart.readout, row.name + ": " + row.group, told, x(row.bottom === null ? row.best : row.bottom), width);
}

function stepTurns(chart, way, climb) {
  const { rows } = chart.drawn, step = way || -climb;
  if (!rows.length) return;
  showTurn(chart, chart.at === null ? (step < 0 ? rows.length - 1 : 0) : (chart.at + step + rows.length) % rows.length);
}
