// The shift at a glance: the figures, their course, who is not working, and the timeline.

import { createCourseChart, factoryQueries } from "../components/factory-course.js";
import { figure } from "../components/figure.js";
import { createNotWorkingNow } from "./overview/not-working-now.js";
import { createTiles } from "../components/tiles.js";
import { createTimelineCard } from "./overview/timeline-card.js";
import { holdsAt } from "../lib/api.js";
import { element } from "../lib/element.js";
import { text } from "../lib/texts.js";

// The fields of the sparklines that are not in the chart.
const COURSE = ["total_productive_time_hours", "average_production_rate", "coverage_percentage"];

export const overview = {
  title: ({ text }) => text("views.overview"),

  queries: (where) => factoryQueries(where, COURSE),

  create(context) {
    const tiles = createTiles(TILES.map(({ key }) => ({ key, label: text(`tiles.${key}`) })));
    tiles.node.classList.add("seven");
    const chart = createCourseChart(context, {
      href: ({ start, end }) => context.link({ view: "overview", window: "custom", from: start, to: end }),
    });
    const notWorkingNow = createNotWorkingNow(context);
    const rows = createTimelineCard(context);
    const node = element(
      "div",
      { class: "overview" },
      tiles.node,
      element(
        "section",
        { class: "card course", "aria-labelledby": "course" },
        element("header", {}, element("h2", { id: "course" }, text("overview.course"))),
        element("div", { class: "body" }, chart.node),
      ),
      context.persons && notWorkingNow.node,
      context.persons && rows.node, // without persons there is no course of a day
    );
    node.classList.toggle("impersonal", !context.persons);
    return {
      node,
      show({ period, answers, place }) {
        tiles.show(TILES.map((tile) => ({ key: tile.key, ...tileOf(tile, answers, context) })));
        chart.show(answers.course.data, answers.course.window);
        if (!context.persons) return;
        notWorkingNow.show(answers.now.data, Date.parse(holdsAt(answers.now)));
        rows.show(period, answers.now.data, place);
      },
    };
  },
};

const hours = (format, value) => format.hours(value);

// A figure of the factory: its field, its format, how its change is written, and the view that it opens.
const TILES = [
  {
    key: "utilization",
    field: "pooled_utilization_percentage",
    write: (format, value) => format.percent(value),
    bounds: ["pooled_utilization_lower_percentage", "pooled_utilization_upper_percentage"],
    opens: { view: "workers", sort: "utilization_percentage" },
  },
  {
    key: "productive",
    field: "total_productive_time_hours",
    write: hours,
    unit: "h",
    relative: true,
    opens: { view: "workers", sort: "-total_active_time_hours" },
  },
  {
    key: "units",
    field: "total_production_count",
    write: (format, value) => format.count(value),
    relative: true,
    opens: { view: "workers", sort: "-total_units_produced" },
  },
  {
    key: "rate",
    field: "average_production_rate",
    write: (format, value) => format.decimal(value),
    relative: true,
    opens: { view: "workers", sort: "-units_per_hour" },
  },
  {
    key: "coverage",
    field: "coverage_percentage",
    write: (format, value) => format.percent(value),
    opens: { view: "workers", sort: "coverage_percentage" },
  },
  { key: "workers", opens: { view: "workers", state: "working,idle" } },
  { key: "stations", opens: { view: "workstations", state: "productive,occupied" } },
];

function tileOf(tile, { factory, before, course, now }, { format, link, persons }) {
  const href = link(persons || tile.opens.view !== "workers" ? tile.opens : { view: "workstations" });
  if (tile.key === "workers" || tile.key === "stations") {
    const kind = tile.key === "workers" ? "worker" : "station";
    const all = now.data[tile.key === "workers" ? "workers" : "workstations"].length;
    const used = factory.data[`active_${kind}_count`];
    const at = now.data[`active_${kind}_count`];
    const note = factory.data.withheld ? "" : text("tiles.in_window", { n: format.count(used) });
    if (at === null) return { href, value: text("withheld.figure"), small: true, note };
    return { href, value: format.count(at), unit: text("tiles.of", { n: format.count(all) }), note };
  }
  return { href, ...figure(tile, { figures: factory, before, course }, format) };
}
