// Effects of keys and gestures on the view, the selected row and the point.

import { readAt } from "./reading.js";

const STEP = 1 / 20; // of what is in view

/**
 * @param {object} timeline {parts, viewport, store, pointing, entity, rows, rowHeight, axisHeight, onOpen, changed,
 *   schedule}: `changed()` when there is something else in view, `schedule()` when only marks have moved
 * @returns {{selected, pointer, keys, gestures, zoom, reset, follow}} `selected` is the row of the keys, `pointer`
 *   where mouse or finger are over the plot (null elsewhere); `keys` and `gestures` are what keys.js and gestures.js
 *   call
 */
export function createSteering({
  parts,
  viewport,
  store,
  pointing,
  entity,
  rows,
  rowHeight,
  axisHeight,
  onOpen,
  changed,
  schedule,
}) {
  const steering = { selected: 0, pointer: null, zoom, reset, follow };

  const instantAt = (x) => viewport.from + (x / parts.plot.clientWidth) * viewport.span;

  function rowAt(y) {
    const row = Math.floor((y - axisHeight + parts.scroller.scrollTop) / rowHeight);
    return y < axisHeight || row >= rows.length ? -1 : row;
  }

  /** Point at whatever is under the pointer now: rows and time may have moved. */
  function follow() {
    const { pointer } = steering;
    if (pointer) pointing.move(rowAt(pointer.y), instantAt(pointer.x), false);
    else pointing.show();
  }

  function point(at) {
    const before = pointing.row;
    steering.pointer = at;
    if (at) follow();
    else pointing.leave();
    if (pointing.row !== before) schedule();
  }

  function zoom(factor, at = keyInstant()) {
    viewport.zoom(factor, at);
    changed();
  }

  function pan(pixels) {
    viewport.pan((pixels / parts.plot.clientWidth) * viewport.span);
    changed();
  }

  function reset() {
    viewport.reset();
    changed();
  }

  function choose(at, twice) {
    steering.selected = Math.max(0, rowAt(at.y));
    point(at);
    pointing.choose(twice);
    changed();
  }

  const keyInstant = () => (pointing.byKeys && pointing.at !== null ? pointing.at : (viewport.from + viewport.to) / 2);

  /** Move the point of the keys; the view follows it as far as the window goes. */
  function moveTo(row, at) {
    if (!rows.length) return;
    steering.pointer = null;
    steering.selected = Math.max(0, Math.min(rows.length - 1, row));
    const instant = Math.max(viewport.window.from, Math.min(at, viewport.window.to - 1));
    viewport.centre(instant);
    const top = steering.selected * rowHeight;
    const room = parts.scroller.clientHeight - axisHeight - rowHeight;
    parts.scroller.scrollTop = Math.max(top - room, Math.min(parts.scroller.scrollTop, top));
    pointing.move(steering.selected, instant, true);
    changed();
  }

  const step = (direction) => moveTo(steering.selected, keyInstant() + direction * viewport.span * STEP);

  function jump(direction) {
    const reading = readAt(store, entity, viewport.level, steering.selected, keyInstant());
    if (reading) moveTo(steering.selected, direction > 0 ? reading.end : reading.start - 1);
    else step(direction);
  }

  function page(direction) {
    const rowsInSight = Math.floor((parts.scroller.clientHeight - axisHeight) / rowHeight);
    moveTo(steering.selected + direction * Math.max(1, rowsInSight - 1), keyInstant());
  }

  steering.gestures = {
    zoom: (factor, x) => zoom(factor, instantAt(x)),
    pan,
    canPan: () => !viewport.isWhole,
    point,
    tap: (at) => choose(at, true),
    click: (at) => choose(at, false),
  };
  steering.keys = {
    zoom: (factor) => zoom(factor),
    reset,
    step,
    jump,
    page,
    edge: (direction) => moveTo(steering.selected, direction > 0 ? viewport.window.to - 1 : viewport.window.from),
    row: (by) => moveTo(steering.selected + by, keyInstant()),
    open: () => rows.length && onOpen?.(rows[steering.selected].id),
    choose: () => pointing.choose(),
    leave: () => point(null),
  };
  return steering;
}
