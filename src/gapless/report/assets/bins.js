/* Histograms of a score: an outline per source, what was selected solid, a line where it ends.
   spec: {title, x, log, small, edges, series: [{name, style, shares, selected}], cuts: [{at, arms, name}]} */

const CUT_ROW = 15, NAMED_CUTS = 6, LETTER = 6.7;

function drawBins(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth, height = svg.clientHeight;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const cuts = spec.cuts.filter((cut) => !cut.arms.length || cut.arms.some((arm) => !hidden.has(arm)));
  const first = spec.edges[0], last = spec.edges[spec.edges.length - 1];
  const most = Math.max(...spec.series.flatMap((series) => series.shares), 1e-9) * 1.04;
  const rows = ticksBetween(0, most, height / (spec.small ? 42 : 50)), texts = tickText(rows, false).map((text) => text + " %");
  const left = leftMargin(texts, spec.small), right = width - 10, bottom = height - (spec.small ? 22 : 40);
  const top = 10 + Math.min(cuts.length, NAMED_CUTS) * CUT_ROW;
  const x = scoreScale(first, last, spec.log, left + 4, right - 4), y = linearScale(0, most, bottom, top);
  drawRows(svg, rows, texts, y, left, right);
  drawScoreAxis(svg, spec, { first, last, x, left, right, bottom });
  for (const series of spec.series) drawSeries(svg, series, spec.edges, x, y);
  cuts.forEach((cut, row) => drawCut(svg, cut, row, { x, left, right, bottom, first, last }));
  chart.drawn = { x, y, top, bottom, width };
}

function scoreScale(first, last, log, from, to) {
  if (!log) return linearScale(first, last, from, to);
  const linear = linearScale(Math.log(first), Math.log(last), from, to);
  return (value) => linear(Math.log(value));
}

function scoreTicks(spec, first, last, x, room) {
  if (!spec.log) return ticksBetween(first, last, Math.max(2, Math.floor((x(last) - x(first)) / (room * 1.6))));
  return logTicks(first, last, x, room);
}

function drawScoreAxis(svg, spec, at) {
  const { first, last, x, left, right, bottom } = at;
  element(svg, "line", { class: "axis", x1: left, x2: right, y1: bottom + 0.5, y2: bottom + 0.5 });
  for (const tick of scoreTicks(spec, first, last, x, spec.small ? 38 : 46)) {
    const place = x(tick), anchor = place > right - 14 ? "end" : "middle";
    element(svg, "line", { class: "axis", x1: place, x2: place, y1: bottom, y2: bottom + 4 });
    element(svg, "text", { x: anchor === "end" ? right : place, y: bottom + 17, "text-anchor": anchor }, shortNumber(tick));
  }
  if (spec.small) return;
  const name = shortened(spec.x) + (spec.log ? " (log)" : "");
  element(svg, "text", { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, name);
}

function drawSeries(svg, series, edges, x, y) {
  const outline = steps(series.shares, edges, x, y), colour = " " + series.style;
  element(svg, "path", { class: "bin-area" + colour, d: outline + "Z" });
  if (series.selected) element(svg, "path", { class: "bin-selected" + colour, d: steps(series.selected, edges, x, y) + "Z" });
  element(svg, "path", { class: "bin-line" + colour, d: outline });
}

function steps(shares, edges, x, y) {
  const corners = [[x(edges[0]), y(0)]];
  shares.forEach((share, k) => corners.push([x(edges[k]), y(share)], [x(edges[k + 1]), y(share)]));
  corners.push([x(edges[edges.length - 1]), y(0)]);
  return path(corners);
}

/* A cut beyond the ends of the bins is drawn at the end that it is beyond. */
function drawCut(svg, cut, row, at) {
  const { left, right, bottom } = at, place = at.x(Math.min(at.last, Math.max(at.first, cut.at)));
  const arm = cut.arms.length ? cut.arms[0] : 0, top = row < NAMED_CUTS ? 8 + row * CUT_ROW : 8;
  element(svg, "line", { class: "cut s" + (arm % COLOURS), x1: place, x2: place, y1: top, y2: bottom });
  if (row >= NAMED_CUTS) return;
  mark(svg, arm, place, top, 9);
  const number = shortNumber(cut.at), after = right - place - 10, before = place - left - 10;
  const wanted = (Math.min(32, cut.name.length) + number.length + 1) * LETTER, flip = wanted > after && before > after;
  const letters = Math.floor((flip ? before : after) / LETTER) - number.length - 1;
  const text = (shortened(cut.name, Math.max(0, Math.min(32, letters))) + " " + number).trim();
  element(svg, "text", { class: "name", x: flip ? place - 9 : place + 9, y: top + 4, "text-anchor": flip ? "end" : "start" }, text);
}

function readBins(chart, px) {
  const { edges } = chart.spec, { x } = chart.drawn;
  let bin = 0;
  for (let k = 0; k < edges.length - 1; k++) if (x(edges[k]) <= px) bin = k;
  showBin(chart, bin);
}

function showBin(chart, bin) {
  const { svg, spec } = chart, { x, top, bottom, width } = chart.drawn;
  const [low, high] = [spec.edges[bin], spec.edges[bin + 1]], from = x(low), to = x(high);
  clearCursor(svg);
  const cursor = element(svg, "g", { class: "cursor-group" });
  element(cursor, "rect", { class: "cursor-bin", x: from, y: top, width: Math.max(1, to - from), height: bottom - top });
  const rows = spec.series.map((series) => ({
    style: series.style, name: series.name, value: fixed(series.shares[bin], 1) + " %",
    span: series.selected ? "selected " + fixed(series.selected[bin], 1) + " %" : "",
  }));
  chart.at = bin;
  showReadout(chart.readout, shortNumber(low) + " to " + shortNumber(high), rows, (from + to) / 2, width);
}

function stepBins(chart, way) {
  const last = chart.spec.edges.length - 2;
  const next = chart.at === null ? (way > 0 ? 0 : last) : chart.at + way;
  showBin(chart, Math.min(last, Math.max(0, next)));
}
