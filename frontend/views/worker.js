// One worker: the figures of the period, hour by hour, by workstation, and their breakdown.

import { createDetail, detailQueries } from "./detail/detail.js";
import { createStationsOfWorker } from "./detail/presence-table.js";
import { element } from "../lib/element.js";
import * as format from "../lib/format.js";
import { text } from "../lib/texts.js";

const COURSE = [
  "total_active_time_hours",
  "total_idle_time_hours",
  "unknown_time_hours",
  "total_absent_time_hours",
  "total_units_produced",
  "utilization_percentage",
  "coverage_percentage",
  "units_per_hour",
];

const hours = (format, value) => format.hours(value);
const percent = (format, value) => format.percent(value);
const opens = (state) => ({ list: "intervals", state });

const TILES = [
  {
    label: "working",
    field: "total_active_time_hours",
    write: hours,
    unit: "h",
    relative: true,
    opens: opens("working"),
  },
  {
    label: "idle",
    field: "total_idle_time_hours",
    write: hours,
    unit: "h",
    relative: true,
    good: -1,
    opens: opens("idle"),
  },
  {
    label: "unknown",
    field: "unknown_time_hours",
    write: hours,
    unit: "h",
    relative: true,
    good: -1,
    opens: opens("unknown"),
  },
  {
    label: "utilization",
    field: "utilization_percentage",
    write: percent,
    opens: opens("working,idle"),
    bounds: ["utilization_lower_percentage", "utilization_upper_percentage"],
  },
  { label: "coverage", field: "coverage_percentage", write: percent, opens: opens("working,idle,absent") },
  {
    label: "units",
    field: "total_units_produced",
    write: (format, value) => format.count(value),
    relative: true,
    opens: { list: "units" },
  },
  {
    label: "units_per_hour",
    field: "units_per_hour",
    write: (format, value) => format.decimal(value),
    relative: true,
    opens: { list: "units" },
  },
];

const stack = (key, state) => ({
  key,
  label: text(`states.${state}`),
  kind: "stack",
  colour: state,
  write: format.hours,
});

const stationName = (now, id) => now.workstations.find(({ workstation_id: one }) => one === id)?.name ?? id;

export const worker = {
  title: ({ place, answers }) => answers?.figures.data.name ?? place.id,

  queries: (where) => detailQueries("worker", COURSE, where),

  create(context) {
    const { link, place } = context;
    return createDetail(context, {
      kind: "worker",
      tiles: TILES,
      series: [
        stack("total_active_time_hours", "working"),
        stack("total_idle_time_hours", "idle"),
        stack("unknown_time_hours", "unknown"),
      ],
      presence: createStationsOfWorker(context),
      whereOf: ({ workstation_id: id }, now) => (id === null ? "" : stationName(now, id)),
      nowOf({ data, timestamp }) {
        const now = data.workers.find(({ worker_id: id }) => id === place.id);
        if (!now) return [];
        const { state, since, workstation_id: id } = now;
        return [
          element("span", { class: `state state-${state}` }, text(`states.${state}`)),
          id && state !== "absent" && element("a", { href: link({ view: "workstation", id }) }, stationName(data, id)),
          element(
            "span",
            { class: "quiet number" },
            since
              ? text("detail.for", {
                  duration: format.duration(Math.max(0, (Date.parse(timestamp) - Date.parse(since)) / 1000)),
                })
              : text("detail.never"),
          ),
        ];
      },
    });
  },
};
