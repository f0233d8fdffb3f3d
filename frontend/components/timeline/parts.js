// The elements of the timeline.

import { element } from "../../lib/element.js";
import { liveElement } from "../../lib/live-element.js";
import { STATES, STATES_OF } from "../../lib/states.js";

/** The component's elements by name; `node` holds them all, and calls `start` as a live element. */
export function buildParts(entity, text, start) {
  const button = (name, sign) =>
    element(
      "button",
      { type: "button", class: "button", "aria-label": text(`timeline.${name}`), title: text(`timeline.${name}`) },
      sign,
    );
  const parts = {
    zoomOut: button("zoom_out", "−"),
    zoomIn: button("zoom_in", "+"),
    whole: element("button", { type: "button", class: "button" }, text("timeline.whole_window")),
    status: element("p", { class: "timeline-status", role: "status", hidden: true }),
    canvas: element("canvas", { class: "timeline-canvas", "aria-hidden": "true" }),
    corner: element("div", { class: "timeline-corner" }),
    names: element("div", { class: "timeline-names" }),
    cursor: element("div", { class: "timeline-cursor", hidden: true }),
    mark: element("div", { class: "timeline-mark", hidden: true }),
    spacer: element("div"),
    tip: element("div", { class: "timeline-tip", "aria-hidden": "true", hidden: true }),
    spoken: element("p", { class: "hidden", "aria-live": "polite" }),
    table: element("details", { class: "timeline-table" }, element("summary", {}, text("timeline.show_as_table"))),
  };
  parts.plot = element("div", { class: "timeline-plot" }, parts.canvas, parts.mark, parts.cursor);
  parts.sticky = element("div", { class: "timeline-sticky" }, parts.corner, parts.names, parts.plot);
  parts.scroller = element(
    "div",
    {
      class: "timeline-scroll",
      tabindex: 0,
      role: "application",
      "aria-label": text(`timeline.label_${entity}`),
      "aria-description": text("timeline.keys"),
    },
    parts.sticky,
    parts.spacer,
  );
  const buttons = element("div", { class: "timeline-buttons no-print" }, parts.zoomOut, parts.zoomIn, parts.whole);
  const tools = element("div", { class: "timeline-tools" }, legend(entity, text), buttons);
  parts.node = liveElement(
    { class: "timeline" },
    start,
    tools,
    parts.status,
    parts.scroller,
    parts.tip,
    parts.spoken,
    parts.table,
  );
  return parts;
}

/** A small sample of how a state is drawn. */
export const swatch = (state) =>
  element("span", { class: `timeline-swatch ${STATES[state].look}`, "aria-hidden": "true" });

function legend(entity, text) {
  const entries = STATES_OF[entity].map((state) => element("li", {}, swatch(state), text(`timeline.state.${state}`)));
  const units = element(
    "li",
    {},
    element("span", { class: "timeline-swatch units", "aria-hidden": "true" }),
    text("timeline.units_made"),
  );
  return element("ul", { class: "timeline-legend", "aria-label": text("timeline.legend") }, ...entries, units);
}

/** The names of the rows in sight, in elements that are used again as rows scroll by. */
export function createNames(parts, rows, rowHeight, onOpen) {
  const pool = [];
  parts.names.style.setProperty("--row", `${rowHeight}px`);
  parts.names.addEventListener("click", (event) => {
    const name = event.target.closest(".timeline-name");
    if (name) onOpen?.(rows[Number(name.dataset.row)].id);
  });
  return function place(first, last, scrollTop, selected) {
    while (pool.length < last - first + 1) {
      // The keys of the timeline reach every row; hundreds of stops of the tab key would be in the way.
      pool.push(element("button", { type: "button", class: "timeline-name", tabindex: -1 }));
      parts.names.append(pool.at(-1));
    }
    const used = new Set();
    for (let row = first; row <= last; row += 1) {
      const node = pool[row % pool.length];
      used.add(node);
      if (node.dataset.row !== String(row)) {
        node.dataset.row = row;
        const { id, name } = rows[row];
        node.textContent = name;
        node.title = name === id || name.endsWith(`(${id})`) ? name : `${name} (${id})`;
      }
      node.style.transform = `translateY(${row * rowHeight - scrollTop}px)`;
      node.classList.toggle("selected", row === selected);
      node.hidden = false;
    }
    for (const node of pool) if (!used.has(node)) node.hidden = true;
  };
}
