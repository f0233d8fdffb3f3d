// A chart over time by uPlot, with the same figures as a table for screen readers.

import { runningBucket } from "../lib/buckets.js";
import { element, setText } from "../lib/element.js";
import { liveElement } from "../lib/live-element.js";
import { drawForPrint } from "../lib/print.js";
import { current } from "../lib/session.js";
import { styled } from "../lib/stylesheet.js";
import { text } from "../lib/texts.js";
import { localMidnight } from "../lib/zone.js";
import { createCalendar, DAY, HOUR, MINUTE } from "./timeline/calendar.js";

const WHOLE = Array.from({ length: 40 }, (_, n) => [1, 2, 2.5, 5][n % 4] * 10 ** Math.floor(n / 4)).filter(
  Number.isInteger,
);

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

let library;
/** uPlot and its style sheet, fetched with the first chart. */
function load() {
  library ??= Promise.all([import("../vendor/uplot/uPlot.esm.js"), styled("vendor/uplot/uPlot.min.css")]).then(
    ([module]) => module.default,
  );
  return library;
}

/**
 * A chart of series that share the time axis: bars, and stacked parts of bars from the bottom up, on the left axis,
 * lines on the right one.
 * @param {{height?: number, scale?: number, format, series: {key, label, kind: "bar"|"stack"|"line", colour: string,
 *   dash?: number[], write: (value) => string, tick?: (value) => string, most?: number, whole?: boolean}[]}} options
 *   `href(row)` is the address that a bucket opens; `scale` enlarges the labels; `colour` names a CSS variable; `tick`
 *   writes the marks of the axis, `most` is its upper end, `whole` leaves out marks between whole numbers
 * @returns {{node, show(rows: {start, end, values}[], window?)}} starts as RFC 3339; where all rows of a `window` cut
 *   to whole days are withheld, a sentence stands in the place of the chart
 */
export function createChart({ height: usual = 220, scale: given = 1, format, series, href }) {
  const scale = given * (parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
  const height = Math.round(usual * (given === 1 ? scale : 1));
  const legend = element(
    "ul",
    { class: "legend" },
    ...series.map((one) => element("li", { class: `key ${one.kind}`, "data-colour": one.colour }, one.label)),
  );
  const canvas = element("div", { class: "plot", "aria-hidden": "true" });
  canvas.style.blockSize = `${height}px`;
  const reading = element("p", { class: "reading number", "aria-hidden": "true" });
  const body = element("tbody");
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, text("chart.from")),
    ...series.map(({ label }) => element("th", { scope: "col", class: "number" }, label)),
  );
  const why = element("p", { class: "quiet", hidden: true });
  const table = element(
    "details",
    { class: "as-table" },
    element("summary", {}, text("chart.as_table")),
    element(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": text("chart.as_table") },
      element("table", {}, element("thead", {}, head), body),
    ),
  );
  const node = liveElement(
    { class: "chart" },
    start,
    element("div", { class: "chart-head" }, legend, reading),
    why,
    canvas,
    table,
  );

  let rows = [];
  let running = -1; // the bucket that is not over
  let plot = null;
  let drawn = 0;
  const read = (n) => {
    const row = rows[n];
    reading.textContent = row
      ? `${format.date(row.start)}, ${format.time(row.start)}–${format.time(row.end)}: ${series.map(({ key, write }) => writeOf(row, key, write)).join(" · ")}`
      : "";
  };
  const draw = async () => {
    const turn = ++drawn;
    const UPlot = await load();
    if (turn !== drawn || !canvas.isConnected) return;
    plot?.destroy();
    plot = new UPlot(
      optionsOf(UPlot, { series, scale, format, rows, running, read, width: canvas.clientWidth, height }),
      dataOf(series, rows),
      canvas,
    );
  };
  canvas.addEventListener("click", () => body.rows[plot?.cursor.idx]?.querySelector("a")?.click());
  if (href) canvas.classList.add("opens");

  function start(signal) {
    const fit = () => {
      if (plot && canvas.clientWidth && canvas.clientWidth !== plot.width)
        plot.setSize({ width: canvas.clientWidth, height });
    };
    const sized = new ResizeObserver(fit);
    sized.observe(canvas);
    drawForPrint(fit, signal);
    const dressed = new MutationObserver(() => rows.length && draw());
    dressed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    signal.addEventListener("abort", () => {
      drawn += 1;
      sized.disconnect();
      dressed.disconnect();
      plot?.destroy();
      plot = null;
    });
    if (rows.length) draw();
  }

  return {
    node,
    show(fresh, window) {
      const before = rows;
      rows = fresh;
      running = runningBucket(rows, window);
      const hidden = Boolean(window?.cut_to) && rows.every(({ withheld }) => withheld);
      why.hidden = !hidden;
      canvas.hidden = table.hidden = hidden;
      setText(why, hidden ? text("withheld.note", { n: current().k_min }) : "");
      if (hidden) return;
      body.replaceChildren(...rows.map((row) => lineOf(row, series, format, href)));
      const alike = plot && before.length === rows.length && before[0]?.start === rows[0]?.start;
      if (alike) plot.setData(dataOf(series, rows));
      else draw();
    },
  };
}

