// The timeline: one row a worker or workstation, its states over time as bars on a canvas.

import { axisOf } from "./axis.js";
import { createCalendar } from "./calendar.js";
import { readColours, watchTheme } from "./colours.js";
import { ROWS_A_PIECE, createStore } from "./data.js";
import { createPainter } from "./draw.js";
import { listenToGestures } from "./gestures.js";
import { listenToKeys } from "./keys.js";
import { buildParts, createNames } from "./parts.js";
import { createPointing } from "./pointing.js";
import { readAt, readRow } from "./reading.js";
import { MOST_ROWS, createTable } from "./table.js";
import { createTooltip } from "./tooltip.js";
import { Viewport } from "./viewport.js";
import { createWords } from "./words.js";

const ROW_HEIGHT = 1.75; // rem
const AXIS_HEIGHT = 2.5; // rem, two lines of text
const SETTLED_MS = 120; // how long the view rests before it loads, tells and fills its table

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
 * @param {(view: {from: number, to: number}) => void} [options.onWindow] the view has come to rest elsewhere
 * @param {(id: string) => void} [options.onOpen] a row was chosen
 * @param {(span: {id, start, end, state: string|null}) => void} [options.onSpan] a span was chosen, or with `state`
 *   null a column of an hour or a day
 * @returns {{node: HTMLElement, show(window): void, refresh(): void, close(): void}}
 */
