// Local times of a time zone as instants. Instants are milliseconds since the epoch.

const HOUR = 3_600_000;
const formats = new Map();

/** The local date and time of an instant: {year, month (1 to 12), day, hour, minute, second}. */
export function wallClock(at, timeZone) {
  if (!formats.has(timeZone)) {
    const numeric = Object.fromEntries(
      ["year", "month", "day", "hour", "minute", "second"].map((part) => [part, "numeric"]),
    );
    formats.set(timeZone, new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", ...numeric }));
  }
  const parts = formats
    .get(timeZone)
    .formatToParts(at)
    .filter(({ type }) => type !== "literal");
  return Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
}

/**
 * The instant of a local date and time; `day` may lie outside the month. A time skipped by a clock change is taken
 * after it; of a repeated time it is the first.
 */
export function instantOf({ year, month, day, hour = 0, minute = 0 }, timeZone) {
  const asIfUtc = Date.UTC(year, month - 1, day, hour, minute);
  // The offset before the change is right for skipped times and the first of a repeated time, the one after it for all
  // others.
  const before = asIfUtc - offset(asIfUtc - 24 * HOUR, timeZone);
  if (offset(before, timeZone) === asIfUtc - before) return before;
  const after = asIfUtc - offset(asIfUtc + 24 * HOUR, timeZone);
  if (offset(after, timeZone) === asIfUtc - after) return after;
  return firstInstantPast(before, after, timeZone);
}

/** The local time of an instant as a datetime-local input has it, to the minute or to the second. */
export function clockText(at, timeZone, { seconds = false } = {}) {
  const { year, month, day, hour, minute, second } = wallClock(at, timeZone);
  const two = (value) => String(value).padStart(2, "0");
  const text = `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`;
  return seconds ? `${text}:${two(second)}` : text;
}

/** The instant of a datetime-local input's value; null where the input is empty or half filled. */
export function instantTyped(value, timeZone) {
  if (!value) return null;
  const [year, month, day, hour, minute, second = 0] = value.split(/\D/).map(Number);
  return instantOf({ year, month, day, hour, minute }, timeZone) + second * 1000;
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

function offset(at, timeZone) {
  const { year, month, day, hour, minute, second } = wallClock(at, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** The instant at which the clock change between two instants happens. */
function firstInstantPast(a, b, timeZone) {
  let [low, high] = [Math.min(a, b), Math.max(a, b)];
  const old = offset(low - HOUR, timeZone);
  low -= HOUR;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offset(middle, timeZone) === old) low = middle;
    else high = middle;
  }
  return high;
}
