// The comparison that an address names: the two sides, and the questions to the API about each.

import { bucketOf, windowOf } from "../../lib/periods.js";
import { instantGiven, instantOf, wallClock } from "../../lib/zone.js";
import { FIGURES } from "./figures.js";

export const KINDS = ["workers", "workstations", "periods"];
export const AGAINST = ["before", "week", "month", "own"];
const DAYS = { week: -7, month: -28 };
const ENTITIES = ["factory", "worker", "workstation"];
export const PERSONS = ["workers", "worker"]; // the kind and the entity of persons

/**
 * The comparison that an address names. `entity` is "factory", "worker" or "workstation"; a side is {id, period}, its
 * id undefined for the factory and where nothing can be chosen. Without a choice the first two of the registry are
 * taken.
 * @param {{worker: {id}[], workstation: {id}[]}} known the registered ones
 * @param {boolean} persons whether workers can be compared
 * @returns {{kind, entity, against, sides: {a, b}, figure}} `figure` is the one whose course is drawn
 */
export function comparisonOf(place, period, site, known, persons = true) {
  const [kinds, entities] = [KINDS, ENTITIES].map((all) =>
    persons ? all : all.filter((one) => !PERSONS.includes(one)),
  );
  const kind = kinds.includes(place.kind) ? place.kind : kinds[0];
  const against = AGAINST.includes(place.against) ? place.against : AGAINST[0];
  const entity = kind === "periods" ? (entities.includes(place.of) ? place.of : "factory") : kind.slice(0, -1);
  const registered = (n) => known[entity]?.[n]?.id;
  const a = entity === "factory" ? undefined : place.a || registered(0);
  const b = kind === "periods" ? a : place.b || known[entity].map(({ id }) => id).find((id) => id !== a);
  const other = kind === "periods" ? otherPeriod(place, against, period, site.time_zone) : period;
  const figure = FIGURES[entity].find(({ key }) => key === place.metric) ?? FIGURES[entity][0];
  return { kind, entity, against, sides: { a: { id: a, period }, b: { id: b, period: other } }, figure };
}

function otherPeriod({ bfrom, bto }, against, period, zone) {
  const { from, to, before } = period;
  const own = { from: instantGiven(bfrom), to: instantGiven(bto) };
  if (against === "own" && own.from < own.to) return own;
  if (!(against in DAYS)) return before;
  const start = daysFrom(from, DAYS[against], zone);
  return { from: start, to: start + (to - from) };
}

/** The same time of day some days later, in local time. */
function daysFrom(at, days, zone) {
  const { year, month, day, hour, minute } = wallClock(at, zone);
  return instantOf({ year, month, day: day + days, hour, minute }, zone) + (at % 60_000);
}

/**
 * The questions about one side, under names that no other side has.
 * @returns {{figures: string, course: string, queries: Record<string, {path, query}>}}
 */
export function questionsOf({ entity, against, figure, sides }, side, persons) {
  const { id, period } = sides[side];
  const name = `${entity} ${id ?? ""} ${period === sides.a.period ? "" : `${against} ${against === "own" ? `${period.from} ${period.to}` : ""}`}`;
  const figures = `figures ${name}`;
  const course = `course ${name}`;
  const path = entity === "factory" ? "/metrics/factory" : `/metrics/${entity}s/${encodeURIComponent(id)}`;
  const query = { ...windowOf(period), entity, id, metric: figure.field, bucket: bucketOf(sides.a.period, persons) };
  return {
    figures,
    course,
    queries: { [figures]: { path, query: windowOf(period) }, [course]: { path: "/metrics/timeseries", query } },
  };
}
