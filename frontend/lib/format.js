// Values to text in the reader's locale and the factory's time zone. An unknown value (null) is a dash, never 0.

import { locale } from "./texts.js";
import { abbreviationAt, offsetAt, wallClock } from "./zone.js";

export const UNKNOWN = "–";

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
const numbers = new Map();
const dates = new Map();

function number(value, options) {
  const name = `${locale()} ${JSON.stringify(options)}`;
  if (!numbers.has(name)) numbers.set(name, new Intl.NumberFormat(locale(), options));
  return numbers.get(name).format(value);
}

const digits = (n) => ({ minimumFractionDigits: n, maximumFractionDigits: n });

export const count = (value) => (known(value) ? number(value, digits(0)) : UNKNOWN);
export const decimal = (value) => (known(value) ? number(value, digits(1)) : UNKNOWN);
export const percent = (value) => (known(value) ? `${number(value, digits(1))} %` : UNKNOWN);

/** A difference with its sign; `write` formats its size. */
export function signed(value, write) {
  if (!known(value)) return UNKNOWN;
  const size = write(Math.abs(value));
  const sign = size === write(0) ? "±" : value > 0 ? "+" : "−";
  return `${sign}${size}`;
}

/** Hours as hours and minutes: 7.5 is "7:30", 90 seconds "0:02". */
export function hours(value) {
  if (!known(value)) return UNKNOWN;
  const minutes = Math.round(value * 60);
  return `${number(Math.floor(minutes / 60), digits(0))}:${String(minutes % 60).padStart(2, "0")}`;
}

/** A length of time in seconds, in its two largest units: "2 h 05 min", "3 min 12 s", "8 s". */
export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  if (whole >= 86_400) return `${count(Math.floor(whole / 86_400))} d ${two(Math.floor((whole % 86_400) / 3600))} h`;
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return seconds > 0 && whole === 0 ? "< 1 s" : `${whole} s`;
}

/** A length of time that is still growing: in minutes, so that it does not change with every look. */
export const minutes = (seconds) => (seconds < 3600 ? `${Math.floor(seconds / 60)} min` : duration(seconds));

/** Two percentages as a range, one figure when both are shown alike. */
export function range(lower, upper) {
  if (!known(lower) || !known(upper)) return UNKNOWN;
  const [from, to] = [lower, upper].map((value) => number(value, digits(1)));
  return from === to ? `${to} %` : `${from}–${to} %`;
}

const DATE = { weekday: "short", day: "numeric", month: "short" };

/** "9:05 AM" where the day has two halves, "09:05" where it has 24 hours. */
function clock({ seconds = false } = {}) {
  const { hour12 } = new Intl.DateTimeFormat(locale(), { hour: "numeric" }).resolvedOptions();
  return { hour: hour12 ? "numeric" : "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }) };
}

/**
 * Dates and times of one time zone. Instants are milliseconds or RFC 3339 texts.
 * @returns {{date, time, dateTime, zone, timeZone}}
 */
export function inZone(timeZone) {
  const write = (at, options) => {
    if (at === null || at === undefined) return UNKNOWN;
    return writeLocal(typeof at === "string" ? Date.parse(at) : Number(at), timeZone, options);
  };
  return {
    date: (at, options = {}) => write(at, { ...DATE, ...(at && yearOf(at, timeZone)), ...options }),
    time: (at, options) => write(at, clock(options)),
    dateTime: (at, options) => write(at, { day: "numeric", month: "short", year: "numeric", ...clock(options) }),
    zone: (at) => abbreviationAt(at, timeZone),
    timeZone,
  };
}

/** The local date or time of an instant, as Intl writes a UTC time that shows the same. */
export function writeLocal(at, timeZone, options) {
  const name = `${locale()} ${JSON.stringify(options)}`;
  if (!dates.has(name)) dates.set(name, new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }));
  return dates.get(name).format(at + offsetAt(at, timeZone));
}

/** The year is written where it is not this one in the zone. */
function yearOf(at, timeZone) {
  const { year } = wallClock(typeof at === "string" ? Date.parse(at) : Number(at), timeZone);
  return year !== wallClock(Date.now(), timeZone).year ? { year: "numeric" } : {};
}
