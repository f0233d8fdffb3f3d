// Values to text in the reader's locale. What is unknown (null) is a dash, never 0.

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const count = (value) => (known(value) ? whole.format(value) : UNKNOWN);
export const decimal = (value) => (known(value) ? oneDigit.format(value) : UNKNOWN);
export const percent = (value) => (known(value) ? `${oneDigit.format(value)} %` : UNKNOWN);

/** Hours as hours and minutes: 7.5 is "7:30", 90 seconds "0:02". */
export function hours(value) {
  if (!known(value)) return UNKNOWN;
  const minutes = Math.round(value * 60);
  return `${whole.format(Math.floor(minutes / 60))}:${String(minutes % 60).padStart(2, "0")}`;
}

/** Two percentages as a range, one figure when both are shown alike. */
export function range(lower, upper) {
  if (!known(lower) || !known(upper)) return UNKNOWN;
  const [from, to] = [oneDigit.format(lower), oneDigit.format(upper)];
  return from === to ? `${to} %` : `${from} to ${to} %`;
}

/** An instant in the factory's time zone, with seconds and the zone's short name where asked for. */
export function instant(text, timeZone, { seconds = false, zone = false } = {}) {
  return new Intl.DateTimeFormat(undefined, {
    timeZone,
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
    ...(zone ? { timeZoneName: "short" } : {}),
  }).format(new Date(text));
}
