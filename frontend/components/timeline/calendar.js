// The calendar of a time zone: local days and the instants at which a clock on the wall shows round times.

import { instantOf, offsetAt } from "../../lib/zone.js";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** All instants are epoch milliseconds; a day is the number of a civil date, counted from 1970-01-01. */
export function createCalendar(timeZone) {
  const midnights = new Map();

  const offset = (at) => offsetAt(at, timeZone);
  const dayOf = (at) => Math.floor((at + offset(at)) / DAY);

  /** The first instant of a local day. */
  function midnight(day) {
    if (!midnights.has(day)) midnights.set(day, instantOf({ year: 1970, month: 1, day: 1 + day }, timeZone));
    return midnights.get(day);
  }

  /**
   * Instants in [from, to) whose local time is a multiple of `step` (below a day), both of a repeated hour included.
   */
  function times(from, to, step) {
    const found = [];
    const stride = Math.min(step, 30 * MINUTE);
    for (let day = dayOf(from); midnight(day) < to; day += 1) {
      const [start, end] = [midnight(day), Math.min(midnight(day + 1), to)];
      for (let at = start + Math.max(0, Math.ceil((from - start) / stride)) * stride; at < end; at += stride) {
        if ((at + offset(at)) % step === 0 || at === start) found.push(at);
      }
    }
    return found;
  }

  /** The beginnings, in [from, to), of those local days that `chosen` takes by their date (a Date in UTC). */
  function days(from, to, chosen) {
    const found = [];
    for (let day = dayOf(from); midnight(day) < to; day += 1) {
      if (midnight(day) >= from && chosen(new Date(day * DAY))) found.push(midnight(day));
    }
    return found;
  }

  return { dayOf, midnight, times, days };
}
