// The timeline: one row per worker or workstation, its states over time as bars on a canvas.

import { setText } from "../../lib/element.js";
import { drawForPrint } from "../../lib/print.js";
import { axisOf } from "./axis.js";
import { createCalendar } from "./calendar.js";
import { readColours, watchTheme } from "./colours.js";
import { ROWS_A_PIECE, createStore } from "./data.js";
import { createPainter } from "./draw.js";
import { listenToGestures } from "./gestures.js";
import { listenToKeys } from "./keys.js";
import { buildParts, createNames } from "./parts.js";
import { createPointing } from "./pointing.js";
import { readRow } from "./reading.js";
import { createSteering } from "./steering.js";
import { MOST_ROWS, createTable } from "./table.js";
import { createTooltip } from "./tooltip.js";
import { Viewport } from "./viewport.js";
import { createWords } from "./words.js";

const ROW_HEIGHT = 1.75; // rem
const AXIS_HEIGHT = 2.5; // rem, two lines of text
const LOAD_EVERY_MS = 100; // while the view moves
const SETTLED_MS = 250; // how long the view rests before `onWindow` is called and the table filled

/**
 * @param {object} options
 * @param {"worker"|"workstation"} options.entity
 * @param {{id: string, name: string}[]} options.rows
 * @param {{from: number, to: number}} options.window epoch ms
 * @param {string} options.timeZone the factory's
 * @param {(query: object, signal: AbortSignal) => Promise<object>} options.load the answer of GET /metrics/timeline
 * @param {(key: string, values?: object) => string} options.text
 * @param {object} options.format time, dateTime, date, duration, count and percent in the factory's time zone
 * @param {number} [options.rowHeight] CSS pixels
 * @param {(view: {from: number, to: number}) => void} [options.onWindow] called when the view has come to rest
 *   elsewhere
 * @param {(id: string) => void} [options.onOpen] called with the chosen row
 * @param {(span: {id, start, end, state: string|null}) => void} [options.onSpan] called with the chosen span, or, with
 *   `state` null, the column of an hour or a day
 * @returns {{node: HTMLElement, show(window): void, refresh(): void}}
 */
