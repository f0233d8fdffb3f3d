// The factory's figures of a period, of the period before, and over time; for the overview and the wall screen.

import { bucketOf, windowOf } from "../lib/periods.js";
import { text } from "../lib/texts.js";
import { createChart } from "./chart.js";

const [UNITS, UTILIZATION] = ["total_production_count", "pooled_utilization_percentage"];

/** The questions `factory`, `before` and `course`; the last has the two drawn metrics and `more`. */
export const factoryQueries = ({ period, persons }, more = []) => ({
  factory: { path: "/metrics/factory", query: windowOf(period) },
  before: { path: "/metrics/factory", query: windowOf(period.before) },
  course: {
    path: "/metrics/timeseries",
    query: {
      ...windowOf(period),
      entity: "factory",
      metric: [UNITS, UTILIZATION, ...more].join(),
      bucket: bucketOf(period, persons),
    },
  },
});

/** The chart of units and utilization; `options` as of createChart. */
export const createCourseChart = ({ format }, options) =>
  createChart({
    format,
    ...options,
    series: [
      { key: UNITS, label: text("tiles.units"), kind: "bar", colour: "units", whole: true, write: format.count },
      {
        key: UTILIZATION,
        label: text("tiles.utilization"),
        kind: "line",
        colour: "working",
        write: format.percent,
        tick: (value) => `${format.count(value)} %`,
        most: 100,
      },
    ],
  });
