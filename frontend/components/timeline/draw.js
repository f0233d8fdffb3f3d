// One frame of the canvas: the rows in sight, the grid under them, the time axis above them.

import { serverNow } from "../../lib/api.js";
import { addRow, clearShares, createShares } from "./shares.js";
import { MOST_HEIGHT, createFrame, drawRow, fill } from "./bars.js";
import { ROWS_A_PIECE } from "./data.js";

const EXACT_IDLE = 0.6; // an idle bar is lower than a working one, so that colour alone does not tell them apart

/** A painter for a canvas; it keeps its buffers from frame to frame. */
export function createPainter(canvas) {
  const context = canvas.getContext("2d");
  let frame;
  let shares;

  /**
   * @param {{width, height, axisHeight, ratio, zoom, rowHeight, scrollTop, first, last}} place sizes in CSS pixels,
   *   device pixels in one of them, what 1rem has of 16 of them; rows in sight
   * @param {object} scene {viewport, store, colours, axis, font, selected, hovered}
   */
  return function paint(place, scene) {
    const width = Math.max(1, Math.round(place.width * place.ratio));
    const axis = Math.round(place.axisHeight * place.ratio);
    const height = Math.max(1, Math.round(place.height * place.ratio) - axis);
    if (canvas.width !== width || canvas.height !== height + axis)
      Object.assign(canvas, { width, height: height + axis });
    const ratio = place.ratio * place.zoom;
    if (frame?.width !== width || frame.height !== height || frame.ratio !== ratio) {
      frame = createFrame(width, height, ratio);
      shares = createShares(width);
    }
    frame.pixels.fill(0);
    context.clearRect(0, 0, width, height + axis);
    drawRows(frame, shares, place, scene);
    context.putImageData(frame.image, 0, axis);
    drawGround(context, width, height + axis, axis, place, scene);
    drawAxis(context, width, axis, place, scene);
  };
}

function drawRows(frame, shares, place, { viewport, store, colours }) {
  const view = { from: viewport.from, scale: frame.width / viewport.span };
  const phase = Math.round((viewport.from * view.scale) % 1e6);
  const { rowHeight, ratio } = place;
  const idleHeight = viewport.level === "exact" ? EXACT_IDLE : 1;
  const bar = {
    top: 0,
    height: Math.min(MOST_HEIGHT, Math.round(rowHeight * 0.58 * ratio)),
    units: Math.round(rowHeight * 0.15 * ratio),
  };
  for (let row = place.first, plan; row <= place.last; row += 1) {
    if (row === place.first || row % ROWS_A_PIECE === 0) {
      plan = store.plan(viewport.level, Math.floor(row / ROWS_A_PIECE), viewport.from, viewport.to);
    }
    bar.top = Math.round((row * rowHeight + rowHeight * 0.12 - place.scrollTop) * ratio);
    clearShares(shares);
    for (const { piece, from, to } of plan) {
      if (piece) addRow(shares, piece.data, row % ROWS_A_PIECE, from, to, view, store.mostUnits[piece.level]);
      else drawWaiting(frame, bar, from, Math.min(to, serverNow()), view, colours);
    }
    drawRow(frame, shares, bar, colours, idleHeight, phase);
  }
}

function drawWaiting(frame, { top, height }, from, to, view, colours) {
  const left = Math.max(0, Math.round((from - view.from) * view.scale));
  const right = Math.min(frame.width, Math.round((to - view.from) * view.scale));
  if (right > left)
    fill(frame, left, right, top + Math.round(height * 0.35), top + Math.round(height * 0.65), colours.waiting);
}

/** Draw the grid under the bars; drawn last, where they left room. */
function drawGround(
  context,
  width,
  height,
  axis,
  place,
  { viewport, store, colours, axis: { minor, major }, selected, hovered },
) {
  const { css } = colours;
  const thin = Math.max(1, Math.round(place.ratio));
  const x = (at) => Math.round(((at - viewport.from) / viewport.span) * width);
  const rowTop = (row) => axis + Math.round((row * place.rowHeight - place.scrollTop) * place.ratio);
  context.save();
  context.beginPath();
  context.rect(0, axis, width, height - axis);
  context.clip();
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = css.accent;
  if (store.liveEnd > viewport.from && store.liveEnd < viewport.to)
    context.fillRect(x(store.liveEnd), axis, thin, height);
  context.fillStyle = css.quiet;
  context.globalAlpha = 0.45;
  for (const { at } of major.slice(1)) context.fillRect(x(at), axis, thin, height);
  context.globalAlpha = 1;
  context.fillStyle = css.line;
  for (let row = place.first; row <= place.last; row += 1) context.fillRect(0, rowTop(row + 1) - thin, width, thin);
  context.globalAlpha = 0.7;
  for (const { at } of minor) context.fillRect(x(at), axis, thin, height);
  context.globalAlpha = 1;
  context.fillStyle = css.sunken;
  for (const row of new Set([selected, hovered])) {
    if (row >= place.first && row <= place.last)
      context.fillRect(0, rowTop(row), width, Math.round(place.rowHeight * place.ratio));
  }
  context.restore();
}

function drawAxis(
  context,
  width,
  height,
  place,
  { viewport, colours: { css }, axis: { minor, major, stretches }, font },
) {
  const x = (at) => ((at - viewport.from) / viewport.span) * width;
  const thin = Math.max(1, Math.round(place.ratio));
  const part = height / 40; // the sizes below are meant for an axis of 40
  const gap = 4 * part;
  context.textBaseline = "middle";
  context.font = `${11 * part}px ${font}`;
  context.fillStyle = css.quiet;
  for (const { at, label } of minor) {
    const left = Math.round(x(at));
    const length = (stretches ? 16 : 4) * part;
    context.fillRect(left, height - length, thin, length);
    const size = context.measureText(label).width;
    const start = stretches ? left + gap : left - size / 2; // a day's name stands in the day, a time at its instant
    if (start >= 0 && start + size <= width) context.fillText(label, start, height - 11 * part);
  }
  context.font = `600 ${11.5 * part}px ${font}`;
  major.forEach(({ at, label }, i) => {
    const left = Math.round(x(at));
    const room = (i + 1 < major.length ? x(major[i + 1].at) : width) - left;
    context.fillStyle = css.quiet;
    if (i > 0) context.fillRect(left, 0, thin, height);
    context.fillStyle = css.text;
    if (context.measureText(label).width + 2 * gap <= room) context.fillText(label, left + gap, 10 * part);
  });
  context.fillStyle = css.line;
  context.fillRect(0, height - thin, width, thin);
}
