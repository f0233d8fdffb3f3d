// One workstation: the figures of the period, hour by hour, by worker, and their breakdown.

import { createDetail, detailQueries } from "./detail/detail.js";
import { createWorkersOfStation } from "./detail/presence-table.js";
import { element } from "../lib/element.js";
import * as format from "../lib/format.js";
import { text } from "../lib/texts.js";

const COURSE = [
  "occupancy_time_hours",
  "productive_time_hours",
  "utilization_percentage",
  "productive_percentage",
  "total_units_produced",
  "throughput_rate",
];

const hours = (format, value) => format.hours(value);
const percent = (format, value) => format.percent(value);
const opens = (state) => ({ list: "intervals", state });

const TILES = [
  {
    label: "occupied",
    field: "occupancy_time_hours",
    write: hours,
    unit: "h",
    relative: true,
    opens: opens("productive,occupied"),
  },
  {
    label: "productive",
    field: "productive_time_hours",
    write: hours,
    unit: "h",
    relative: true,
    opens: opens("productive"),
  },
  { label: "occupancy", field: "utilization_percentage", write: percent, opens: opens("productive,occupied") },
  { label: "productive_share", field: "productive_percentage", write: percent, opens: opens("productive,occupied") },
  {
    label: "units",
    field: "total_units_produced",
    write: (format, value) => format.count(value),
    relative: true,
    opens: { list: "units" },
  },
  {
    label: "throughput",
    field: "throughput_rate",
    write: (format, value) => format.decimal(value),
    relative: true,
    opens: { list: "units" },
  },
];

const workerName = (now, id) => now.workers.find(({ worker_id: one }) => one === id)?.name ?? id;

export const workstation = {
  title: ({ place, answers }) => answers?.figures.data.name ?? place.id,

  queries: (where) => detailQueries("workstation", COURSE, where),

  create(context) {
    const { link, place, persons } = context;
    return createDetail(context, {
      kind: "workstation",
      tiles: TILES,
      series: [
        {
          key: "productive_time_hours",
          label: text("states.productive"),
          kind: "stack",
          colour: "working",
          write: format.hours,
        },
        {
          key: "occupied_only",
          label: text("detail.occupied_only"),
          kind: "stack",
          colour: "idle",
          write: format.hours,
        },
      ],
      valuesOf: (values) => ({ ...values, occupied_only: values.occupancy_time_hours - values.productive_time_hours }),
      presence: createWorkersOfStation(context),
      whereOf: ({ worker_ids: ids }, now) => ids.map((id) => workerName(now, id)).join(", "),
      nowOf({ data }) {
        const now = data.workstations.find(({ workstation_id: id }) => id === place.id);
        if (!now) return [];
        return [
          now.withheld
            ? element("span", { class: "quiet" }, text("states.withheld"))
            : element("span", { class: `state state-${now.state}` }, text(`states.${now.state}`)),
          ...(persons ? now.worker_ids : []).map((id) =>
            element("a", { href: link({ view: "worker", id }) }, workerName(data, id)),
          ),
          now.type && element("span", { class: "quiet" }, now.type),
        ];
      },
    });
  },
};
