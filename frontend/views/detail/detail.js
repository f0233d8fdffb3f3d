// One worker or workstation: the figures, their course and their breakdown.

import { element, setText } from "../../lib/element.js";
import { bucketOf, windowOf } from "../../lib/periods.js";
import { STATES_OF } from "../../lib/states.js";
import { text } from "../../lib/texts.js";
import { figure } from "../../components/figure.js";
import { createChart } from "../../components/chart.js";
import { createBreakdown, showsIntervals } from "./breakdown.js";
import { createTiles } from "../../components/tiles.js";
import { createTimeline } from "../../components/timeline/timeline.js";

/**
 * The questions of a detail. `course` names the fields of the hourly figures. Questions about persons are left out
 * without `persons`.
 */
export function detailQueries(kind, course, { place, period, persons }) {
  const path = `/metrics/${kind}s/${encodeURIComponent(place.id)}`;
  return {
    figures: { path, query: windowOf(period) },
    before: { path, query: windowOf(period.before) },
    course: {
      path: "/metrics/timeseries",
      query: {
        ...windowOf(period),
        entity: kind,
        id: place.id,
        metric: course.join(),
        bucket: bucketOf(period, persons),
      },
    },
    ...(persons &&
      showsIntervals(place, period) && { intervals: { path: `${path}/intervals`, query: windowOf(period) } }),
  };
}

/**
 * @param {object} context of the view
 * @param {{kind: "worker"|"workstation", tiles: object[], series: object[], nowOf: (now) => (Node|string)[], presence:
 *   {node, show(answers, counts)}, whereOf: (interval, now) => string, valuesOf?: (values) => object}} options
 *   `valuesOf` adds to the hourly figures the values to draw
 */
export function createDetail(
  context,
  { kind, tiles, series, nowOf, presence, whereOf, valuesOf = (values) => values },
) {
  const { format, link, site, persons } = context;
  const { id } = context.place;
  const row = createTiles(tiles.map(({ label }) => ({ key: label, label: text(`detail.${label}`) })));
  const states = createChart({ height: 190, format, series });
  const units = createChart({ height: 110, format, series: [UNITS(format)] });
  const by = element("h2", { id: "detail-course" });
  const now = element("p", { class: "now-line" });
  const bars = element("div", { class: "bars" });
  let timeline = null;
  let latest;
  const breakdown =
    persons &&
    createBreakdown(context, {
      kind,
      states: STATES_OF[kind],
      whereOf: (interval) => whereOf(interval, latest.answers.now.data),
      counted: (counts) => latest && presence.show(latest.answers, counts),
    });
  const node = element(
    "div",
    { class: "detail" },
    now,
    row.node,
    persons && card("timeline", "detail.timeline", bars), // without persons there is no course of a day
    element(
      "section",
      { class: "card course", "aria-labelledby": "detail-course" },
      element("header", {}, by),
      element("div", { class: "body" }, states.node, element("div", { class: "units-chart" }, units.node)),
    ),
    persons && card("presence", `detail.presence_of_${kind}`, presence.node),
    persons && breakdown.node,
  );
  node.classList.toggle("impersonal", !persons);
  if (persons) row.node.addEventListener("click", breakdown.seek);

  const hrefOf = ({ opens }) => (persons ? link({ view: kind, id, ...opens }) : undefined);

  function showTimeline(period, name) {
    const window = { from: period.from, to: period.to };
    if (timeline) {
      timeline.show(window);
      if (period.live) timeline.refresh();
      return;
    }
    timeline = createTimeline({
      entity: kind,
      rows: [{ id, name }],
      window,
      timeZone: site.time_zone,
      load: (query, signal) => context.get("/metrics/timeline", query, { signal }),
      text,
      format,
      onSpan: ({ start, end }) =>
        context.change({ at: `${Math.floor(start)}-${Math.ceil(end)}`, list: "intervals", state: undefined }),
    });
    bars.replaceChildren(timeline.node);
  }

  return {
    node,
    show(fresh) {
      latest = fresh;
      const { period, answers } = fresh;
      fillNow(now, nowOf(answers.now));
      row.show(tiles.map((tile) => ({ key: tile.label, href: hrefOf(tile), ...figure(tile, answers, format) })));
      setText(by, text(`detail.by_${bucketOf(period, persons)}`));
      const { data, window } = answers.course;
      states.show(
        data.map((one) => ({ ...one, values: valuesOf(one.values) })),
        window,
      );
      units.show(data, window);
      if (!persons) return;
      showTimeline(period, answers.figures.data.name);
      breakdown.show(fresh);
      presence.show(answers, breakdown.counts());
    },
  };
}

const UNITS = (format) => ({
  key: "total_units_produced",
  label: text("tiles.units"),
  kind: "bar",
  colour: "units",
  write: format.count,
});

function card(name, key, body) {
  const id = `detail-${name}`;
  return element(
    "section",
    { class: `card ${name}`, "aria-labelledby": id },
    element("header", {}, element("h2", { id }, text(key))),
    element("div", { class: "body" }, body),
  );
}

/** Replace the nodes only when text or a link has changed, so that a link in them keeps the focus. */
function fillNow(node, parts) {
  const fresh = element("p", {}, ...parts);
  if (fresh.innerHTML === node.innerHTML) return;
  if (fresh.querySelectorAll("a").length && node.contains(document.activeElement))
    setText(node.lastChild, fresh.lastChild.textContent);
  else node.replaceChildren(...fresh.childNodes);
}
