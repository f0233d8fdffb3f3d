// A figure of a period as its tile shows it: formatted, with its change from the period before and its course.

import { runningBucket } from "../lib/buckets.js";
import { current } from "../lib/session.js";
import { text } from "../lib/texts.js";

/**
 * @param {{field: string, write: Function, unit?: string, relative?: boolean, good?: 1|-1, bounds?: string[]}} tile
 *   `write(format, value)`; `bounds` are the fields with the lower and upper bound of a percentage
 * @param {{figures, before, course}} answers of the API: the figures of the period, of the one before, a series
 * @returns {object} a tile of `createTiles` without key and href
 */
export function figure(tile, { figures, before, course }, format) {
  if (figures.data.withheld)
    return { value: text("withheld.figure"), small: true, note: text("withheld.why", { n: current().k_min }) };
  const value = figures.data[tile.field];
  const shown = {
    value: tile.write(format, value),
    unit: tile.unit ?? "",
    change: change(tile, value, before.data, format),
  };
  if (!tile.bounds) return { ...shown, course: courseOf(tile, course) };
  const [lower, upper] = tile.bounds.map((field) => figures.data[field]);
  return { ...shown, band: { lower, value, upper }, note: bounded(value, lower, upper, format) };
}

/** The values of the buckets; the sums of one that is not over would end every line in a fall. */
function courseOf(tile, { data, window }) {
  const running = runningBucket(data, window);
  return data.filter((_, n) => n !== running).map(({ values }) => values[tile.field]);
}

const LEAST_COVERAGE = 50; // percent; of less is known too little to compare with
const LARGE = 200; // percent; what is more is told as a factor

/**
 * The change from the figures of the period before, in percent where `relative`, else in percentage points.
 * @returns {{text: string, look: string}} `good` is -1 where less is better; `look` are classes for direction and
 *   judgement
 */
export function change({ field, relative, good = 1 }, value, figuresBefore, format) {
  const before = figuresBefore[field];
  if (value === null || before === null || (relative && before === 0)) return { text: "", look: "" };
  if ((figuresBefore.coverage_percentage ?? 0) < LEAST_COVERAGE) return { text: text("tiles.no_base"), look: "" };
  const difference = relative ? ((value - before) / before) * 100 : value - before;
  const size = relative ? format.percent : (points) => text("tiles.points", { n: format.decimal(points) });
  const isLarge = relative && Math.abs(difference) > LARGE;
  const signed = isLarge ? `× ${format.decimal(value / before)}` : format.signed(difference, size);
  const look = signed.startsWith("±")
    ? ""
    : `${difference > 0 ? "up" : "down"} ${difference * good > 0 ? "better" : "worse"}`;
  return { text: text("tiles.against", { change: signed }), look };
}

function bounded(value, lower, upper, format) {
  if (lower === null || upper === null) return "";
  return lower === upper && value !== null
    ? text("tiles.no_unknown")
    : text("tiles.bounds", { range: format.range(lower, upper) });
}
