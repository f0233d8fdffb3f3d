// The part of the window in view, and the level of detail that it needs.

import { DAY, SECOND } from "./calendar.js";

const CLOSEST = 20 * SECOND;
const EXACT_UP_TO = 3.05 * DAY; // three days, one of which may have 25 hours
const HOURS_UP_TO = 60.05 * DAY;

/** An empty window is shown as one that has just begun. */
const lasting = ({ from, to }) => ({ from, to: Math.max(to, from + CLOSEST) });

/** The part of `window` ({from, to} in epoch ms) in view; it never leaves the window. */
export class Viewport {
  constructor(window) {
    this.window = lasting(window);
    this.reset();
  }

  get span() {
    return this.to - this.from;
  }

  /** A name that differs from view to view. */
  get name() {
    return `${this.from} ${this.to}`;
  }

  get isWhole() {
    return this.from === this.window.from && this.to === this.window.to;
  }

  /** "exact", "hour" or "day". */
  get level() {
    if (this.span <= EXACT_UP_TO) return "exact";
    return this.span <= HOURS_UP_TO ? "hour" : "day";
  }

  reset() {
    this.from = this.window.from;
    this.to = this.window.to;
  }

  /** Change the window; the view stays as far as the window contains it. */
  show(window) {
    const whole = this.isWhole;
    this.window = lasting(window);
    if (whole || this.to <= window.from || this.from >= window.to) this.reset();
    else this.#place(this.from, this.span);
  }

  /** `factor` below 1 shows less, more finely; the instant `at` keeps its place on the screen. */
  zoom(factor, at) {
    const whole = this.window.to - this.window.from;
    const span = Math.min(Math.max(this.span * factor, Math.min(CLOSEST, whole)), whole);
    this.#place(at - ((at - this.from) / this.span) * span, span);
  }

  pan(by) {
    this.#place(this.from + by, this.span);
  }

  /** Move an instant as near to the middle as the window allows. */
  centre(at) {
    this.#place(at - this.span / 2, this.span);
  }

  #place(from, span) {
    const { from: first, to: last } = this.window;
    const length = Math.min(span, last - first);
    this.from = Math.max(first, Math.min(from, last - length));
    this.to = this.from + length;
  }
}
