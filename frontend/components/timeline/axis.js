// The time axis: ticks at round local times, days or months, and the day, month or year around them.

import { writeLocal } from "../../lib/format.js";
import { DAY, HOUR, MINUTE, SECOND } from "./calendar.js";

const month = (day) => day.getUTCDate() === 1;
const YEARS = { chosen: (day) => month(day) && day.getUTCMonth() === 0, label: { year: "numeric" } };
const MONTHS = { chosen: month, label: { month: "long", year: "numeric" } };
const DAYS = { chosen: () => true, label: { weekday: "short", day: "numeric", month: "short" } };
const CLOCK = { hour: "2-digit", minute: "2-digit" };

/**
 * Each kind of tick: about how long it takes, the room that its label needs (CSS pixels, where 1rem is 16), and what it
 * lies in.
 */
const TICKS = [
  ...[1, 2, 5, 15, 30].map((n) => ({
    length: n * SECOND,
    room: 72,
    label: { ...CLOCK, second: "2-digit" },
    within: DAYS,
  })),
  ...[1, 2, 5, 15, 30].map((n) => ({ length: n * MINUTE, room: 54, label: CLOCK, within: DAYS })),
  ...[1, 2, 3, 6, 12].map((n) => ({ length: n * HOUR, room: 54, label: CLOCK, within: DAYS })),
  { length: DAY, room: 56, label: { weekday: "short", day: "numeric" }, within: MONTHS, chosen: () => true },
  { length: DAY, room: 26, label: { day: "numeric" }, within: MONTHS, chosen: () => true },
  { length: 2 * DAY, room: 26, label: { day: "numeric" }, within: MONTHS, chosen: (day) => (day / DAY) % 2 === 0 },
  {
    length: 7 * DAY,
    room: 54,
    label: { day: "numeric", month: "short" },
    within: YEARS,
    chosen: (day) => day.getUTCDay() === 1,
  },
  { length: 30 * DAY, room: 40, label: { month: "short" }, within: YEARS, chosen: month },
  {
    length: 91 * DAY,
    room: 40,
    label: { month: "short" },
    within: YEARS,
    chosen: (day) => month(day) && day.getUTCMonth() % 3 === 0,
  },
  { length: 365 * DAY, room: 1, within: YEARS, ...YEARS },
];

/**
 * The axis of a view that is `width` CSS pixels wide, where 1rem is 16.
 * @returns {{minor: {at, label}[], major: {at, label}[], stretches: boolean}} the first major tick names the day, month
 *   or year in which the view begins; `stretches` is true where minor labels name days or months, not instants
 */
export function axisOf({ from, to }, width, calendar, timeZone) {
  const tick = TICKS.find(({ length, room }) => (length / (to - from)) * width >= room) ?? TICKS.at(-1);
  const minor = tick.chosen ? calendar.days(from, to, tick.chosen) : calendar.times(from, to, tick.length);
  const major = calendar.days(from + 1, to, tick.within.chosen);
  return {
    minor: minor.map((at) => ({ at, label: writeLocal(at, timeZone, tick.label) })),
    stretches: tick.chosen !== undefined,
    major: [from, ...major].map((at) => ({ at, label: writeLocal(at, timeZone, tick.within.label) })),
  };
}
