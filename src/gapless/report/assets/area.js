/* A stacked area of shares over tokens seen; a share holds between two edges.
   spec: {title, last, edges, layers: [{part, name, source, style, shares}], phases: [{at, label}], rounds: [at]} */

const LINE_HEIGHT = 14, SMALL_LETTER = 6.3;

function drawArea(chart) {
  const { svg, spec } = chart, width = svg.clientWidth, height = svg.clientHeight;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const left = leftMargin(["100 %"], false), right = width - 10, bottom = height - 40;
  const top = 4 + (spec.phases.length ? 16 : 0) + (spec.rounds.length ? 8 : 0);
  const x = linearScale(0, spec.last, left, right), y = linearScale(0, 1, bottom, top);
  drawRows(svg, [0, 0.5, 1], ["0 %", "50 %", "100 %"], y, left, right);
  const bands = stacked(spec.layers);
  bands.forEach((band) => {
    const upper = corners(spec.edges, band.high, x, y), lower = corners(spec.edges, band.low, x, y);
    const look = { class: "layer " + band.style, "data-part": band.part, d: path(upper.concat(lower.reverse())) + "Z" };
    element(svg, "path", look);
  });
  for (const band of bands) nameLayer(svg, spec, band, x, y);
  drawTokenAxis(svg, spec, { first: 0, last: spec.last, log: false, x, left, right, bottom });
  drawPhases(svg, spec.phases, x, top - (spec.rounds.length ? 8 : 0), bottom, right);
  for (const at of spec.rounds) element(svg, "path", { class: "round-mark", d: "M" + x(at) + " " + (top - 1) + "l-4-6h8Z" });
  chart.drawn = { bands, x, y, top, bottom, width };
}

/* Each layer stands on the one before it. */
function stacked(layers) {
  let floor = layers.length ? layers[0].shares.map(() => 0) : [];
  return layers.map((layer) => {
    const low = floor;
    floor = layer.shares.map((share, k) => low[k] + share);
    return { ...layer, low, high: floor };
  });
}

function corners(edges, values, x, y) {
  return values.flatMap((value, k) => [[x(edges[k]), y(value)], [x(edges[k + 1]), y(value)]]);
}

/* A layer bears its name in the largest box of one phase that holds it; width counts within reason. */
function nameLayer(svg, { edges, phases }, band, x, y) {
  const begins = new Set(phases.map((phase) => phase.at)), room = band.name.length * SMALL_LETTER + 10;
  let best = null;
  band.low.forEach((_, from) => {
    let over = -Infinity, under = Infinity;
    for (let k = from; k < band.low.length; k++) {
      if (k > from && begins.has(edges[k])) return;
      over = Math.max(over, y(band.high[k]));
      under = Math.min(under, y(band.low[k]));
      if (under - over < LINE_HEIGHT) return;
      const wide = x(edges[k + 1]) - x(edges[from]), worth = (under - over) * Math.min(wide, 4 * room);
      if (wide >= room && (!best || worth > best.worth)) best = { worth, over, under, from, to: k + 1 };
    }
  });
  if (!best) return;
  const middle = (x(edges[best.from]) + x(edges[best.to])) / 2;
  const look = { class: "layer-name " + band.style, "data-part": band.part, x: middle, y: (best.over + best.under) / 2 + 4, "text-anchor": "middle" };
  element(svg, "text", look, band.name);
}

/* A line where a phase begins, and its name above where there is room for it. */
function drawPhases(svg, phases, x, top, bottom, right) {
  phases.forEach((phase, k) => {
    const from = x(phase.at), to = k + 1 < phases.length ? x(phases[k + 1].at) : right;
    if (phase.at > 0) element(svg, "line", { class: "phase", x1: from, x2: from, y1: top - 14, y2: bottom });
    const letters = Math.floor((to - from - 8) / SMALL_LETTER);
    if (letters >= Math.min(4, phase.label.length)) {
      element(svg, "text", { class: "phase-name", x: from + (phase.at > 0 ? 5 : 0), y: top - 5 }, shortened(phase.label, letters));
    }
  });
}

function phaseAt(phases, at) {
  const begun = phases.filter((phase) => phase.at <= at);
  return begun.length ? ", " + begun[begun.length - 1].label : "";
}

function readArea(chart, px, py) {
  const { edges } = chart.spec, { bands, x, y } = chart.drawn;
  let stretch = 0;
  if (edges.length < 2 || !bands.length) return;
  while (stretch < edges.length - 2 && x(edges[stretch + 1]) <= px) stretch++;
  const found = bands.findIndex((band) => py >= y(band.high[stretch]) && band.high[stretch] > band.low[stretch]);
  showArea(chart, stretch, found < 0 ? bands.length - 1 : found);
}

function showArea(chart, stretch, place) {
  const { svg, spec } = chart, { bands, x, y, width } = chart.drawn, band = bands[place], share = band.shares[stretch];
  let from = stretch, to = stretch + 1;
  while (from > 0 && band.shares[from - 1] === share) from--;
  while (to < band.shares.length && band.shares[to] === share) to++;
  chart.at = [stretch, place];
  light(band.part);
  clearCursor(svg);
  const cursor = element(svg, "g", { class: "cursor-group" }), middle = (x(spec.edges[stretch]) + x(spec.edges[stretch + 1])) / 2;
  const inside = (values) => corners(spec.edges.slice(from, to + 1), values.slice(from, to), x, y);
  element(cursor, "path", { class: "cursor-cell", d: path(inside(band.high).concat(inside(band.low).reverse())) + "Z" });
  const rows = [{ style: band.style, name: band.name, value: percentText(share) }];
  if (band.source) {
    const whole = bands.reduce((sum, other) => sum + (other.source === band.source ? other.shares[stretch] : 0), 0);
    rows.push({ name: "all of " + band.source, value: percentText(whole) });
  }
  const head = shortNumber(spec.edges[from]) + " to " + shortNumber(spec.edges[to]) + " tokens";
  showReadout(chart.readout, head + phaseAt(spec.phases, spec.edges[stretch]), rows, middle, width);
}

function percentText(share) {
  return fixed(100 * share, 1) + " %";
}

/* Left and right along the run, up and down among the layers that are there. */
function stepArea(chart, way, climb) {
  const { bands } = chart.drawn, last = chart.spec.edges.length - 2;
  if (!bands.length || last < 0) return;
  const [from, above] = chart.at || [way < 0 ? last + 1 : -way, 0], stretch = Math.min(last, Math.max(0, from + way));
  let place = above + climb;
  while (bands[place] && !bands[place].shares[stretch]) place += climb || 1;
  showArea(chart, stretch, bands[place] ? place : above);
}
