// A figure over time, small and without axes; the tile beside it has the value.

import { svg } from "../lib/element.js";

const WIDTH = 100;
const HEIGHT = 28;

/** A line through values (null leaves a gap), from zero to the largest. Hidden from screen readers. */
export function sparkline(values) {
  const most = Math.max(...values.map((value) => value ?? 0), 1e-9);
  const x = (n) => (values.length > 1 ? (n / (values.length - 1)) * WIDTH : WIDTH / 2);
  const y = (value) => HEIGHT - 2 - (value / most) * (HEIGHT - 4);
  let line = "";
  values.forEach((value, n) => {
    if (value === null || value === undefined) return;
    const open = n > 0 && values[n - 1] !== null && values[n - 1] !== undefined;
    line += `${open ? "L" : "M"}${x(n).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!open) line += "h0.01"; // a value alone is a dot
  });
  return svg(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
      focusable: "false",
    },
    svg("path", { d: line, "vector-effect": "non-scaling-stroke" }),
  );
}
