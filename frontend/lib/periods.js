// The periods to choose from, as instants in the factory's time zone (milliseconds since the epoch).

import { instantGiven, instantOf, localMidnight, localWeek, wallClock } from "./zone.js";

export const PERIODS = ["shift", "today", "yesterday", "24h", "week", "custom"];
export const USUAL_PERIOD = "24h";
/** The usual period of a reader who sees no persons: the last whole day. */
export const USUAL_WHOLE_DAY = "yesterday";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * Resolve a chosen period at an instant.
 *
 * `from` and `to` bound it; while it lasts, `to` is now and `live` is true. `before` is the period that it is compared
 * with: the same shift or day before, or the week before, as far as this one has gone; else the period of equal length
 * before. `shift` is the shift where one was asked for.
 * @param {{window: string, from?: string, to?: string}} chosen from and to RFC 3339, for "custom"
 * @param {{time_zone: string, shifts: {name, start, end}[]}} site
 * @returns {{from, to, live, before: {from, to}, shift?}}
 */
export function resolvePeriod(chosen, site, now) {
  const zone = site.time_zone;
  if (chosen.window === "today")
    return lasting(localMidnight(now, zone), localMidnight(now, zone, 1), localMidnight(now, zone, -1), now);
  if (chosen.window === "yesterday")
    return lasting(
      localMidnight(now, zone, -1),
      localMidnight(now, zone),
      localMidnight(now, zone, -2),
      now,
      localMidnight(now, zone, -1),
    );
  if (chosen.window === "week")
    return lasting(localWeek(now, zone), localWeek(now, zone, 1), localWeek(now, zone, -1), now);
  if (chosen.window === "custom" && chosen.from) return customPeriod(chosen, now);
  const shift = chosen.window === "shift" ? latestShift(site, now) : null;
  if (shift) return { ...lasting(shift.from, shift.to, shift.dayBefore, now), shift };
  return lasting(now - DAY, now + 1, now - 2 * DAY, now);
}

function customPeriod({ from, to }, now) {
  const start = instantGiven(from);
  const end = to ? instantGiven(to) : now + 1;
  const length = (start < now ? Math.min(end, now) : end) - start;
  return lasting(start, end, start - length, now);
}

/** `beforeEnd` is for a finished period, which need not be as long as the one before: a day may have 25 hours. */
function lasting(from, end, before, now, beforeEnd) {
  const live = from <= now && now < end;
  const to = live ? now : end;
  return {
    from,
    to,
    live,
    before: { from: before, to: live ? Math.min(from, before + (to - from)) : (beforeEnd ?? before + (to - from)) },
  };
}

/** The current shift, or the last one that began: {name, from, to, dayBefore}; null without shifts. */
function latestShift(site, now) {
  const begun = [];
  for (const { name, start, end } of site.shifts ?? []) {
    for (const day of [0, -1]) {
      const from = atClock(now, day, start, site.time_zone);
      if (from > now) continue;
      const to = atClock(now, end > start ? day : day + 1, end, site.time_zone);
      begun.push({ name, from, to, dayBefore: atClock(now, day - 1, start, site.time_zone) });
      break;
    }
  }
  const on = begun.filter(({ to }) => now < to);
  return (on.length ? on : begun).sort((a, b) => b.from - a.from)[0] ?? null;
}

function atClock(now, days, clock, zone) {
  const { year, month, day } = wallClock(now, zone);
  const [hour, minute] = clock.split(":").map(Number);
  return instantOf({ year, month, day: day + days, hour, minute }, zone);
}

/** The window of a period as parameters of the API: `from` and `to`, RFC 3339 in UTC. */
export const windowOf = ({ from, to }) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });

/**
 * The buckets in which a period's course is drawn: fine enough to see, few enough to read. Who sees no persons is told
 * of whole days only.
 */
export function bucketOf({ from, to }, persons = true) {
  const length = to - from;
  if (!persons) return length <= 370 * DAY ? "day" : "week";
  if (length <= 4 * HOUR) return "15m";
  if (length <= 8 * DAY) return "hour";
  return length <= 370 * DAY ? "day" : "week";
}
