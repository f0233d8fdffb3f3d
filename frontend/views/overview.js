// The shift at a glance: the figures, their course, who is not working, and the timeline of everybody.

import { createChart } from "../components/chart.js";
import { figure } from "../components/figure.js";
import { createRightNow } from "../components/right-now.js";
import { createTiles } from "../components/tiles.js";
import { createTimeline } from "../components/timeline/timeline.js";
import { nothing } from "../components/trouble.js";
import { element } from "../lib/element.js";
import { bucketOf } from "../lib/periods.js";
import { text } from "../lib/texts.js";
import { asked } from "../lib/window.js";

const COURSE = ["total_production_count", "pooled_utilization_percentage", "total_productive_time_hours", "average_production_rate", "coverage_percentage"];

export const overview = {
  title: ({ text }) => text("views.overview"),

  queries: ({ period }) => ({
    factory: { path: "/metrics/factory", query: asked(period) },
    before: { path: "/metrics/factory", query: asked(period.before) },
    course: { path: "/metrics/timeseries", query: { ...asked(period), entity: "factory", metric: COURSE.join(), bucket: bucketOf(period) } },
    now: { path: "/metrics/now" },
  }),

  create(context) {
    const { format } = context;
    const tiles = createTiles(TILES.map(({ key }) => ({ key, label: text(`tiles.${key}`) })));
    tiles.node.classList.add("seven");
    const chart = createChart({
      format,
      series: [
        { key: "total_production_count", label: text("tiles.units"), kind: "bar", colour: "units", write: format.count },
        { key: "pooled_utilization_percentage", label: text("tiles.utilization"), kind: "line", colour: "working", write: (value) => format.percent(value), tick: (value) => `${format.count(value)} %`, most: 100 },
      ],
    });
    const rightNow = createRightNow(context);
    const rows = rowsOf(context);
    const node = element(
      "div",
      { class: "overview" },
      tiles.node,
      element("section", { class: "card course", "aria-labelledby": "course" }, element("header", {}, element("h2", { id: "course" }, text("overview.course"))), element("div", { class: "body" }, chart.node)),
      rightNow.node,
      rows.node,
    );
    return {
      node,
      show({ period, answers }) {
        tiles.show(TILES.map((tile) => ({ key: tile.key, ...tileOf(tile, answers, context) })));
        chart.show(answers.course.data);
        rightNow.show(answers.now.data, Date.parse(answers.now.timestamp));
        rows.show(period, answers.now.data);
      },
      close() {
        chart.close();
        rows.close();
      },
    };
  },
};

const hours = (format, value) => format.hours(value);

// A figure of the factory: its field, how it is written, how a change is told, and what it opens into.
const TILES = [
  { key: "utilization", field: "pooled_utilization_percentage", write: (format, value) => format.percent(value), bounds: ["pooled_utilization_lower_percentage", "pooled_utilization_upper_percentage"], opens: { view: "workers", sort: "utilization_percentage" } },
  { key: "productive", field: "total_productive_time_hours", write: hours, unit: "h", relative: true, opens: { view: "workers", sort: "-total_active_time_hours" } },
  { key: "units", field: "total_production_count", write: (format, value) => format.count(value), relative: true, opens: { view: "workers", sort: "-total_units_produced" } },
  { key: "rate", field: "average_production_rate", write: (format, value) => format.decimal(value), relative: true, opens: { view: "workers", sort: "-units_per_hour" } },
  { key: "coverage", field: "coverage_percentage", write: (format, value) => format.percent(value), opens: { view: "workers", sort: "coverage_percentage" } },
  { key: "workers", opens: { view: "workers", state: "working,idle" } },
  { key: "stations", opens: { view: "workstations", state: "productive,occupied" } },
];

function tileOf(tile, { factory, before, course, now }, { format, link }) {
  const href = link(tile.opens);
  if (tile.key === "workers" || tile.key === "stations") {
    const kind = tile.key === "workers" ? "worker" : "station";
    const all = now.data[tile.key === "workers" ? "workers" : "workstations"].length;
    const used = factory.data[`active_${kind}_count`];
    return { href, value: format.count(now.data[`active_${kind}_count`]), unit: text("tiles.of", { n: format.count(all) }), note: text("tiles.in_window", { n: format.count(used) }) };
  }
  return { href, ...figure(tile, { figures: factory, before, course }, format) };
}

/** The timeline of the workers or of the workstations, as the reader chooses. */
function rowsOf({ get, go, change, format, site, place }) {
  const body = element("div", { class: "body" });
  const kinds = ["worker", "workstation"];
  const chosen = () => (place.rows === "workstations" ? "workstation" : "worker");
  const choice = (kind) =>
    element("label", {}, element("input", { type: "radio", name: "rows", value: kind, checked: kind === chosen(), onchange: () => choose(kind) }), element("span", {}, text(`kinds.${kind}s`)));
  const node = element(
    "section",
    { class: "card rows", "aria-labelledby": "rows" },
    element("header", {}, element("h2", { id: "rows" }, text("overview.timeline")), element("fieldset", { class: "segments small" }, element("legend", { class: "hidden" }, text("overview.rows")), ...kinds.map(choice))),
    body,
  );
  let timeline = null;
  let shown = { kind: chosen(), key: "" };
  let latest = null;

  function choose(kind) {
    shown = { kind, key: "" };
    history.replaceState(null, "", addressWith(kind));
    if (latest) show(...latest);
  }

  function show(period, now) {
    latest = [period, now];
    const list = now[`${shown.kind}s`].map((row) => ({ id: row[`${shown.kind}_id`], name: row.name }));
    const key = JSON.stringify(list);
    const window = { from: period.from, to: period.to };
    if (timeline && key === shown.key) {
      timeline.show(window);
      if (period.live) timeline.refresh();
      return;
    }
    timeline?.close();
    shown.key = key;
    timeline = list.length === 0 ? null : createTimeline({
      entity: shown.kind,
      rows: list,
      window,
      timeZone: site.time_zone,
      load: (query, signal) => get("/metrics/timeline", query, { signal }),
      text,
      format,
      onOpen: (id) => go({ view: shown.kind, id }),
      onSpan: ({ id, start, end }) => go({ view: shown.kind, id, at: `${start}-${end}` }),
    });
    body.replaceChildren(timeline ? timeline.node : nothing(`empty.${shown.kind}s`));
  }

  return { node, show, close: () => timeline?.close() };
}

function addressWith(kind) {
  const address = new URL(location.href);
  if (kind === "workstation") address.searchParams.set("rows", "workstations");
  else address.searchParams.delete("rows");
  return address;
}
