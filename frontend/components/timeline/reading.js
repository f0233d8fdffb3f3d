// Readings of the timeline, at a point or along a row: exact spans, or columns of an hour or a day.

import { LOOKS, STATES_OF, lookOf, stateOfLook } from "../../lib/states.js";
import { ROWS_A_PIECE } from "./data.js";
import { lastAtOrBefore } from "./shares.js";

const FARTHEST = 8; // pieces to either side in which the ends of a span are looked for

/**
 * The reading of a row, by its index, at an instant; null where nothing is known (not loaded, or in the future).
 *
 * A span: {start, end, startsEarlier, lasts, state, places, units}: `startsEarlier` if its start is not loaded, `lasts`
 * if it goes on (up to now, or beyond what is loaded). A column: {start, end, parts: [{state, seconds, share}], units}.
 * Instants in epoch ms, the share from 0 to 1. A withheld row is one column as long as the piece, without parts.
 */
export function readAt(store, entity, level, index, at) {
  const [{ piece }] = store.plan(level, Math.floor(index / ROWS_A_PIECE), at, at + 1);
  if (!piece || at >= piece.data.end) return null;
  const { withheld } = piece.data.rows[index % ROWS_A_PIECE];
  if (withheld) return { start: piece.from, end: Math.min(piece.to, piece.data.end), parts: [], units: null, withheld };
  return piece.data.columns ? columnAt(piece, entity, index, at) : spanAt(store, piece, entity, index, at);
}

function columnAt({ data }, entity, index, at) {
  const row = data.rows[index % ROWS_A_PIECE];
  const column = lastAtOrBefore(data.columns, at);
  const [start, end] = [data.columns[column], data.columns[column + 1]];
  const parts = STATES_OF[entity].map((state) => {
    const seconds = row.seconds[lookOf(state)][column];
    return { state, seconds, share: Math.min(1, (seconds * 1000) / (end - start)) };
  });
  return { start, end, parts: parts.filter(({ seconds }) => seconds > 0), units: row.units[column] };
}

function spanAt(store, piece, entity, index, at) {
  const row = piece.data.rows[index % ROWS_A_PIECE];
  const first = lastAtOrBefore(row.start, at);
  const span = {
    start: row.start[first],
    end: endOf(piece, row, first),
    startsEarlier: false,
    lasts: false,
    state: stateOfLook(entity, row.look[first]),
    places: placesOf(piece, row, first, entity),
    units: 0,
  };
  span.units = unitsIn(row, span.start, span.end);
  if (first === 0) extendBack(store, piece, entity, index, span);
  if (first === row.start.length - 1) extendOn(store, piece, entity, index, span);
  return span;
}

function extendBack(store, piece, entity, index, span) {
  for (let n = 0, here = piece; ; n += 1) {
    const before = neighbour(store, here, here.from - 1, n);
    span.startsEarlier = before === null;
    if (!before) return;
    const row = before.data.rows[index % ROWS_A_PIECE];
    const last = row.start.length - 1;
    if (!joins(before, row, last, entity, span)) return;
    span.start = row.start[last];
    span.units += unitsIn(row, span.start, here.from);
    if (last > 0) return;
    here = before;
  }
}

function extendOn(store, piece, entity, index, span) {
  for (let n = 0, here = piece; ; n += 1) {
    span.lasts = here.data.end < here.to;
    if (span.lasts) return;
    const after = neighbour(store, here, here.to, n);
    span.lasts = after === null;
    if (!after) return;
    const row = after.data.rows[index % ROWS_A_PIECE];
    if (!joins(after, row, 0, entity, span)) return;
    span.end = endOf(after, row, 0);
    span.units += unitsIn(row, after.from, span.end);
    if (row.start.length > 1) return;
    here = after;
  }
}

/** The exact piece that holds `at`; null if it is not loaded, in which case it is requested. */
function neighbour(store, { chunk }, at, far) {
  const [{ piece }] = store.plan("exact", chunk, at, at + 1);
  if (piece && !piece.data.columns) return piece.data.end > at ? piece : null;
  if (far < FARTHEST) store.ask("exact", chunk, at);
  return null;
}

/** True if the span continues in this interval. The workers at a station may differ: together they were there. */
function joins(piece, row, i, entity, span) {
  if (i < 0 || row.withheld || stateOfLook(entity, row.look[i]) !== span.state) return false;
  const places = placesOf(piece, row, i, entity);
  if (entity === "worker") return places.join() === span.places.join();
  span.places = [...new Set([...span.places, ...places])].sort();
  return true;
}

const endOf = (piece, row, i) => (i + 1 < row.start.length ? row.start[i + 1] : piece.data.end);

function placesOf({ data }, row, i, entity) {
  if (entity === "workstation") return row.place[i].map((place) => data.places[place]);
  return row.place[i] === null ? [] : [data.places[row.place[i]]];
}

function unitsIn({ unitsAt, units }, from, to) {
  let sum = 0;
  for (let i = lastAtOrBefore(unitsAt, from - 1) + 1; i < unitsAt.length && unitsAt[i] < to; i += 1) sum += units[i];
  return sum;
}

/** The readings of a row between two instants in order of time, at most `most` of them. */
export function readRow(store, entity, level, index, from, to, most) {
  const readings = [];
  for (let at = from; at < to && readings.length < most; ) {
    const reading = readAt(store, entity, level, index, at);
    if (!reading || reading.end <= at) break;
    readings.push(reading);
    at = reading.end;
  }
  return readings;
}

/** The number of the look with the largest share of a reading. */
export function mainLook(reading) {
  if (reading.state) return lookOf(reading.state);
  const most = reading.parts.reduce((a, b) => (b.seconds > a.seconds ? b : a), { seconds: -1 });
  return most.state ? lookOf(most.state) : LOOKS.indexOf("absent");
}
