// The reader's place: the view, its window and its filters, kept in the address so that it can be shared.

import { remember, remembered } from "./memory.js";
import { PERIODS, USUAL_PERIOD } from "./periods.js";
import { instantGiven } from "./zone.js";

const FARTHEST = Date.UTC(9999, 0);
const LASTING = ["factory", "window", "from", "to", "lang"]; // kept from view to view

let home = "default";
let usual = USUAL_PERIOD;

/** Set the factory of an address that names none. */
export const setHome = (factory) => {
  home = factory;
};

/** Set the period of an address that names none. */
export const setUsualPeriod = (period) => {
  usual = period;
};

/** The place that an address names: `view`, `window`, `factory` and the rest of its query. */
export function placeOf(address = location) {
  const query = Object.fromEntries(new URLSearchParams(address.search));
  const known = PERIODS.includes(query.window) && (query.window !== "custom" || isPeriod(query));
  const window = known ? query.window : lastWindow();
  return { ...query, factory: query.factory ?? home, window };
}

/** True if `from` and `to` bound a custom period; without `to` it lasts until now. */
function isPeriod({ from, to }) {
  const [start, end] = [instantGiven(from), to === undefined ? Infinity : instantGiven(to)];
  return start < end && Math.abs(start) < FARTHEST && (to === undefined || Math.abs(end) < FARTHEST);
}

/** The address of a place reached from another one: its factory and window are kept unless changed. */
export function addressOf(from, changes) {
  const lasting = Object.fromEntries(LASTING.map((name) => [name, from[name]]));
  return query({ ...lasting, ...changes });
}

/** The address of the same view with something changed. */
export function changedAddress(from, changes) {
  return query({ ...from, ...changes });
}

function query(place) {
  const given = { ...place };
  if (given.factory === home) delete given.factory;
  if (given.window !== "custom") {
    delete given.from;
    delete given.to;
  }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return `?${new URLSearchParams(entries)}`;
}

/** Remember the window for the next visit without one in the address. Custom periods are not remembered. */
export function rememberWindow(window) {
  if (window !== "custom") remember("window", window);
}

function lastWindow() {
  const last = remembered("window");
  return PERIODS.includes(last) && last !== "custom" ? last : usual;
}