const lineOf = (row, series, format, href) =>
  element(
    "tr",
    {},
    element(
      "th",
      { scope: "row" },
      element(href ? "a" : "span", { href: href?.(row) }, `${format.date(row.start)}, ${format.time(row.start)}`),
    ),
    ...series.map(({ key, write }) => element("td", { class: "number" }, writeOf(row, key, write))),
  );

const writeOf = ({ withheld, values }, key, write) => (withheld ? text("withheld.figure") : write(values[key]));

/**
 * The bounds of each bucket in seconds. The first and the last, which the period cuts, are drawn as wide as whole ones.
 */
function spansOf(rows) {
  const spans = rows.map(({ start, end }) => [Date.parse(start) / 1000, Date.parse(end) / 1000]);
  const longest = Math.max(...spans.map(([start, end]) => end - start));
  if (spans.length > 1) {
    spans[0][0] = spans[0][1] - longest;
    spans.at(-1)[1] = spans.at(-1)[0] + longest;
  }
  return spans;
}

const dataOf = (series, rows) => [
  spansOf(rows).map(([start, end]) => (start + end) / 2),
  ...layers(series).map(({ keys }) =>
    rows.map(({ values, withheld }) =>
      withheld ? null : keys.reduce((sum, key) => (sum === null ? values[key] : sum + values[key]), null),
    ),
  ),
];

/** The series in drawing order, each with the fields that add up to it; the highest of a stack comes first. */
function layers(series) {
  const stack = series.filter(({ kind }) => kind === "stack");
  const stacked = stack.map((one, n) => ({ ...one, keys: stack.slice(0, n + 1).map(({ key }) => key) }));
  return [
    ...stacked.reverse(),
    ...series.filter(({ kind }) => kind !== "stack").map((one) => ({ ...one, keys: [one.key] })),
  ];
}

/** Unknown time is hatched, as everywhere, and so is a bucket whose sums still grow. */
function fillOf({ kind, colour: name }, isRunning = false) {
  if (kind === "line") return undefined;
  if (name !== "unknown" && !isRunning) return colour(name);
  const tile = element("canvas", { width: 6, height: 6 }).getContext("2d");
  tile.strokeStyle = colour(name);
  tile.lineWidth = 1.5;
  for (const x of [-6, 0, 6]) {
    tile.moveTo(x, 6);
    tile.lineTo(x + 6, 0);
  }
  tile.stroke();
  return tile.createPattern(tile.canvas, "repeat");
}

