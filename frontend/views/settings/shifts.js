// The shifts of a day as rows of a form: add, change, remove.

import { element, setText } from "../../lib/element.js";
import { text } from "../../lib/texts.js";

/**
 * @param {{name: string, start: string, end: string}[]} shifts
 * @returns {{node, control, fail(message), focus(), value(): object[]}} a field of a form
 */
export function createShifts(shifts) {
  const fault = element("p", { class: "fault", id: "shifts-fault" });
  const rows = element("ul", { class: "shifts" }, ...shifts.map(row));
  const add = element("button", { type: "button", class: "button", onclick: another }, text("settings.add_shift"));
  const node = element(
    "fieldset",
    { class: "field", "aria-describedby": fault.id },
    element("legend", {}, text("settings.shifts")),
    rows,
    element("div", {}, add),
    fault,
  );

  function another() {
    rows.append(row({ name: "", start: "", end: "" }));
    rows.lastChild.querySelector("input").focus();
  }

  function row({ name, start, end }) {
    const input = (key, value, attributes) =>
      element("input", { value, name: `shift-${key}`, "aria-label": text(`settings.shift_${key}`), ...attributes });
    const gone = () => {
      line.remove();
      add.focus();
    };
    const line = element(
      "li",
      {},
      input("name", name, { type: "text", maxlength: 64, autocomplete: "off" }),
      input("start", start, { type: "time" }),
      input("end", end, { type: "time" }),
      element(
        "button",
        { type: "button", class: "button", "aria-label": text("settings.remove_shift"), onclick: gone },
        "×",
      ),
    );
    return line;
  }

  return {
    node,
    control: add,
    fail: (message) => setText(fault, message),
    focus: () => add.focus(),
    value: () =>
      [...rows.children].map((line) =>
        Object.fromEntries(
          ["name", "start", "end"].map((key) => [key, line.querySelector(`[name=shift-${key}]`).value.trim()]),
        ),
      ),
  };
}
