// All workstations with who is there now and the figures of the period.

import { field, figure, named, percentage, ratio, sum, time, titled } from "../components/columns.js";
import { createListing } from "../components/listing.js";
import { STATES_OF } from "../lib/states.js";
import { text } from "../lib/texts.js";
import { windowOf } from "../lib/periods.js";

export const workstations = {
  title: ({ text }) => text("views.workstations"),

  queries: ({ period }) => ({
    workstations: { path: "/metrics/workstations", query: windowOf(period) },
  }),

  create(context) {
    let elapsed = 0; // hours of the period so far
    const listing = createListing(context, {
      view: "workstations",
      columns: columnsOf(context, () => elapsed),
      states: STATES_OF.workstation,
      typed: true,
    });
    return {
      node: listing.node,
      show({ answers, place }) {
        elapsed = answers.workstations.window.elapsed_hours;
        const names = new Map(answers.now.data.workers.map(({ worker_id: id, name }) => [id, name]));
        const now = new Map(answers.now.data.workstations.map((station) => [station.workstation_id, station]));
        listing.show(
          answers.workstations.data.map((row) => rowOf(row, now.get(row.workstation_id), context.persons && names)),
          place,
        );
      },
    };
  },
};

/**
 * A workstation's figures with the state now and, given `names`, the workers there; a workstation registered a moment
 * ago may be in only one of the answers.
 */
const rowOf = (row, now, names) => ({
  ...row,
  id: row.workstation_id,
  state: now?.withheld ? "withheld" : (now?.state ?? "free"),
  present: ((names && now?.worker_ids) || []).map((id) => names.get(id) ?? id).join(", "),
});

function columnsOf({ format, link, persons }, elapsed) {
  const into =
    (state) =>
    ({ id }) =>
      link({ view: "workstation", id, list: "intervals", state });
  const intoUnits = ({ id }) => link({ view: "workstation", id, list: "units" });
  const occupied = (rows) => sum(rows, "occupancy_time_hours");
  return [
    named(text("columns.workstation"), ({ id }) => link({ view: "workstation", id })),
    {
      key: "state",
      title: text("columns.state"),
      type: "text",
      value: ({ state }) => state,
      write: ({ state }) => text(`states.${state}`),
      note: ({ present }) => present,
      state: ({ state }) => state,
      order: ({ state }) => STATES_OF.workstation.indexOf(state),
      exports: [
        { ...field("state", "", "text"), value: ({ state }) => text(`states.${state}`) },
        ...(persons ? [field("present", "", "text")] : []),
      ],
    },
    figure("utilization_percentage", format.percent, {
      title: text("columns.occupancy_percentage"),
      bar: "percent",
      colour: "idle",
      href: into("productive,occupied"),
      total: (rows) => format.percent(percentage(occupied(rows), elapsed() * rows.length)),
      exports: [{ ...field("utilization_percentage"), title: titled("occupancy_percentage", "%") }],
    }),
    figure("productive_percentage", format.percent, {
      unit: "%",
      bar: "percent",
      colour: "working",
      href: into("productive,occupied"),
      total: (rows) => format.percent(percentage(sum(rows, "productive_time_hours"), occupied(rows))),
    }),
    figure("total_units_produced", format.count, {
      bar: "most",
      colour: "units",
      href: intoUnits,
      total: (rows) => format.count(sum(rows, "total_units_produced")),
    }),
    figure("throughput_rate", format.decimal, {
      unit: "1/h",
      href: intoUnits,
      total: (rows) => format.decimal(ratio(sum(rows, "total_units_produced"), occupied(rows))),
    }),
    time("occupancy_time_hours", "idle", { href: into("productive,occupied") }),
    time("productive_time_hours", "working", { href: into("productive") }),
    { key: "type", title: text("columns.type"), type: "text", value: ({ type }) => type || null },
    figure("event_count", format.count, { total: (rows) => format.count(sum(rows, "event_count")) }),
  ];
}
