// The timelines of both sides of a comparison, one above the other.

import { element, setText } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { createTimeline } from "../../components/timeline/timeline.js";

/** @returns {{node, show(comparison, known, names)}} */
export function createTimelines({ get, go, format, site, persons }) {
  const body = element("div", { class: "body" });
  const node = element(
    "section",
    { class: "card", "aria-labelledby": "compare-timelines" },
    element("header", {}, element("h2", { id: "compare-timelines" }, text("compare.timelines"))),
    body,
  );
  let drawn = "";
  let strips = []; // {timeline, heading, side}

  function show({ kind, entity, sides }, known, names) {
    const row = (id) => known[entity].find((one) => one.id === id);
    const rows =
      entity === "factory"
        ? known[kindOf(entity)]
        : [...new Set([sides.a.id, kind === "periods" ? sides.a.id : sides.b.id])].map(row);
    const key = JSON.stringify([kind, entity, rows]);
    if (key !== drawn) {
      strips = (kind === "periods" ? ["a", "b"] : ["a"]).map((side) =>
        strip(side, kindOf(entity), rows, sides[side].period, kind === "periods"),
      );
      body.replaceChildren(...strips.flatMap(({ heading, timeline }) => [heading, timeline.node]).filter(Boolean));
    }
    for (const { timeline, heading, side } of strips) {
      if (heading) setText(heading, `${side.toUpperCase()}: ${names[side]}`);
      if (key === drawn) timeline.show({ from: sides[side].period.from, to: sides[side].period.to });
    }
    drawn = key;
  }

  /**
   * The kind of rows to draw; those of a factory are its workers, or its workstations where workers may not be shown.
   */
  const kindOf = (entity) => (entity === "factory" ? (persons ? "worker" : "workstation") : entity);

  function strip(side, entity, rows, { from, to }, headed) {
    const timeline = createTimeline({
      entity,
      rows,
      window: { from, to },
      timeZone: site.time_zone,
      load: (query, signal) => get("/metrics/timeline", query, { signal }),
      text,
      format,
      onOpen: (id) => go({ view: entity, id }),
      onSpan: ({ id, start, end }) => go({ view: entity, id, at: `${start}-${end}` }),
    });
    return { timeline, side, heading: headed && element("h3") };
  }

  return { node, show };
}
