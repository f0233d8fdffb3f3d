// The table of compared figures: A, B, the difference, and both as bars.

import { element, setText } from "../../lib/element.js";
import * as format from "../../lib/format.js";
import { text } from "../../lib/texts.js";

const hours = (key, field) => ({ key, field, write: format.hours, unit: "h" });
const number = (key, field, write = format.count) => ({ key, field, write });
const percentage = (key, field) => ({ key, field, write: format.percent, unit: "%", share: true });

/** The figures of each kind of side; `field` is the API's. */
export const FIGURES = {
  worker: [
    hours("productive", "total_active_time_hours"),
    number("units", "total_units_produced"),
    number("rate", "units_per_hour", format.decimal),
    percentage("utilization", "utilization_percentage"),
    percentage("coverage", "coverage_percentage"),
    hours("idle", "total_idle_time_hours"),
    hours("absent", "total_absent_time_hours"),
    hours("unknown", "unknown_time_hours"),
    number("events", "event_count"),
  ],
  workstation: [
    hours("productive", "productive_time_hours"),
    number("units", "total_units_produced"),
    number("rate", "throughput_rate", format.decimal),
    percentage("occupancy", "utilization_percentage"),
    percentage("productive_share", "productive_percentage"),
    hours("occupied", "occupancy_time_hours"),
    number("events", "event_count"),
  ],
  factory: [
    hours("productive", "total_productive_time_hours"),
    number("units", "total_production_count"),
    number("rate", "average_production_rate", format.decimal),
    percentage("utilization", "pooled_utilization_percentage"),
    percentage("coverage", "coverage_percentage"),
    number("active_workers", "active_worker_count"),
    number("active_stations", "active_station_count"),
    number("events", "total_events"),
  ],
};

const known = (value) => value !== null && value !== undefined;

/** A − B in the figure's own unit, and in percent of B; null where either is unknown, or B is 0. */
function differenceOf({ field, share }, a, b) {
  if (!known(a[field]) || !known(b[field])) return { absolute: null, relative: null };
  // The answers have 4 decimals at most; anything smaller is a rounding error of the subtraction.
  const absolute = Number((a[field] - b[field]).toFixed(4));
  return { absolute, relative: share || b[field] === 0 ? null : (absolute / b[field]) * 100 };
}

/**
 * The table of an entity's figures.
 * @param {"worker"|"workstation"|"factory"} entity
 * @returns {{node, show(a, b, names: {a: string, b: string}, hrefs: {a: string, b: string})}} `a` and `b` as the API's
 *   data; each figure is a link to its side's own view. The keyboard stops at the names above only.
 */
export function createComparison(entity) {
  const heads = { a: element("a"), b: element("a") };
  const [headA, headB] = Object.values(heads).map((link) => element("th", { scope: "col", class: "number" }, link));
  const lines = FIGURES[entity].map(line);
  const node = element(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": text("compare.figures") },
    element(
      "table",
      { class: "comparison" },
      element("caption", { class: "hidden" }, text("compare.figures")),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", { scope: "col" }, text("compare.figure")),
          headA,
          headB,
          element("th", { scope: "col", class: "number" }, text("compare.difference")),
          element("td", { class: "pair" }),
        ),
      ),
      element("tbody", {}, ...lines.map(({ node }) => node)),
    ),
  );
  return {
    node,
    show(a, b, names, hrefs) {
      for (const side of ["a", "b"]) {
        setText(heads[side], names[side]);
        heads[side].href = hrefs[side];
      }
      for (const one of lines) one.update(a, b, hrefs);
    },
  };
}

function line(figure) {
  const cells = { a: element("a", { tabindex: -1 }), b: element("a", { tabindex: -1 }) };
  const [cellA, cellB] = Object.values(cells).map((link) => element("td", { class: "number" }, link));
  const absolute = element("span");
  const relative = element("small");
  const bars = { a: element("i", { class: "of-a" }), b: element("i", { class: "of-b" }) };
  const pair = element("td", { class: "pair", "aria-hidden": "true" }, bars.a, bars.b);
  const node = element(
    "tr",
    {},
    element("th", { scope: "row" }, text(`compare.${figure.key}`)),
    cellA,
    cellB,
    element("td", { class: "number" }, absolute, relative),
    pair,
  );
  function update(a, b, hrefs) {
    const most = figure.share ? 100 : Math.max(a[figure.field] ?? 0, b[figure.field] ?? 0);
    for (const [side, data] of Object.entries({ a, b })) {
      const value = data[figure.field];
      setText(cells[side], data.withheld ? text("withheld.figure") : figure.write(value));
      cells[side].href = hrefs[side];
      bars[side].style.setProperty("--share", most && known(value) ? value / most : 0);
    }
    const difference = differenceOf(figure, a, b);
    setText(
      absolute,
      format.signed(
        difference.absolute,
        figure.share ? (value) => text("compare.points", { n: format.decimal(value) }) : figure.write,
      ),
    );
    setText(relative, known(difference.relative) ? format.signed(difference.relative, format.percent) : "");
  }
  return { node, update };
}

/** The same table for a file, with the API's own values. */
export function comparisonTable(entity, a, b, names) {
  const title = ({ key, unit }) => (unit ? `${text(`compare.${key}`)} (${unit})` : text(`compare.${key}`));
  return {
    columns: [
      { title: text("compare.figure"), type: "text" },
      ...[`A: ${names.a}`, `B: ${names.b}`, text("compare.difference"), text("compare.percent")].map((words) => ({
        title: words,
        type: "number",
      })),
    ],
    rows: FIGURES[entity].map((figure) => {
      const { absolute, relative } = differenceOf(figure, a, b);
      return [
        title(figure),
        a[figure.field],
        b[figure.field],
        absolute,
        relative === null ? null : Number(relative.toFixed(2)),
      ];
    }),
  };
}
