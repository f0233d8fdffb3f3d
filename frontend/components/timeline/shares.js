// Time to pixels: the share of each pixel column that a row spends in each state.

/** The index of the last value that is not above `value` in ascending `values`; -1 if all are. */
export function lastAtOrBefore(values, value, length = values.length) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A reusable row of pixel columns: `looks` holds the share (0 to 1) of each look, `units` the height of unit ticks. */
export function createShares(width) {
  return { width, looks: [0, 1, 2, 3].map(() => new Float32Array(width)), units: new Float32Array(width) };
}

export function clearShares(shares) {
  for (const share of shares.looks) share.fill(0);
  shares.units.fill(0);
}

/**
 * Add the data of row `index` of a decoded answer between `from` and `to`.
 * @param {{from: number, scale: number}} view the instant at the left edge, and pixel columns per millisecond
 * @param {number} mostUnits units of a column that make a full tick
 */
export function addRow(shares, data, index, from, to, view, mostUnits) {
  const until = Math.min(to, data.end);
  if (until <= from) return;
  if (data.columns) addColumns(shares, data.rows[index], data.columns, from, until, view, mostUnits);
  else addSpans(shares, data.rows[index], from, until, view);
}

function addSpans(shares, row, from, to, view) {
  const { start, look, unitsAt } = row;
  for (let i = Math.max(0, lastAtOrBefore(start, from)); i < start.length && start[i] < to; i += 1) {
    const end = i + 1 < start.length ? start[i + 1] : to;
    addPiece(shares.looks[look[i]], Math.max(start[i], from), Math.min(end, to), 1, view, shares.width);
  }
  for (let i = lastAtOrBefore(unitsAt, from - 1) + 1; i < unitsAt.length && unitsAt[i] < to; i += 1) {
    const column = Math.floor((unitsAt[i] - view.from) * view.scale);
    if (row.units[i] > 0 && column >= 0 && column < shares.width) shares.units[column] = 1;
  }
}

function addColumns(shares, row, columns, from, to, view, mostUnits) {
  for (let i = Math.max(0, lastAtOrBefore(columns, from)); i + 1 < columns.length && columns[i] < to; i += 1) {
    const [start, end] = [Math.max(columns[i], from), Math.min(columns[i + 1], to)];
    const length = (columns[i + 1] - columns[i]) / 1000;
    for (let look = 0; look < 4; look += 1) {
      const seconds = row.seconds[look][i];
      if (seconds > 0) addPiece(shares.looks[look], start, end, Math.min(1, seconds / length), view, shares.width);
    }
    if (row.units[i] > 0) raise(shares.units, start, end, row.units[i] / mostUnits, view, shares.width);
  }
}

/** Add `weight` times the share of [start, end) in each pixel column that it touches. */
function addPiece(share, start, end, weight, view, width) {
  const left = Math.max(0, (start - view.from) * view.scale);
  const right = Math.min(width, (end - view.from) * view.scale);
  if (right <= left) return;
  const first = Math.floor(left);
  const last = Math.floor(right);
  if (first === last) {
    share[first] += (right - left) * weight;
    return;
  }
  share[first] += (first + 1 - left) * weight;
  for (let column = first + 1; column < last; column += 1) share[column] += weight;
  if (last < width) share[last] += (right - last) * weight;
}

function raise(heights, start, end, height, view, width) {
  const first = Math.max(0, Math.round((start - view.from) * view.scale));
  const last = Math.min(width, Math.max(first + 1, Math.round((end - view.from) * view.scale)));
  for (let column = first; column < last; column += 1) if (heights[column] < height) heights[column] = height;
}
