// A row's pixel columns as bars in a frame of pixels.

/** Device pixels of the highest bar. */
export const MOST_HEIGHT = 255;

const HATCH = 6; // thin lines from line to line

/**
 * A frame of device pixels to draw rows into, put on the canvas at once.
 * @param {number} ratio device pixels in a line as thin as one may be
 */
export function createFrame(width, height, ratio) {
  const image = new ImageData(width, height);
  return {
    image,
    pixels: new Uint32Array(image.data.buffer),
    width,
    height,
    mark: Math.max(1, Math.round(ratio)),
    ratio,
  };
}

/**
 * Draw a row. Each state with a share of a column, however small, gets at least one pixel.
 *
 * @param {object} shares of each look in each pixel column; what is missing to 1 stays empty
 * @param {{top: number, height: number, units: number}} place where the bar stands and how high unit ticks under it
 *   grow
 * @param {number} idleHeight the height of a wholly idle column, as a share of the bar
 * @param {number} phase pixels by which the hatch is moved, so that it moves with the time and not with the screen
 */
export function drawRow(frame, shares, place, colours, idleHeight, phase) {
  const [working, idle, unknown, absent] = shares.looks;
  let runStart = 0;
  let run = columnHeights(working[0], idle[0], unknown[0], absent[0], place.height, idleHeight, frame.mark);
  for (let x = 1; x <= shares.width; x += 1) {
    const next =
      x < shares.width
        ? columnHeights(working[x], idle[x], unknown[x], absent[x], place.height, idleHeight, frame.mark)
        : -1;
    if (next !== run) {
      if (run) drawColumns(frame, runStart, x, run, place, colours, phase);
      runStart = x;
      run = next;
    }
  }
  drawUnits(frame, shares.units, place, colours.units);
}

/** The heights of working, idle and unknown in a column, and whether absence shows, packed into one number. */
function columnHeights(working, idle, unknown, absent, height, idleHeight, mark) {
  if (working + idle + unknown === 0) return absent > 0 ? 1 << 24 : 0;
  let first = working > 0 ? Math.max(mark, Math.round(working * height)) : 0;
  let second = idle > 0 ? Math.max(mark, Math.round(idle * height * idleHeight)) : 0;
  let third = unknown > 0 ? Math.max(mark, Math.round(unknown * height)) : 0;
  const excess = first + second + third - (absent > 0 ? height - mark : height);
  if (excess > 0) {
    // The largest state gives pixels to those that would not be seen.
    if (first >= second && first >= third) first -= excess;
    else if (second >= third) second -= excess;
    else third -= excess;
  }
  return first | (second << 8) | (third << 16);
}

function drawColumns(frame, from, to, packed, place, colours, phase) {
  const bottom = place.top + place.height;
  if (packed >> 24) {
    fill(frame, from, to, bottom - 2 * frame.mark, bottom, colours.looks[3]);
    return;
  }
  const top = bottom - (packed & 255);
  fill(frame, from, to, top, bottom, colours.looks[0]);
  const over = top - ((packed >> 8) & 255);
  fill(frame, from, to, over, top, colours.looks[1]);
  const third = packed >> 16;
  // A hatch of two lines' height could fall between its strokes.
  if (third <= 2 * frame.mark) fill(frame, from, to, over - third, over, colours.looks[2]);
  else hatch(frame, from, to, over - third, over, colours, phase);
}

export function fill({ pixels, width, height }, left, right, top, bottom, colour) {
  const last = Math.min(bottom, height);
  for (let y = Math.max(0, top); y < last; y += 1) {
    if (right - left > 12) pixels.fill(colour, y * width + left, y * width + right);
    else for (let at = y * width + left; at < y * width + right; at += 1) pixels[at] = colour;
  }
}

function hatch({ pixels, width, height, mark, ratio }, left, right, top, bottom, colours, phase) {
  const period = Math.round(HATCH * ratio);
  const last = Math.min(bottom, height);
  const line = colours.looks[2];
  for (let y = Math.max(0, top); y < last; y += 1) {
    let step = (((left + y - top + phase) % period) + period) % period;
    for (let at = y * width + left; at < y * width + right; at += 1) {
      pixels[at] = step < mark ? line : colours.tint;
      step = step + 1 === period ? 0 : step + 1;
    }
  }
}

function drawUnits(frame, units, { top, height, units: room }, colour) {
  if (room < 1) return;
  const ground = top + height + frame.mark;
  for (let x = 0; x < units.length; x += 1) {
    if (units[x] > 0)
      fill(
        frame,
        x,
        Math.min(x + frame.mark, units.length),
        ground,
        ground + Math.max(frame.mark, Math.round(units[x] * room)),
        colour,
      );
  }
}
