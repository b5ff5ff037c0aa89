/* The page comes alive: charts, legends, scale switches, the contents' mark, the copy button. */

const KINDS = {
  lines: { draw: drawLines, read: readLines, step: stepLines },
  scatter: { draw: drawScatter, read: readScatter, step: stepScatter },
  ways: { draw: drawWays, read: readWays, step: stepWays, climbs: true },
  turns: { draw: drawTurns, read: readTurns, step: stepTurns, climbs: true },
  dots: { draw: drawDots, read: readDots, step: stepDots, climbs: true },
  bins: { draw: drawBins, read: readBins, step: stepBins },
  area: { draw: drawArea, read: readArea, step: stepArea, climbs: true },
  points: { draw: drawPoints, read: readPoints, step: stepPoints },
  topics: { draw: drawTopics, read: readTopics, step: stepTopics, climbs: true },
};
const hiddenArms = new Set();
let pinnedPart = null, litPart = null;
const charts = [...document.querySelectorAll("figure.plot")].map(startChart);

function startChart(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent), svg = figure.querySelector("svg.chart");
  const chart = {
    figure, spec, svg, readout: figure.querySelector(".readout"), kind: KINDS[spec.kind],
    hidden: hiddenArms, log: Boolean(spec.log), change: Boolean(spec.change), at: null, drawn: null,
  };
  chart.kind.draw(chart);
  new ResizeObserver(() => svg.clientWidth !== chart.drawn?.width && redraw(chart)).observe(svg);
  listen(chart);
  return chart;
}

function redraw(chart) {
  leave(chart);
  chart.kind.draw(chart);
  shine(chart.svg);
}

/* Light one source or topic wherever it is drawn; without one, that which is pinned in a legend. */
function light(part) {
  const wanted = part ?? pinnedPart;
  if (wanted === litPart) return;
  litPart = wanted;
  for (const chart of charts) shine(chart.svg);
  for (const row of document.querySelectorAll("tr[data-part]")) row.classList.toggle("lit", Number(row.dataset.part) === litPart);
}

function shine(svg) {
  let any = false;
  for (const made of svg.querySelectorAll("[data-part]")) {
    const lit = litPart !== null && Number(made.dataset.part) === litPart;
    made.classList.toggle("lit", lit);
    any ||= lit;
  }
  svg.classList.toggle("has-lit", any);
}

function leave(chart) {
  chart.readout.hidden = true;
  if (chart.at !== null) light(null);
  chart.at = null;
  clearCursor(chart.svg);
}

function listen(chart) {
  const { svg } = chart;
  const read = (event) => {
    const box = svg.getBoundingClientRect();
    if (chart.drawn) chart.kind.read(chart, event.clientX - box.left, event.clientY - box.top);
  };
  svg.addEventListener("pointermove", read);
  svg.addEventListener("pointerdown", read);
  svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave(chart));
  svg.addEventListener("blur", () => leave(chart));
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key] || 0;
    const climb = (chart.kind.climbs && { ArrowUp: 1, ArrowDown: -1 }[event.key]) || 0;
    if ((way || climb) && chart.drawn) { chart.kind.step(chart, way, climb); event.preventDefault(); }
    if (event.key === "Escape") leave(chart);
  });
}

document.addEventListener("pointerdown", (event) => {
  for (const chart of charts) if (!chart.svg.contains(event.target)) leave(chart);
});

for (const key of document.querySelectorAll(".key")) {
  key.addEventListener("click", () => {
    const arm = Number(key.dataset.arm);
    if (!hiddenArms.delete(arm)) hiddenArms.add(arm);
    for (const twin of document.querySelectorAll('.key[data-arm="' + arm + '"]')) {
      twin.setAttribute("aria-pressed", String(!hiddenArms.has(arm)));
    }
    charts.forEach(redraw);
  });
}

for (const button of document.querySelectorAll(".part")) {
  const part = Number(button.dataset.part);
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && light(part));
  button.addEventListener("pointerleave", () => light(null));
  button.addEventListener("focus", () => button.matches(":focus-visible") && light(part));
  button.addEventListener("blur", () => light(null));
  button.addEventListener("click", () => {
    pinnedPart = pinnedPart === part ? null : part;
    for (const twin of document.querySelectorAll(".part")) twin.setAttribute("aria-pressed", String(Number(twin.dataset.part) === pinnedPart));
    light(null);
  });
}

for (const cell of document.querySelectorAll("[data-bar]")) cell.style.setProperty("--bar", cell.dataset.bar);

/* A pair of buttons switches one setting of the section's charts that have it. */
function listenSwitch(setting) {
  for (const button of document.querySelectorAll("[data-" + setting + "]")) {
    button.addEventListener("click", () => {
      const on = button.dataset[setting] === "true", section = button.closest("section");
      for (const other of section.querySelectorAll("[data-" + setting + "]")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      for (const chart of charts) {
        if (section.contains(chart.figure) && chart.spec[setting] !== undefined) { chart[setting] = on; redraw(chart); }
      }
    });
  }
}
listenSwitch("log");
listenSwitch("change");

const links = [...document.querySelectorAll(".contents a")];

/* Mark the section being read: the last one whose head is above the upper third of the window. */
function markCurrent() {
  const sections = links.map((link) => document.getElementById(link.hash.slice(1)));
  let current = 0;
  sections.forEach((section, k) => { if (section.getBoundingClientRect().top < window.innerHeight / 3) current = k; });
  if (window.innerHeight + window.scrollY >= document.body.scrollHeight - 2) current = sections.length - 1;
  links.forEach((link, k) => {
    if (k !== current) link.removeAttribute("aria-current");
    else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "true");
      const strip = link.closest("nav"), place = link.offsetLeft - (strip.clientWidth - link.offsetWidth) / 2;
      strip.scrollTo({ left: place });
    }
  });
}
document.addEventListener("scroll", markCurrent, { passive: true });
markCurrent();

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.recipe")) part.open = true;
});
document.documentElement.dataset.ready = String(charts.filter((chart) => chart.drawn).length);
