// The point that the reader points at, with a pointer or the keys, and its tooltip.

import { LOOKS } from "../../lib/states.js";
import { mainLook, readAt } from "./reading.js";

/**
 * @param {object} timeline {parts, viewport, store, tooltip, entity, rows, rowHeight, axisHeight, onSpan}
 * @returns {{row, at, byKeys, move(row, at, byKeys), leave(), show(), choose()}} `row` is -1 and `at` null when
 *   there is nothing pointed at
 */
export function createPointing({ parts, viewport, store, tooltip, entity, rows, rowHeight, axisHeight, onSpan }) {
  const pointing = { row: -1, at: null, byKeys: false, move, leave, show, choose };
  let tapped = "";

  function move(row, at, byKeys) {
    Object.assign(pointing, { row, at, byKeys });
    show(byKeys);
  }

  function leave() {
    Object.assign(pointing, { row: -1, at: null });
    show();
  }

  function read() {
    return readAt(store, entity, viewport.level, pointing.row, pointing.at);
  }

  /** Show the current reading at the point; with `speak` screen readers announce it too. */
  function show(speak = false) {
    const { row, at } = pointing;
    const top = axisHeight + row * rowHeight - parts.scroller.scrollTop;
    const inSight = top > axisHeight - rowHeight && top < parts.scroller.clientHeight;
    const seen = row >= 0 && inSight && at >= viewport.from && at <= viewport.to;
    parts.cursor.hidden = parts.mark.hidden = !seen;
    if (!seen) {
      tooltip.hide();
      return null;
    }
    const reading = read();
    const width = parts.plot.clientWidth;
    const x = (instant) => Math.min(1, Math.max(0, (instant - viewport.from) / viewport.span)) * width;
    parts.cursor.style.transform = `translateX(${x(at)}px)`;
    parts.mark.hidden = reading === null;
    if (reading) {
      parts.mark.className = `timeline-mark ${LOOKS[mainLook(reading)]}`;
      parts.mark.style.transform = `translate(${x(reading.start)}px, ${top}px)`;
      parts.mark.style.width = `${Math.max(2, x(reading.end) - x(reading.start))}px`;
      parts.mark.style.height = `${rowHeight}px`;
    }
    const box = parts.plot.getBoundingClientRect();
    tooltip.show(rows[row].name, reading, { x: box.left + x(at), y: box.top + top }, speak);
    return reading;
  }

  /** Pass the reading at the point to `onSpan`; with `twice` only at the second tap on it: a finger looks first. */
  function choose(twice = false) {
    const reading = pointing.row < 0 ? null : read();
    if (!reading) return;
    const { start, end, state = null } = reading;
    const name = `${pointing.row} ${start}`;
    if (!twice || tapped === name) onSpan?.({ id: rows[pointing.row].id, start, end, state });
    tapped = name;
  }

  return pointing;
}