const first = (day) => day.getUTCDate() === 1;
/** The steps of the time axis: times below a day, then the days on which they begin. */
const STEPS = [
  ...[5, 15, 30].map((n) => ({ length: n * MINUTE })),
  ...[1, 2, 3, 6, 12].map((n) => ({ length: n * HOUR })),
  { length: DAY, chosen: () => true },
  { length: 2 * DAY, chosen: (day) => (day / DAY) % 2 === 0 },
  { length: 7 * DAY, chosen: (day) => day.getUTCDay() === 1 },
  { length: 14 * DAY, chosen: (day) => day.getUTCDay() === 1 && Math.floor(day / (7 * DAY)) % 2 === 0 },
  { length: 31 * DAY, chosen: first },
  { length: 92 * DAY, chosen: (day) => first(day) && day.getUTCMonth() % 3 === 0 },
  { length: 366 * DAY, chosen: (day) => first(day) && day.getUTCMonth() === 0 },
];

/** At most `most` round local times, days or months between two instants; all in seconds. */
export function ticksOf([from, to], most, timeZone) {
  const [start, end] = [from * 1000, to * 1000];
  const step = STEPS.find(({ length }) => (end - start) / length <= most) ?? STEPS.at(-1);
  const calendar = createCalendar(timeZone);
  const found = step.chosen ? calendar.days(start, end, step.chosen) : calendar.times(start, end, step.length);
  return found.map((at) => at / 1000);
}

/** The time, or the date where the day begins. */
export function tickLabel(at, format) {
  return localMidnight(at, format.timeZone) === at ? format.date(at, { weekday: undefined }) : format.time(at);
}

function optionsOf(UPlot, { series, scale: size, format, rows, running, read, width, height }) {
  const grid = { stroke: colour("line"), width: 1 };
  const axis = {
    stroke: colour("quiet"),
    font: `${12 * size}px ${getComputedStyle(document.body).fontFamily}`,
    ticks: { ...grid, size: 4 },
  };
  const spans = spansOf(rows);
  const bounds = rows.length ? [spans[0][0], spans.at(-1)[1]] : [0, 1];
  const barred = ({ kind }) => kind !== "line";
  const scaleOf = (one) => (barred(one) ? "left" : "right");
  const mostOf = (scale) => series.find((one) => scaleOf(one) === scale && one.most !== undefined)?.most;
  const range = (scale) => (_plot, _low, high) => [0, mostOf(scale) ?? Math.max(high * 1.08 || 1, 1)];
  const firstOf = (scale) => series.find((one) => scaleOf(one) === scale);
  const tickOf = (scale) => firstOf(scale).tick ?? firstOf(scale).write;
  const sides = ["left", "right"].filter(firstOf);
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => read(plot.cursor.idx)] },
    scales: {
      x: { range: () => bounds },
      ...Object.fromEntries(sides.map((scale) => [scale, { range: range(scale) }])),
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        splits: (plot) => ticksOf(bounds, plot.bbox.width / devicePixelRatio / (70 * size), format.timeZone),
        values: (_plot, ticks) => ticks.map((at) => tickLabel(at * 1000, format)),
        size: 32 * size,
      },
      ...sides.map((scale, n) => ({
        ...axis,
        scale,
        side: n === 0 ? 3 : 1,
        size: 56 * size,
        space: 30 * size,
        grid: n === 0 ? grid : { show: false },
        ...(firstOf(scale).whole && { incrs: WHOLE }),
        values: (_plot, ticks) => ticks.map(tickOf(scale)),
      })),
    ],
    series: [
      {},
      ...layers(series).map((one) => ({
        scale: scaleOf(one),
        stroke: colour(one.colour),
        width: barred(one) ? 0 : 2 * size,
        dash: one.dash,
        fill: fillOf(one),
        paths: barred(one)
          ? UPlot.paths.bars({
              size: [0.7, 48 * size],
              radius: one.kind === "bar" ? 0.15 : 0,
              disp: { fill: { unit: 3, values: () => rows.map((_, n) => fillOf(one, n === running)) } },
            })
          : UPlot.paths.linear(),
        points: barred(one) ? { show: false } : { show: rows.length < 60, size: 6, fill: colour("surface") },
      })),
    ],
  };
}
