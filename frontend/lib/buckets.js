// The buckets of a course.

const JUST_NOW = 60_000;

/**
 * The index of the bucket that is not over, whose sums still grow; -1 where there is none.
 * @param {{start: string, end: string}[]} rows of GET /metrics/timeseries
 * @param {{to: string, evaluated_at: string}} window of the same answer
 */
export function runningBucket(rows, window) {
  if (rows.length < 2 || !window || Date.parse(window.evaluated_at) - Date.parse(window.to) > JUST_NOW) return -1;
  const [before, last] = rows.slice(-2).map(({ start, end }) => Date.parse(end) - Date.parse(start));
  return last < before ? rows.length - 1 : -1;
}
