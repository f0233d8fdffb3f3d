// The API's answers as typed arrays, ready to be drawn.

import { LOOKS, STATES_OF, lookOf } from "../../lib/states.js";

const ABSENT = LOOKS.indexOf("absent");
const UNKNOWN = LOOKS.indexOf("unknown");

/**
 * An answer of GET /metrics/timeline.
 * @returns {{end: number, weight: number, columns: Float64Array|null, places: string[], mostUnits: number, rows:
 *   object[]}} `end`: the instant up to which it is known (epoch ms, cut at now); `columns`: the starts of the buckets
 *   and, last, their end; `weight`: how many numbers it holds. A row of an exact answer is {start, look, place,
 *   unitsAt, units}; one of columns {seconds: four arrays by look, units}. A row that is `withheld` has nothing in it.
 */
export function decode(answer, entity) {
  const end = Date.parse(answer.window.to);
  if (!answer.columns) {
    const looks = Uint8Array.from(answer.states, lookOf);
    const rows = answer.data.map((row) => exactRow(row, looks, entity));
    const weight = rows.reduce((sum, { start, units }) => sum + 3 * start.length + 2 * units.length, 0);
    return { end, weight, columns: null, places: answer.workstations ?? answer.workers, mostUnits: 0, rows };
  }
  const columns = Float64Array.from([...answer.columns, end]);
  const rows = answer.data.map((row) => columnRow(row, columns, entity));
  const mostUnits = rows.reduce((most, { units }) => units.reduce((a, b) => Math.max(a, b), most), 0);
  return { end, weight: rows.length * columns.length * 5, columns, places: [], mostUnits, rows };
}

const NOTHING = { start: [], state: [], workers: [], units_at: [], units: [] };

function exactRow(given, looks, entity) {
  const row = given.withheld ? NOTHING : given;
  return {
    withheld: given.withheld === true,
    start: Float64Array.from(row.start),
    look: Uint8Array.from(row.state, (state) => looks[state]),
    place: entity === "worker" ? row.workstation : row.workers,
    unitsAt: Float64Array.from(row.units_at),
    units: Float64Array.from(row.units),
  };
}

function columnRow(row, columns, entity) {
  const count = columns.length - 1;
  const seconds = LOOKS.map(() => new Float64Array(count));
  if (row.withheld) return { withheld: true, seconds, units: new Float64Array(count) };
  for (const state of STATES_OF[entity]) if (row[state]) seconds[lookOf(state)].set(row[state]);
  const rest = seconds[entity === "worker" ? UNKNOWN : ABSENT];
  for (let i = 0; i < count; i += 1) {
    let left = Math.round((columns[i + 1] - columns[i]) / 1000);
    let states = 0;
    for (const known of seconds) {
      left -= known[i];
      if (known[i] > 0) states += 1;
    }
    // Two or three rounded times can miss their sum by a second: that one second is no state of its own.
    if (left > (states > 1 ? 1 : 0)) rest[i] = left;
  }
  return { withheld: false, seconds, units: Float64Array.from(row.units) };
}
