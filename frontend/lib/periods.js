// The periods that can be chosen, as the start that the API is asked for.

const HOUR = 3_600_000;

export const PERIODS = { today: "today", "24h": "24h", "7d": "7d", all: "all" };

/**
 * The `from` of a period that ends now; undefined for everything there is.
 * "today" begins at local midnight in the factory's time zone, "7d" is seven times 24 hours.
 */
export function periodStart(period, now, timeZone) {
  if (period === "24h") return new Date(now - 24 * HOUR).toISOString();
  if (period === "7d") return new Date(now - 7 * 24 * HOUR).toISOString();
  if (period === "today") return localMidnight(now, timeZone).toISOString();
  return undefined;
}

/** The first instant of the local day that holds `now`. */
export function localMidnight(now, timeZone) {
  const { year, month, day } = wallClock(now, timeZone);
  const asIfUtc = Date.UTC(year, month - 1, day);
  // The offset at midnight may differ from the one now (clock change): ask again at the first guess.
  let guess = asIfUtc - offset(now, timeZone);
  guess = asIfUtc - offset(guess, timeZone);
  // Where midnight itself is skipped, the guess lies on the day before: the day begins an hour later.
  return new Date(wallClock(guess, timeZone).day === day ? guess : guess + HOUR);
}

function offset(at, timeZone) {
  const { year, month, day, hour, minute, second } = wallClock(at, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

function wallClock(at, timeZone) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return Object.fromEntries(format.formatToParts(at).filter(({ type }) => type !== "literal").map(({ type, value }) => [type, Number(value)]));
}
