// The factory's key figures.

import { element } from "../lib/element.js";
import { count, decimal, hours, percent, range } from "../lib/format.js";

/** Renders the tiles into a `dl`; `workers` are the rows of the worker table. */
export function renderTiles(list, factory, workers) {
  const bounds = utilizationBounds(workers);
  list.replaceChildren(
    tile("Utilization", percent(factory.pooled_utilization_percentage), boundsText(bounds), "lead"),
    tile("Coverage", percent(factory.coverage_percentage), "of the expected time is known"),
    tile("Productive time", hours(factory.total_productive_time_hours), "hours and minutes, all workers"),
    tile("Units", count(factory.total_production_count), "produced"),
    tile("Units per hour", decimal(factory.average_production_rate), "of productive time"),
    tile("Workers", `${count(factory.active_worker_count)} / ${count(factory.worker_count)}`, "active in the period"),
    tile("Stations", `${count(factory.active_station_count)} / ${count(factory.station_count)}`, "active in the period"),
  );
}

/** Utilization of all workers together if all unknown time were idle, or working; null where nothing is known. */
export function utilizationBounds(workers) {
  let [active, idle, unknown] = [0, 0, 0];
  for (const worker of workers) {
    active += worker.total_active_time_hours;
    idle += worker.total_idle_time_hours;
    // Who was never seen in the period may not have been expected: that time bounds nothing.
    if (worker.coverage_percentage > 0) unknown += worker.unknown_time_hours;
  }
  const all = active + idle + unknown;
  if (all <= 0) return { lower: null, upper: null };
  return { lower: (100 * active) / all, upper: (100 * (active + unknown)) / all };
}

function boundsText({ lower, upper }) {
  if (lower === null) return "no worker was seen at work";
  return lower === upper ? "no time was unknown" : `${range(lower, upper)}, whatever the unknown time was`;
}

function tile(label, value, note, kind) {
  return element(
    "div",
    { class: kind ? `tile ${kind}` : "tile" },
    element("dt", {}, label),
    element("dd", { class: "value" }, value),
    element("dd", { class: "note" }, note),
  );
}