export function createTimeline(options) {
  const { entity, rows, timeZone, text, format, onWindow, onOpen } = options;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const rowHeight = options.rowHeight ?? ROW_HEIGHT * rem;
  const axisHeight = AXIS_HEIGHT * rem;
  const parts = buildParts(entity, text);
  const calendar = createCalendar(timeZone);
  const viewport = new Viewport(options.window);
  const store = createStore({ entity, rows, calendar, load: options.load, onChange: changed });
  const words = createWords({ entity, text, format });
  const tooltip = createTooltip(parts, words);
  const pointing = createPointing({ ...options, parts, viewport, store, tooltip, rowHeight, axisHeight });
  const paint = createPainter(parts.canvas);
  const placeNames = createNames(parts, rows, rowHeight, onOpen);
  const fillTable = createTable(parts.table, { words, text, format });
  let selected = 0;
  let colours;
  let font;
  let place;
  let frame = 0;
  let rest;
  let pointer = null; // where the mouse or finger is over the plot
  let told = viewport.name;

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  /** There is something new to draw, or to load. */
  function changed() {
    schedule();
    clearTimeout(rest);
    rest = setTimeout(settled, SETTLED_MS);
  }

  function measure() {
    const { clientHeight: height, scrollTop } = parts.scroller;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight));
    const last = Math.min(rows.length - 1, Math.floor((scrollTop + height - axisHeight) / rowHeight));
    place = { width: parts.plot.clientWidth, height, axisHeight, ratio: devicePixelRatio, rowHeight, scrollTop, first, last };
  }

  function draw() {
    frame = 0;
    measure();
    if (!place.width) return;
    colours ??= readColours(parts.node);
    font ??= getComputedStyle(parts.node).fontFamily;
    const axis = axisOf(viewport, place.width, calendar, timeZone);
    if (pointer) pointing.move(rowAt(pointer.y), instantAt(pointer.x), false); // rows and time may have moved under it
    else pointing.show();
    const byKeys = parts.scroller.matches(":focus-visible");
    paint(place, { viewport, store, colours, axis, font, hovered: pointer ? pointing.row : -1, selected: byKeys ? selected : -1 });
    placeNames(place.first, place.last, place.scrollTop, selected);
  }

  function settled() {
    if (!place) return;
    const chunks = [];
    for (let chunk = Math.floor(place.first / ROWS_A_PIECE); chunk * ROWS_A_PIECE <= place.last; chunk += 1) chunks.push(chunk);
    const next = chunks.at(-1) + 1;
    if (next * ROWS_A_PIECE < rows.length) chunks.push(next);
    store.want(viewport.level, chunks, viewport.from, viewport.to);
    parts.status.hidden = store.error === null;
    parts.status.textContent = store.error ? text("timeline.not_loaded", { reason: store.error.message }) : "";
    parts.whole.disabled = viewport.isWhole;
    parts.zoomOut.disabled = viewport.isWhole;
    parts.plot.classList.toggle("movable", !viewport.isWhole);
    if (parts.table.open) tabulate();
    if (told !== viewport.name) onWindow?.({ from: Math.round(viewport.from), to: Math.round(viewport.to) });
    told = viewport.name;
  }

  function tabulate() {
    if (!rows.length) return;
    fillTable(rows[selected].name, readRow(store, entity, viewport.level, selected, viewport.from, viewport.to, MOST_ROWS + 1));
  }

  const instantAt = (x) => viewport.from + (x / parts.plot.clientWidth) * viewport.span;

  function rowAt(y) {
    const row = Math.floor((y - axisHeight + parts.scroller.scrollTop) / rowHeight);
    return y < axisHeight || row >= rows.length ? -1 : row;
  }

  function point(at) {
    pointer = at;
    if (at === null) pointing.leave();
    schedule();
  }

  function zoom(factor, at) {
    viewport.zoom(factor, at ?? keyInstant());
    changed();
  }

  function pan(pixels) {
    viewport.pan((pixels / parts.plot.clientWidth) * viewport.span);
    changed();
  }

  /** Moves the point of the keys; what is in view follows it as far as the window goes. */
  function moveTo(row, at) {
    if (!rows.length) return;
    pointer = null;
    selected = Math.max(0, Math.min(rows.length - 1, row));
    const instant = Math.max(viewport.window.from, Math.min(at, viewport.window.to - 1));
    viewport.centre(instant);
    const top = selected * rowHeight;
    const room = parts.scroller.clientHeight - axisHeight - rowHeight;
    parts.scroller.scrollTop = Math.max(top - room, Math.min(parts.scroller.scrollTop, top));
    pointing.move(selected, instant, true);
    changed();
  }

  const keyInstant = () => (pointing.byKeys && pointing.at !== null ? pointing.at : (viewport.from + viewport.to) / 2);

  function jump(direction) {
    const reading = readAt(store, entity, viewport.level, selected, keyInstant());
    if (!reading) moveTo(selected, keyInstant() + (direction * viewport.span) / 20);
    else moveTo(selected, direction > 0 ? reading.end : reading.start - 1);
  }

  function choose(at, twice) {
    selected = Math.max(0, rowAt(at.y));
    point(at);
    pointing.move(rowAt(at.y), instantAt(at.x), false);
    pointing.choose(twice);
    changed();
  }

  function reset() {
    viewport.reset();
    changed();
  }

  const gestures = {
    zoom: (factor, x) => zoom(factor, instantAt(x)),
    pan,
    canPan: () => !viewport.isWhole,
    point,
    tap: (at) => choose(at, true),
    click: (at) => choose(at, false),
  };
  const keys = {
    zoom,
    reset,
    step: (direction) => moveTo(selected, keyInstant() + (direction * viewport.span) / 20),
    jump,
    edge: (direction) => moveTo(selected, direction > 0 ? viewport.window.to - 1 : viewport.window.from),
    row: (by) => moveTo(selected + by, keyInstant()),
    page: (direction) => moveTo(selected + direction * Math.max(1, place.last - place.first - 1), keyInstant()),
    open: () => rows.length && onOpen?.(rows[selected].id),
    choose: () => pointing.choose(),
    leave: () => pointing.leave(),
  };

  const sized = new ResizeObserver(() => {
    // The sticky part is as high as what scrolls under it is seen, and takes no room of its own.
    parts.sticky.style.setProperty("--seen", `${parts.scroller.clientHeight}px`);
    changed();
  });
  const stops = [
    listenToGestures(parts.plot, gestures),
    listenToKeys(parts.scroller, keys),
    watchTheme(() => {
      colours = undefined;
      schedule();
    }),
  ];
  parts.zoomIn.addEventListener("click", () => zoom(0.5));
  parts.zoomOut.addEventListener("click", () => zoom(2));
  parts.whole.addEventListener("click", reset);
  parts.scroller.addEventListener("scroll", changed, { passive: true });
  parts.scroller.addEventListener("focus", schedule);
  parts.scroller.addEventListener("blur", () => pointing.byKeys && pointing.leave());
  parts.table.addEventListener("toggle", tabulate);
  parts.corner.textContent = text(`timeline.rows_${entity}`, { n: format.count(rows.length), form: rows.length });
  parts.node.style.setProperty("--axis", `${axisHeight}px`);
  parts.spacer.style.height = `${axisHeight + rows.length * rowHeight}px`;
  sized.observe(parts.scroller);

  return {
    node: parts.node,
    show(window) {
      viewport.show(window);
      told = viewport.name;
      store.refresh();
    },
    refresh: store.refresh,
    close() {
      cancelAnimationFrame(frame);
      clearTimeout(rest);
      sized.disconnect();
      for (const stop of stops) stop();
      tooltip.hide();
      store.close();
      parts.node.remove();
    },
  };
}
