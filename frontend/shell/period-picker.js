// The choice of the period: a row of radio buttons, and two fields for a custom period.

import { element } from "../lib/element.js";
import { inZone } from "../lib/format.js";
import { PERIODS } from "../lib/periods.js";
import { text } from "../lib/texts.js";
import { clockText, instantTyped } from "../lib/zone.js";

/**
 * Show the choice. `change` is called with the changed part of the address. Nodes are kept while the choice stays the
 * same, so that the focus stays where it is.
 */
export function renderPeriods(node, { place, site, period, shown, change }) {
  node.hidden = !shown;
  if (!shown) return;
  node.change = change;
  node.period = period;
  if (node.zone !== site.time_zone || !node.firstChild) {
    node.zone = site.time_zone;
    node.replaceChildren(choices(node), own(node), element("p", { class: "quiet span" }));
  }
  for (const input of node.querySelectorAll("input[name=window]")) {
    input.checked = input.value === place.window;
    if (input.value === "shift") input.parentElement.hidden = !site.shifts?.length;
  }
  bringIntoSight(node.querySelector(".segments"));
  const form = node.querySelector("form");
  form.hidden = place.window !== "custom";
  if (document.activeElement?.form !== form) fill(form, period, site.time_zone);
  const words = span(period, inZone(site.time_zone));
  node.lastChild.textContent = isMisread(place) ? `${text("periods.misread")} ${words}` : words;
}

/** Whether the address names a period that is none, so that another one is shown. */
function isMisread(place) {
  const asked = new URLSearchParams(location.search).get("window");
  return asked !== null && asked !== place.window;
}

function choices(node) {
  const one = (window) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: "window", value: window, onchange: () => choose(node, window) }),
      element("span", {}, text(`periods.${window}`)),
    );
  return element(
    "fieldset",
    { class: "segments" },
    element("legend", { class: "hidden" }, text("periods.legend")),
    ...PERIODS.map(one),
  );
}

function choose(node, window) {
  if (window !== "custom") return node.change({ window });
  const { from, to } = node.period; // begin with the period that is shown
  node.change({ window, from: new Date(from).toISOString(), to: new Date(to).toISOString() });
}

/** On a narrow screen the row scrolls sideways: keep the chosen period in sight. */
function bringIntoSight(row) {
  const chosen = row.querySelector(":checked")?.parentElement;
  if (!chosen) return;
  if (chosen.offsetLeft < row.scrollLeft || chosen.offsetLeft + chosen.offsetWidth > row.scrollLeft + row.clientWidth)
    row.scrollLeft = chosen.offsetLeft - 16;
}

function own(node) {
  const field = (name) =>
    element(
      "label",
      { class: "field" },
      element("span", {}, text(`periods.${name}`)),
      element("input", { type: "datetime-local", name, required: true }),
    );
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    const [from, to] = ["from", "to"].map((name) => instantTyped(form.elements[name].value, node.zone));
    form.elements.to.setCustomValidity(from < to ? "" : text("periods.order"));
    if (form.reportValidity())
      node.change({ window: "custom", from: new Date(from).toISOString(), to: new Date(to).toISOString() });
  };
  const forgive = (event) => event.currentTarget.elements.to.setCustomValidity("");
  return element(
    "form",
    { class: "custom-period", onsubmit: submit, oninput: forgive, hidden: true },
    field("from"),
    field("to"),
    element("button", { class: "button primary" }, text("periods.apply")),
  );
}

function fill(form, { from, to }, zone) {
  form.elements.from.value = clockText(from, zone);
  form.elements.to.value = clockText(to, zone);
}

/** The period in words: its bounds in the factory's time, and the name of the shift. */
function span({ from, to, live, before, shift }, format) {
  const sameDay = format.date(from) === format.date(to);
  const end = live ? text("periods.now") : sameDay ? format.time(to) : `${format.date(to)}, ${format.time(to)}`;
  const bounds = `${format.date(from)}, ${format.time(from)} – ${end}`;
  const words = `${bounds} · ${text("periods.compared", { from: `${format.date(before.from)}, ${format.time(before.from)}` })}`;
  return shift ? `${shift.name} · ${words}` : words;
}
