// Local times of a time zone as instants. Instants are milliseconds since the epoch. The rules of a zone are the
// server's: a browser's own may be older, or lack the zone.

const HOUR = 3_600_000;
const known = new Map([["UTC", [{ start: 0, offset: 0, abbreviation: "UTC" }]]]);

/** Take the rules of a zone from the server's answer: {time_zone, offsets: {from, offset_seconds, abbreviation}[]}. */
export function learnZone({ time_zone: zone, offsets }) {
  const rules = offsets.map(({ from, offset_seconds: seconds, abbreviation }) => ({
    start: Date.parse(from),
    offset: seconds * 1000,
    abbreviation,
  }));
  known.set(zone, rules);
}

export const knowsZone = (zone) => known.has(zone);

/** What holds at an instant: the first rule before all, the last one after all. */
function ruleAt(at, timeZone = "UTC") {
  const rules = known.get(timeZone);
  if (!rules) throw new Error(`no rules of the time zone ${timeZone}`);
  let [low, high] = [0, rules.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rules[middle].start <= at) low = middle;
    else high = middle;
  }
  return rules[low];
}

/** The milliseconds to add to UTC to get local time; without a zone it is UTC. */
export const offsetAt = (at, timeZone) => ruleAt(at, timeZone).offset;

/** The zone's short name at an instant, such as CET, or UTC+03 where it has none. */
export function abbreviationAt(at, timeZone) {
  const { abbreviation } = ruleAt(at, timeZone);
  return /^[+-]/.test(abbreviation) ? `UTC${abbreviation}` : abbreviation;
}

/** The local date and time of an instant: {year, month (1 to 12), day, hour, minute, second}. */
export function wallClock(at, timeZone) {
  const local = new Date(Number(at) + offsetAt(at, timeZone));
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
  };
}

/**
 * The instant of an RFC 3339 text; without an offset it is UTC (SPEC section 1), whoever reads it. NaN for others. The +
 * of an offset arrives as a blank where an address has it unescaped; the API takes it alike.
 */
export function instantGiven(given) {
  const text = String(given ?? "").replace(/(T[\d:.]+) (?=\d\d:\d\d$)/i, "$1+");
  return Date.parse(/T[\d:.]+$/i.test(text) ? `${text}Z` : text);
}

/**
 * The instant of a local date and time; `day` may lie outside the month. A time skipped by a clock change is taken
 * after it; of a repeated time it is the first.
 */
export function instantOf({ year, month, day, hour = 0, minute = 0 }, timeZone) {
  const asIfUtc = Date.UTC(year, month - 1, day, hour, minute);
  // The offset before the change is right for skipped times and the first of a repeated time, the one after it for all
  // others.
  const before = asIfUtc - offsetAt(asIfUtc - 24 * HOUR, timeZone);
  if (offsetAt(before, timeZone) === asIfUtc - before) return before;
  const after = asIfUtc - offsetAt(asIfUtc + 24 * HOUR, timeZone);
  if (offsetAt(after, timeZone) === asIfUtc - after) return after;
  return firstInstantPast(before, after, timeZone);
}

/** The local time of an instant as a datetime-local input has it, to the minute or to the second. */
export function clockText(at, timeZone, { seconds = false } = {}) {
  const { year, month, day, hour, minute, second } = wallClock(at, timeZone);
  const two = (value) => String(value).padStart(2, "0");
  const text = `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`;
  return seconds ? `${text}:${two(second)}` : text;
}

/**
 * The instant of a datetime-local input's value; null where the input is empty or half filled. Of a repeated time it is
 * the one with the offset of `near`, if that is given.
 */
export function instantTyped(value, timeZone, near) {
  if (!value) return null;
  const [year, month, day, hour, minute, second = 0] = value.split(/\D/).map(Number);
  const first = instantOf({ year, month, day, hour, minute }, timeZone) + second * 1000;
  if (near === undefined) return first;
  const alike = first + offsetAt(first, timeZone) - offsetAt(near, timeZone);
  return offsetAt(alike, timeZone) === offsetAt(near, timeZone) ? alike : first;
}

/** Whether the clocks show the time of an instant twice. */
export function isRepeated(at, timeZone) {
  const { year, month, day, hour, minute } = wallClock(at, timeZone);
  const first = instantOf({ year, month, day, hour, minute }, timeZone);
  if (Math.abs(at - first) >= 60_000) return true;
  const later = [HOUR / 2, HOUR, 2 * HOUR].map((more) => first + more);
  return later.some((other) => other + offsetAt(other, timeZone) === first + offsetAt(first, timeZone));
}

/** The first instant of the local day that holds `at`, or of one some days later. */
export function localMidnight(at, timeZone, days = 0) {
  const { year, month, day } = wallClock(at, timeZone);
  return instantOf({ year, month, day: day + days }, timeZone);
}

/** Monday's first instant in the local week that holds `at`, or in one some weeks later. */
export function localWeek(at, timeZone, weeks = 0) {
  const { year, month, day } = wallClock(at, timeZone);
  const weekday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
  return localMidnight(at, timeZone, 7 * weeks - weekday);
}

/** The instant at which the clock change between two instants happens. */
function firstInstantPast(a, b, timeZone) {
  let [low, high] = [Math.min(a, b), Math.max(a, b)];
  const old = offsetAt(low - HOUR, timeZone);
  low -= HOUR;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetAt(middle, timeZone) === old) low = middle;
    else high = middle;
  }
  return high;
}