export function createTimeline(options) {
  const { entity, rows, timeZone, text, format, onWindow, onOpen } = options;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const rowHeight = options.rowHeight ?? ROW_HEIGHT * rem;
  const axisHeight = AXIS_HEIGHT * rem;
  const parts = buildParts(entity, text, start);
  const calendar = createCalendar(timeZone);
  const viewport = new Viewport(options.window);
  const store = createStore({ entity, rows, calendar, load: options.load, onChange: changed });
  const words = createWords({ entity, text, format });
  const tooltip = createTooltip(parts, words);
  const paint = createPainter(parts.canvas);
  const placeNames = createNames(parts, rows, rowHeight, onOpen);
  const around = { parts, viewport, store, rowHeight, axisHeight };
  const pointing = createPointing({ ...options, ...around, tooltip });
  const steering = createSteering({ ...options, ...around, pointing, changed, schedule });
  const fillTable = createTable(parts.table, { words, text, format });
  let colours;
  let font;
  let place;
  let frame = 0;
  let loading;
  let loadedAt = 0;
  let rest;
  let shownName = viewport.name;

  function schedule() {
    if (!parts.node.isConnected) return; // it is drawn when it enters the document
    frame ||= requestAnimationFrame(draw);
  }

  /** Draw, and load what is missing. */
  function changed() {
    if (!parts.node.isConnected) return;
    schedule();
    loading ??= setTimeout(loadInSight, Date.now() - loadedAt > LOAD_EVERY_MS ? 0 : LOAD_EVERY_MS);
    clearTimeout(rest);
    rest = setTimeout(settled, SETTLED_MS);
  }

  function measure() {
    const { clientHeight: height, scrollTop } = parts.scroller;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight));
    const last = Math.min(rows.length - 1, Math.floor((scrollTop + height - axisHeight) / rowHeight));
    place = {
      width: parts.plot.clientWidth,
      height,
      axisHeight,
      ratio: devicePixelRatio,
      zoom: rem / 16,
      rowHeight,
      scrollTop,
      first,
      last,
    };
  }

  function draw() {
    frame = 0;
    measure();
    if (!place.width) return;
    colours ??= readColours(parts.node);
    font ??= getComputedStyle(parts.node).fontFamily;
    const axis = axisOf(viewport, (place.width * 16) / rem, calendar, timeZone);
    steering.follow();
    const hovered = steering.pointer ? pointing.row : -1;
    const selected = parts.scroller.matches(":focus-visible") ? steering.selected : -1;
    paint(place, { viewport, store, colours, axis, font, hovered, selected });
    placeNames(place.first, place.last, place.scrollTop, selected);
  }

  /** Load the rows in sight, then those below and above them. */
  function loadInSight() {
    loading = undefined;
    loadedAt = Date.now();
    measure();
    const [first, last] = [place.first, place.last].map((row) => Math.floor(row / ROWS_A_PIECE));
    const chunks = Array.from({ length: last - first + 1 }, (_, n) => first + n);
    const beside = [last + 1, first - 1].filter((chunk) => chunk >= 0 && chunk * ROWS_A_PIECE < rows.length);
    if (rows.length && place.width) store.want(viewport.level, [...chunks, ...beside], viewport.from, viewport.to);
  }

  function settled() {
    const missing = store.error
      ? text("timeline.not_loaded", { reason: store.error.message })
      : store.withheld
        ? text("timeline.withheld")
        : "";
    parts.status.hidden = !missing;
    parts.status.classList.toggle("calm", !store.error);
    setText(parts.status, missing);
    parts.whole.disabled = viewport.isWhole;
    parts.zoomOut.disabled = viewport.isWhole;
    parts.plot.classList.toggle("movable", !viewport.isWhole);
    if (parts.table.open) tabulate();
    if (shownName !== viewport.name) onWindow?.({ from: Math.round(viewport.from), to: Math.round(viewport.to) });
    shownName = viewport.name;
  }

  function tabulate() {
    if (!rows.length) return;
    const row = steering.selected;
    fillTable(rows[row].name, readRow(store, entity, viewport.level, row, viewport.from, viewport.to, MOST_ROWS + 1));
  }

  function start(signal) {
    // The sticky part is as high as the visible part of what scrolls under it, and takes no room of its own.
    const fit = () => parts.sticky.style.setProperty("--seen", `${parts.scroller.clientHeight}px`);
    const sized = new ResizeObserver(() => {
      fit();
      changed();
    });
    sized.observe(parts.scroller);
    drawForPrint(() => {
      fit();
      draw();
    }, signal);
    listenToGestures(parts.plot, steering.gestures, signal);
    watchTheme(() => {
      colours = undefined;
      schedule();
    }, signal);
    signal.addEventListener("abort", () => {
      sized.disconnect();
      cancelAnimationFrame(frame);
      clearTimeout(loading);
      clearTimeout(rest);
      frame = 0;
      loading = undefined;
      tooltip.hide();
      store.stop();
    });
  }

  listenToKeys(parts.scroller, steering.keys);
  parts.zoomIn.addEventListener("click", () => steering.zoom(0.5));
  parts.zoomOut.addEventListener("click", () => steering.zoom(2));
  parts.whole.addEventListener("click", steering.reset);
  parts.scroller.addEventListener("scroll", changed, { passive: true });
  parts.scroller.addEventListener("focus", schedule);
  parts.scroller.addEventListener("blur", () => pointing.byKeys && pointing.leave());
  parts.table.addEventListener("toggle", tabulate);
  parts.corner.textContent = text(`timeline.rows_${entity}`, { n: format.count(rows.length), form: rows.length });
  parts.node.style.setProperty("--axis", `${axisHeight}px`);
  parts.spacer.style.height = `${axisHeight + rows.length * rowHeight}px`;

  return {
    node: parts.node,
    show(window) {
      viewport.show(window);
      shownName = viewport.name;
      store.refresh();
    },
    refresh: store.refresh,
  };
}
