// The courses of both sides of a comparison over each other.

import { bucketOf } from "../../lib/periods.js";
import { element, setText } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { createChart } from "../../components/chart.js";
import { FIGURES } from "./figures.js";

/**
 * @returns {{node, show(comparison, labels: {a, b}, courses: {a, b, window})}} courses as of `GET /metrics/timeseries`; the
 *   chart is made again when a label changes
 */
export function createCourse({ change, format, persons }) {
  const metric = element("select", {
    "aria-label": text("compare.metric"),
    onchange: () => change({ metric: metric.value }),
  });
  const note = element("p", { class: "quiet" });
  const body = element("div", { class: "body" });
  const node = element(
    "section",
    { class: "card", "aria-labelledby": "compare-course" },
    element(
      "header",
      {},
      element("h2", { id: "compare-course" }, text("compare.course")),
      element("div", { class: "field" }, metric),
    ),
    body,
  );
  let chart = null;
  let drawn = "";
  let offered = "";

  function show({ entity, figure, sides }, labels, { a, b, window }) {
    if (offered !== entity)
      metric.replaceChildren(
        ...FIGURES[entity].map(({ key }) => element("option", { value: key }, text(`compare.${key}`))),
      );
    offered = entity;
    metric.value = figure.key;
    const shift = sides.a.period.from - sides.b.period.from;
    const key = JSON.stringify([entity, figure.key, labels, bucketOf(sides.a.period, persons)]);
    if (key !== drawn) draw(figure, labels);
    drawn = key;
    const rows = overlaid(a, b, shift);
    const isNull = ({ values }) => values.a === null && values.b === null;
    chart.show(window.cut_to ? rows.map((row) => ({ ...row, withheld: isNull(row) })) : rows, window);
    setText(
      note,
      shift
        ? text(shift > 0 ? "compare.shifted" : "compare.shifted_back", {
            duration: format.duration(Math.abs(shift) / 1000),
          })
        : "",
    );
  }

  function draw({ write, share }, labels) {
    const opened = chart?.node.querySelector("details").open;
    const line = { kind: "line", write, most: share ? 100 : undefined };
    chart = createChart({
      format,
      series: [
        { ...line, key: "a", label: `A: ${labels.a}`, colour: "units" },
        { ...line, key: "b", label: `B: ${labels.b}`, colour: "quiet", dash: [6, 4] },
      ],
    });
    chart.node.querySelector("details").open = opened;
    body.replaceChildren(note, chart.node);
  }

  return { node, show };
}

/**
 * The rows of A with the values of B moved by `shift`, then the rest of B. A bucket of B belongs to the bucket of A
 * that holds its middle.
 * @param {number} shift milliseconds from B to A
 */
export function overlaid(a, b, shift) {
  const rows = a.map(({ start, end, value }) => ({ start, end, values: { a: value, b: null } }));
  const bounds = rows.map(({ start, end }) => [Date.parse(start), Date.parse(end)]);
  let at = 0;
  for (const { start, end, value } of b) {
    const [from, to] = [Date.parse(start) + shift, Date.parse(end) + shift];
    while (at < bounds.length && bounds[at][1] <= (from + to) / 2) at += 1;
    if (at < bounds.length) rows[at].values.b ??= value;
    else
      rows.push({
        start: new Date(from).toISOString(),
        end: new Date(to).toISOString(),
        values: { a: null, b: value },
      });
  }
  return rows;
}
