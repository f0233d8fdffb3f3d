// All factories of the organisation that the reader may see, side by side.

import { figure, named, percentage, ratio, sum, time } from "../components/columns.js";
import { createTable, exported, sortRows } from "../components/data-table.js";
import { downloads } from "../components/download.js";
import { element } from "../lib/element.js";
import { text } from "../lib/texts.js";
import { windowOf } from "../lib/periods.js";

export const organisation = {
  title: ({ text }) => text("views.organisation"),
  queries: ({ period }) => ({ factories: { path: "/metrics/organisation", query: windowOf(period) } }),

  create(context) {
    const columns = columnsOf(context);
    let rows = [];
    const table = createTable({
      caption: text("views.organisation"),
      columns,
      key: ({ id }) => id,
      sort: (sort) => context.change({ sort }),
    });
    const save = downloads(context, "factories", () => exported(rows, columns));
    const node = element(
      "section",
      { class: "card listing", "aria-label": text("views.organisation") },
      element(
        "header",
        {},
        element("p", { class: "quiet" }, text("organisation.purpose")),
        element("div", { class: "outcome" }, save),
      ),
      table.node,
    );
    return {
      node,
      show({ answers, place }) {
        const sort = place.sort ?? "name";
        rows = sortRows(
          sortRows(
            answers.factories.data.map((row) => ({ ...row, id: row.factory_id })),
            columns,
            "name",
          ),
          columns,
          sort,
        );
        table.show(rows, sort);
      },
    };
  },
};

function columnsOf({ format, link }) {
  const active = (rows) => sum(rows, "total_productive_time_hours");
  const units = (rows) => sum(rows, "total_production_count");
  const bounds = ({ pooled_utilization_lower_percentage: lower, pooled_utilization_upper_percentage: upper }) => [
    lower,
    upper,
  ];
  const inFactory = ({ id }) => link({ view: "overview", factory: id });
  return [
    named(text("menu.factory"), inFactory),
    figure("pooled_utilization_percentage", format.percent, {
      unit: "%",
      bar: "percent",
      colour: "working",
      band: bounds,
      note: (row) =>
        row.unknown_time_hours > 0 && row.pooled_utilization_percentage !== null ? format.range(...bounds(row)) : "",
      total: (rows) => format.percent(percentage(active(rows), active(rows) + sum(rows, "total_idle_time_hours"))),
    }),
    figure("coverage_percentage", format.percent, { unit: "%", bar: "percent", colour: "accent" }),
    figure("total_production_count", format.count, {
      bar: "most",
      colour: "units",
      total: (rows) => format.count(units(rows)),
    }),
    figure("average_production_rate", format.decimal, {
      unit: "1/h",
      total: (rows) => format.decimal(ratio(units(rows), active(rows))),
    }),
    time("total_productive_time_hours", "working"),
    time("total_idle_time_hours", "idle"),
    time("unknown_time_hours", "unknown"),
    figure("active_worker_count", format.count, { total: (rows) => format.count(sum(rows, "active_worker_count")) }),
    figure("active_station_count", format.count, { total: (rows) => format.count(sum(rows, "active_station_count")) }),
    { key: "time_zone", title: text("columns.time_zone"), type: "text", value: ({ time_zone: zone }) => zone },
  ];
}
