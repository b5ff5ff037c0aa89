/* Gain against forgetting along each arm, from the base model to its end.
   spec: {title, x, y, digits, ways: [{arm, name, tokens, x, y, front}]}: lists of equal length; the base is first */

function drawWays(chart) {
  const { svg, spec, hidden } = chart, width = svg.clientWidth;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + svg.clientHeight);
  const ways = spec.ways.filter((way) => !hidden.has(way.arm));
  const { x, y, left, right } = drawPlane(svg, spec, spec.ways.flatMap((way) => way.x), spec.ways.flatMap((way) => way.y));
  drawFront(svg, ways.flatMap((way) => way.tokens.map((seen, k) => [way.x[k], way.y[k]]).filter((point, k) => way.front[k])), x, y);
  for (const way of ways) {
    const points = way.tokens.map((seen, k) => [x(way.x[k]), y(way.y[k])]), last = points.length - 1;
    element(svg, "path", { class: "line " + colourOf(way), d: path(points) });
    points.forEach(([px, py], k) => k && k < last && element(svg, "circle", { class: "point " + colourOf(way), cx: px, cy: py, r: way.front[k] ? 3.4 : 2 }));
    mark(svg, way.arm, points[last][0], points[last][1], 13);
  }
  const ends = ways.map((way) => ({ arm: way.arm, name: way.name, x: way.x.slice(-1), y: way.y.slice(-1) }));
  namePoints(svg, ends, x, y, left, right);
  chart.drawn = { ways, x, y, width };
}

function readWays(chart, px, py) {
  const { ways, x, y } = chart.drawn;
  let best = null;
  ways.forEach((way, w) => way.tokens.forEach((seen, k) => {
    const away = Math.hypot(x(way.x[k]) - px, y(way.y[k]) - py);
    if (k && (best === null || away < best.away)) best = { away, w, k };
  }));
  if (best) showWay(chart, best.w, best.k);
}

function showWay(chart, w, k) {
  const { ways, x, y, width } = chart.drawn, { svg, spec } = chart, way = ways[w], at = x(way.x[k]);
  chart.at = [w, k];
  clearCursor(svg);
  mark(element(svg, "g", { class: "cursor-group" }), way.arm, at, y(way.y[k]), 17);
  const rows = [["domain", way.y[k]], ["general text", way.x[k]]].map(([name, value]) => ({ arm: way.arm, name, value: signed(value, spec.digits) }));
  const stands = way.front[k] ? ", beaten by none" : "";
  showReadout(chart.readout, way.name + " at " + shortNumber(way.tokens[k]) + " tokens" + stands, rows, at, width);
}

/* Left and right along an arm, up and down among the arms. */
function stepWays(chart, way, climb) {
  const { ways } = chart.drawn;
  if (!ways.length) return;
  const [w, k] = chart.at || [0, way < 0 ? ways[0].tokens.length : 0];
  const next = (w + climb + ways.length) % ways.length, last = ways[next].tokens.length - 1;
  showWay(chart, next, Math.min(last, Math.max(1, k + way)));
}
