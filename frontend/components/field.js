// A form's field with its label, a hint and a fault, all announced by screen readers.

import { element, setText } from "../lib/element.js";

let made = 0;

/**
 * A labelled control; `group` holds several (radio buttons) under one legend.
 * @param {{label: string, control?: HTMLElement, group?: HTMLElement[]}} parts
 * @returns {{node, fail(message: string), hint(words: string), focus()}} an empty message removes the fault
 */
export function createField({ label, control, group }) {
  const id = `field-${++made}`;
  const hint = element("p", { class: "hint", id: `${id}-hint` });
  const fault = element("p", { class: "fault", id: `${id}-fault` });
  const node = group
    ? element(
        "fieldset",
        { class: "field", role: "radiogroup" },
        element("legend", {}, label),
        element("div", { class: "choices" }, ...group),
        fault,
      )
    : element("div", { class: "field" }, element("label", { for: id }, label), control, hint, fault);
  const described = group ? node : control;
  if (control) control.id = id;
  described.setAttribute("aria-describedby", group ? fault.id : `${hint.id} ${fault.id}`);
  return {
    node,
    fail(message) {
      setText(fault, message);
      if (message) described.setAttribute("aria-invalid", "true");
      else described.removeAttribute("aria-invalid");
    },
    hint: (words) => setText(hint, words),
    focus: () => (group ? node.querySelector("input:checked, input") : control).focus(),
  };
}
