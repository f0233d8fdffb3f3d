// Check boxes that narrow a list by states, each with the number of its rows.

import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";

/**
 * @param {{legend: string, states: string[], changed: (chosen: string) => void}} options `chosen` is a comma list
 * @returns {{node, show(chosen: Set<string>, counts: Record<string, string>)}}
 */
export function createChips({ legend, states, changed }) {
  const boxes = states.map((state) => {
    const box = element("input", { type: "checkbox", value: state });
    const count = element("span", { class: "count number" });
    const label = element(
      "label",
      { class: "chip" },
      box,
      element("span", { class: `state state-${state}` }, text(`states.${state}`)),
      count,
    );
    return { state, box, count, label };
  });
  const narrowed = () =>
    changed(
      boxes
        .filter(({ box }) => box.checked)
        .map(({ state }) => state)
        .join(),
    );
  const node = element(
    "fieldset",
    { class: "chips", onchange: narrowed },
    element("legend", { class: "hidden" }, legend),
    ...boxes.map(({ label }) => label),
  );
  return {
    node,
    show(chosen, counts) {
      for (const { state, box, count } of boxes) {
        box.checked = chosen.has(state);
        setText(count, counts[state]);
      }
    },
  };
}

/** The valid states in a comma list of the address. */
export const statesIn = (list, states) => new Set((list ?? "").split(",").filter((state) => states.includes(state)));
