/* A mixture that reacts: the topics' shares above their perplexities, over the same tokens seen.
   spec: {title, last, topics: [{part, name, style}], phases: [{at, label}],
          rounds: [{at, end, name, of: [[topic, before, now, factor, share before, share, note]]}]} */

const LABEL_ROOM = 158, LABEL_STEP = 12.5;

function drawTopics(chart) {
  const { svg, spec } = chart, width = svg.clientWidth, height = svg.clientHeight;
  if (!width) return;
  svg.replaceChildren();
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const top = 54 + (spec.phases.length ? 16 : 0), bottom = height - 40, half = (bottom - top - 40) / 2;
  const tracks = tracksOf(spec, chart.change), named = width >= 600 && tracks.length * LABEL_STEP <= half + 14;
  const right = width - (named ? LABEL_ROOM : 10);
  const upper = { top, bottom: top + half, title: "share of tokens" };
  const lower = { top: bottom - half, bottom, title: chart.change ? "perplexity, change since the start" : "perplexity (log)" };
  upper.scale = shareScale(tracks, upper);
  lower.scale = perplexityScale(tracks, lower, chart.change);
  const left = leftMargin([...upper.scale.texts, ...lower.scale.texts], false), x = linearScale(0, spec.last, left, right);
  for (const panel of [upper, lower]) {
    drawRows(svg, panel.scale.ticks, panel.scale.texts, panel.scale.y, left, right);
    element(svg, "text", { class: "panel-name", x: left, y: panel.top - 9 }, panel.title);
  }
  if (chart.change) element(svg, "line", { class: "level", x1: left, x2: right, y1: lower.scale.y(0), y2: lower.scale.y(0) });
  drawTokenAxis(svg, spec, { first: 0, last: spec.last, log: false, x, left, right, bottom });
  drawPhases(svg, spec.phases, x, 18, bottom, right);
  drawRounds(svg, spec.rounds, x, top, bottom);
  for (const track of tracks) drawTrack(svg, track, x, upper.scale.y, lower.scale.y);
  if (named) {
    nameTracks(svg, tracks, (track) => track.steps.at(-1), { x, right, ...upper });
    nameTracks(svg, tracks, (track) => track.points.at(-1), { x, right, ...lower });
  }
  chart.drawn = { tracks, x, upper, lower, left, width };
}

/* A topic's steps {from, to, value} and points {to, value}, each with the round they are of. */
function tracksOf(spec, change) {
  return spec.topics.map((topic, k) => {
    const steps = [], points = [];
    let base = null;
    spec.rounds.forEach((round, at) => {
      const decision = round.of.find((one) => one[0] === k);
      if (!decision) return;
      steps.push({ from: round.at, to: round.end, value: decision[5], round: at });
      const now = decision[2];
      if (now === null || now <= 0) return;
      base = base || now;
      points.push({ from: round.at, to: round.at, value: change ? now / base - 1 : now, round: at });
    });
    return { ...topic, steps, points };
  });
}

function shareScale(tracks, panel) {
  const most = Math.max(0.01, ...tracks.flatMap((track) => track.steps.map((step) => step.value))) * 1.06;
  const ticks = ticksBetween(0, most, (panel.bottom - panel.top) / 48);
  return { ticks, texts: tickText(ticks.map((tick) => 100 * tick), false).map((text) => text + " %"), y: linearScale(0, most, panel.bottom, panel.top) };
}

function perplexityScale(tracks, panel, change) {
  const values = tracks.flatMap((track) => track.points.map((point) => point.value)), rows = (panel.bottom - panel.top) / 48;
  if (!change) {
    const [low, high] = values.length ? [Math.min(...values) * 0.96, Math.max(...values) * 1.04] : [1, 10];
    const y = scoreScale(low, high, true, panel.bottom, panel.top), ticks = logTicks(low, high, y, 26);
    return { ticks, texts: ticks.map(shortNumber), y };
  }
  const [low, high] = padded(values.concat(0), 0.08), ticks = ticksBetween(low, high, rows);
  return { ticks, texts: tickText(ticks.map((tick) => 100 * tick), true).map((text) => text + " %"), y: linearScale(low, high, panel.bottom, panel.top) };
}

/* Each round is a line through both panels with its number above. */
function drawRounds(svg, rounds, x, top, bottom) {
  let taken = -Infinity;
  rounds.forEach((round) => {
    const at = x(round.at), text = round.name.replace("Round ", "");
    element(svg, "line", { class: "round-line", x1: at, x2: at, y1: top - 26, y2: bottom });
    if (at - taken < 12 + 3 * text.length) return;
    taken = at + 3 * text.length;
    element(svg, "text", { class: "round-name", x: at, y: top - 38, "text-anchor": "middle" }, text.toLowerCase());
    element(svg, "path", { class: "round-mark", d: "M" + at + " " + (top - 27) + "l-4-6h8Z" });
  });
}

