// The worker and workstation tables.

import { element } from "../lib/element.js";
import { count, decimal, hours, percent, range } from "../lib/format.js";

// What is asked for first stands first: a phone shows the others when the table is moved.
const WORKER_COLUMNS = [
  ["Utilization", (row) => meter(row.utilization_percentage)],
  ["Units", (row) => count(row.total_units_produced)],
  ["Units / h", (row) => decimal(row.units_per_hour)],
  ["Working", (row) => hours(row.total_active_time_hours)],
  ["Idle", (row) => hours(row.total_idle_time_hours)],
  ["Absent", (row) => hours(row.total_absent_time_hours)],
  ["Unknown", (row) => hours(row.unknown_time_hours)],
  ["Coverage", (row) => percent(row.coverage_percentage)],
  ["Lower to upper", (row) => range(row.utilization_lower_percentage, row.utilization_upper_percentage)],
];

const STATION_COLUMNS = [
  ["Utilization", (row) => meter(row.utilization_percentage)],
  ["Units", (row) => count(row.total_units_produced)],
  ["Units / h", (row) => decimal(row.throughput_rate)],
  ["Occupied", (row) => hours(row.occupancy_time_hours)],
  ["Working", (row) => hours(row.productive_time_hours)],
  ["Productive", (row) => percent(row.productive_percentage)],
];

export function renderWorkers(place, rows) {
  place.replaceChildren(table("Worker", WORKER_COLUMNS, rows, (row) => [row.name, row.worker_id]));
}

export function renderStations(place, rows) {
  place.replaceChildren(
    table("Workstation", STATION_COLUMNS, rows, (row) => [row.name, [row.workstation_id, row.type].filter(Boolean).join(" · ")]),
  );
}

function table(first, columns, rows, title) {
  if (!rows.length) return element("p", { class: "empty" }, "None registered yet. The first event that names one registers it.");
  const head = element("tr", {}, element("th", { scope: "col" }, first));
  for (const [label] of columns) head.append(element("th", { scope: "col", class: "number" }, label));
  const body = element("tbody");
  for (const row of rows) {
    const [name, detail] = title(row);
    const heading = element("th", { scope: "row" }, element("span", { class: "name" }, name));
    if (detail !== name) heading.append(element("span", { class: "detail" }, detail));
    const line = element("tr", {}, heading);
    for (const [, show] of columns) line.append(element("td", { class: "number" }, show(row)));
    body.append(line);
  }
  return element("table", {}, element("thead", {}, head), body);
}

/** A percentage with a bar; the bar repeats the figure and is hidden from screen readers. */
function meter(value) {
  const box = element("span", { class: "meter" }, element("span", {}, percent(value)));
  const bar = element("span", { class: value === null ? "bar none" : "bar", "aria-hidden": "true" });
  if (value !== null) {
    const fill = element("span");
    fill.style.inlineSize = `${Math.min(100, value)}%`;
    bar.append(fill);
  }
  box.append(bar);
  return box;
}
