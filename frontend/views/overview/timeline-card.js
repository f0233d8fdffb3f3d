// The timeline of all workers or of all workstations, as the reader chooses. Its code is loaded after the figures.

import { element } from "../../lib/element.js";
import { toldApart } from "../../lib/names.js";
import { styled } from "../../lib/stylesheet.js";
import { text } from "../../lib/texts.js";
import { emptyNotice } from "../../components/error-notice.js";

const KINDS = ["worker", "workstation"];
const load = () => Promise.all([import("../../components/timeline/timeline.js"), styled("styles/timeline.css")]);

/** @returns {{node, show(period, now, place)}} `now` is the data of `GET /metrics/now` */
export function createTimelineCard({ get, go, change, format, site, persons }) {
  const body = element("div", { class: "body" });
  const choice = (kind) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: "rows", value: kind, onchange: () => choose(kind) }),
      element("span", {}, text(`kinds.${kind}s`)),
    );
  const choices = element(
    "fieldset",
    { class: "segments small" },
    element("legend", { class: "hidden" }, text("overview.rows")),
    ...KINDS.map(choice),
  );
  choices.hidden = !persons;
  const node = element(
    "section",
    { class: "card rows", "aria-labelledby": "rows" },
    element("header", {}, element("h2", { id: "rows" }, text("overview.timeline")), choices),
    body,
  );
  let timeline = null;
  let shown = ""; // the kind and its rows
  let turn = 0;

  const choose = (kind) => change({ rows: kind === "worker" ? undefined : "workstations" }, { replace: true });

  async function show(period, now, place) {
    const kind = place.rows === "workstations" || !persons ? "workstation" : "worker";
    choices.querySelector(`[value=${kind}]`).checked = true;
    const key = `${kind}_id`;
    const rows = toldApart(now[`${kind}s`], key).map((row) => ({ id: row[key], name: row.name }));
    const window = { from: period.from, to: period.to };
    const wanted = JSON.stringify([kind, rows]);
    if (wanted === shown) {
      timeline?.show(window);
      if (period.live) timeline?.refresh();
      return;
    }
    const mine = ++turn;
    const [{ createTimeline }] = await load();
    if (mine !== turn) return; // something newer is shown
    shown = wanted;
    timeline =
      rows.length === 0
        ? null
        : createTimeline({
            entity: kind,
            rows,
            window,
            timeZone: site.time_zone,
            load: (query, signal) => get("/metrics/timeline", query, { signal }),
            text,
            format,
            onOpen: (id) => go({ view: kind, id }),
            onSpan: ({ id, start, end }) => go({ view: kind, id, at: `${Math.floor(start)}-${Math.ceil(end)}` }),
          });
    body.replaceChildren(timeline ? timeline.node : emptyNotice(`empty.${kind}s`));
  }

  return { node, show };
}