function drawTrack(svg, track, x, shareY, perplexityY) {
  const group = element(svg, "g", { class: "track " + track.style, "data-part": track.part });
  let line = "", before = null;
  for (const step of track.steps) {
    line += (before && before.to === step.from ? "L" : "M") + x(step.from).toFixed(1) + " " + shareY(step.value).toFixed(1) + "H" + x(step.to).toFixed(1);
    if (before && before.value !== step.value) element(group, "circle", { class: "dot-mark", cx: x(step.from), cy: shareY(step.value), r: 2.6 });
    before = step;
  }
  element(group, "path", { class: "line", d: line });
  const points = track.points.map((point) => [x(point.to), perplexityY(point.value)]);
  element(group, "path", { class: "line", d: path(points) });
  for (const [cx, cy] of points) element(group, "circle", { class: "dot-mark", cx, cy, r: 2.8 });
}

/* Names at the right, in the order of the lines' ends, moved apart where they would overlap. */
function nameTracks(svg, tracks, endOf, panel) {
  const names = tracks.filter(endOf).map((track) => ({ track, end: endOf(track), wanted: panel.scale.y(endOf(track).value) }));
  names.sort((a, b) => a.wanted - b.wanted).forEach((name, k) => { name.y = Math.max(name.wanted, k ? names[k - 1].y + LABEL_STEP : panel.top - 4); });
  let floor = panel.bottom + 6;
  for (const name of names.reverse()) { name.y = Math.min(name.y, floor); floor = name.y - LABEL_STEP; }
  for (const { track, end, wanted, y } of names) {
    const group = element(svg, "g", { class: "track-name " + track.style, "data-part": track.part }), from = panel.x(end.to) + 4;
    element(group, "path", { class: "leader", d: "M" + from + " " + wanted + "L" + Math.max(from, panel.right + 2) + " " + wanted + "L" + (panel.right + 12) + " " + y });
    element(group, "text", { x: panel.right + 16, y: y + 4 }, shortened(track.name, Math.floor((LABEL_ROOM - 16) / 6.2)));
  }
}

/* In the upper panel the step under the pointer, in the lower one the nearest point; of the nearest topic. */
function readTopics(chart, px, py) {
  const { tracks, x, upper, lower } = chart.drawn, high = py < (upper.bottom + lower.top) / 2;
  const { y } = (high ? upper : lower).scale;
  let best = null;
  tracks.forEach((track, place) => {
    for (const one of high ? track.steps : track.points) {
      const aside = Math.max(x(one.from) - px, px - x(one.to), 0), away = Math.abs(y(one.value) - py) + 4 * aside;
      if (!best || away < best.away) best = { away, place, round: one.round };
    }
  });
  if (best) showTopic(chart, best.round, best.place);
}

function showTopic(chart, round, place) {
  const { tracks, x, upper, lower, width } = chart.drawn, { svg, spec } = chart, track = tracks[place], now = spec.rounds[round];
  const decision = now.of.find((one) => one[0] === place);
  chart.at = [round, place];
  light(track.part);
  clearCursor(svg);
  const cursor = element(svg, "g", { class: "cursor-group " + track.style }), at = x(now.at);
  element(cursor, "line", { class: "cursor", x1: at, x2: at, y1: upper.top - 4, y2: lower.bottom });
  for (const [panel, values] of [[upper, track.steps], [lower, track.points]]) {
    const one = values.find((other) => other.round === round);
    if (one) element(cursor, "circle", { class: "cursor-dot", cx: at, cy: panel.scale.y(one.value), r: 5 });
  }
  const rows = [{ style: track.style, name: track.name, value: "" }, ...(decision ? decisionRows(decision) : [])];
  showReadout(chart.readout, now.name + " at " + shortNumber(now.at) + " tokens" + phaseAt(spec.phases, now.at), rows, at, width);
}

function decisionRows([, before, now, factor, shareBefore, share, note]) {
  const value = (number) => (number === null ? "\u2013" : number < 999.995 ? fixed(number, 2) : shortNumber(number));
  const moved = (a, b) => (a === b ? b : a + " \u2192 " + b), rows = [];
  const change = before && now !== null ? signed(100 * (now / before - 1), 1) + " %" : "";
  rows.push({ name: "perplexity", value: before === null ? value(now) : moved(value(before), value(now)), span: change });
  if (factor !== null) rows.push({ name: "factor", value: "\u00d7 " + fixed(factor, 2) });
  rows.push({ name: "share", value: moved(percentText(shareBefore), percentText(share)), span: note });
  return rows;
}

/* Left and right among the rounds, up and down among the topics. */
function stepTopics(chart, way, climb) {
  const { tracks } = chart.drawn, rounds = chart.spec.rounds.length;
  if (!tracks.length || !rounds) return;
  const [round, place] = chart.at || [way < 0 ? rounds : -way, 0];
  showTopic(chart, Math.min(rounds - 1, Math.max(0, round + way)), (place + climb + tracks.length) % tracks.length);
}
