// All workers with their state now and the figures of the period.

import { field, figure, named, percentage, ratio, sum, time } from "../components/columns.js";
import { createListing } from "../components/listing.js";
import { STATES_OF } from "../lib/states.js";
import { text } from "../lib/texts.js";
import { windowOf } from "../lib/periods.js";

export const workers = {
  title: ({ text }) => text("views.workers"),

  queries: ({ period }) => ({
    workers: { path: "/metrics/workers", query: windowOf(period) },
    factory: { path: "/metrics/factory", query: windowOf(period) },
  }),

  create(context) {
    let all; // the figures of the factory
    let count = 0; // and the number of its workers
    const own = (rows) => (rows.length === count ? all : null);
    const listing = createListing(context, {
      view: "workers",
      columns: columnsOf(context, own),
      states: STATES_OF.worker,
    });
    return {
      node: listing.node,
      show({ answers, place }) {
        const at = Date.parse(answers.now.timestamp);
        const now = new Map(answers.now.data.workers.map((worker) => [worker.worker_id, worker]));
        const rows = answers.workers.data.map((row) => rowOf(row, now.get(row.worker_id), at));
        [all, count] = [answers.factory.data, rows.length];
        listing.show(rows, place);
      },
    };
  },
};

/** A worker's figures with the state now; a worker registered a moment ago may be in only one of the answers. */
const rowOf = (row, now, at) => ({
  ...row,
  id: row.worker_id,
  state: now?.state ?? "unknown",
  station: now?.workstation_id ?? null,
  since: now?.since ?? null,
  lasts: now?.since ? Math.max(0, (at - Date.parse(now.since)) / 1000) : null, // seconds
});

/** `own` returns the factory's figures where the rows are all of its workers: they are not sums of rounded figures. */
function columnsOf({ format, link }, own) {
  const active = (rows) => sum(rows, "total_active_time_hours");
  const units = (rows) => sum(rows, "total_units_produced");
  const total = (write, key, made) => (rows) => write((own(rows) ?? { [key]: made(rows) })[key]);
  const utilization = (rows) => percentage(active(rows), active(rows) + sum(rows, "total_idle_time_hours"));
  const into =
    (state) =>
    ({ id }) =>
      link({ view: "worker", id, list: "intervals", state });
  const intoUnits = ({ id }) => link({ view: "worker", id, list: "units" });
  const bounds = ({ utilization_lower_percentage: lower, utilization_upper_percentage: upper }) => [lower, upper];
  return [
    named(text("columns.worker"), ({ id }) => link({ view: "worker", id })),
    {
      key: "state",
      title: text("columns.state"),
      type: "text",
      value: ({ state }) => state,
      write: ({ state }) => text(`states.${state}`),
      note: ({ station, lasts }) => [station, lasts !== null && format.duration(lasts)].filter(Boolean).join(" · "),
      state: ({ state }) => state,
      order: ({ state }) => STATES_OF.worker.indexOf(state),
      exports: [
        { ...field("state", "", "text"), value: ({ state }) => text(`states.${state}`) },
        field("since", "", "time"),
        field("station", "", "text"),
      ],
    },
    figure("utilization_percentage", format.percent, {
      unit: "%",
      bar: "percent",
      colour: "working",
      band: bounds,
      href: into("working,idle"),
      note: ({ unknown_time_hours: unknown, ...row }) =>
        unknown > 0 && row.utilization_percentage !== null ? format.range(...bounds(row)) : "",
      total: total(format.percent, "pooled_utilization_percentage", utilization),
      exports: ["utilization_percentage", "utilization_lower_percentage", "utilization_upper_percentage"].map((key) =>
        field(key, "%"),
      ),
    }),
    figure("total_units_produced", format.count, {
      bar: "most",
      colour: "units",
      href: intoUnits,
      total: total(format.count, "total_production_count", units),
    }),
    figure("units_per_hour", format.decimal, {
      unit: "1/h",
      href: intoUnits,
      total: total(format.decimal, "average_production_rate", (rows) => ratio(units(rows), active(rows))),
    }),
    time("total_active_time_hours", "working", {
      href: into("working"),
      total: total(format.hours, "total_productive_time_hours", active),
    }),
    time("total_idle_time_hours", "idle", { href: into("idle") }),
    time("unknown_time_hours", "unknown", { href: into("unknown") }),
    time("total_absent_time_hours", "absent", { href: into("absent") }),
    figure("coverage_percentage", format.percent, {
      unit: "%",
      bar: "percent",
      colour: "accent",
      href: into("working,idle,absent"),
      total: total(format.percent, "coverage_percentage", () => null),
    }),
    figure("event_count", format.count, {
      total: total(format.count, "total_events", (rows) => sum(rows, "event_count")),
    }),
  ];
}
