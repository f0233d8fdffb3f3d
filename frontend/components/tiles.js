// Large figures of a period, each with its change from the period before and its course, and linked to its breakdown.

import { element, setText } from "../lib/element.js";
import { sparkline } from "./sparkline.js";

/**
 * A row of tiles that keeps its place while figures change.
 *
 * A tile is `{key, label, value, small?, unit?, note?, change?: {text, look: string}, course?: number[], band?:
 * {lower, value, upper}, href?}`; `band` in percent, `small` where the value is a word.
 * @returns {{node, show(tiles)}}
 */
export function createTiles(labels) {
  const places = new Map(labels.map(({ key, label }) => [key, skeleton(label)]));
  const node = element("ul", { class: "tiles" }, ...[...places.values()].map(({ node }) => node));
  return {
    node,
    show(tiles) {
      for (const tile of tiles) fill(places.get(tile.key), tile);
    },
  };
}

function skeleton(label) {
  const parts = {
    value: element("span", { class: "value number" }, "\u00a0"),
    unit: element("span", { class: "unit" }),
    change: element("span", { class: "change number" }),
    note: element("span", { class: "note" }),
    drawn: element("span", { class: "drawn" }),
  };
  const link = element(
    "a",
    { class: "tile" },
    element("span", { class: "label" }, label),
    element("span", { class: "figure" }, parts.value, parts.unit),
    parts.drawn,
    element("span", { class: "foot" }, parts.change, parts.note),
  );
  return { node: element("li", {}, link), link, ...parts };
}

function fill(place, { value, small = false, unit = "", note = "", change, course, band, href }) {
  place.link.classList.toggle("small", small);
  if (href) place.link.setAttribute("href", href);
  setText(place.value, value);
  setText(place.unit, unit);
  setText(place.note, note);
  setText(place.change, change?.text ?? "");
  place.change.className = `change number ${change?.look ?? ""}`;
  if (band) place.drawn.replaceChildren(bandOf(band));
  else place.drawn.replaceChildren(...(course ? [sparkline(course)] : []));
}

/** A bar that shows a percentage between its lower and upper bound. */
function bandOf({ lower, value, upper }) {
  const bar = element("span", { class: "band", "aria-hidden": "true" });
  if (value === null) return bar;
  const range = element("span", { class: "between" });
  const mark = element("span", { class: "at" });
  range.style.insetInlineStart = `${lower}%`;
  range.style.inlineSize = `${upper - lower}%`;
  mark.style.insetInlineStart = `${value}%`;
  bar.append(range, mark);
  return bar;
}
