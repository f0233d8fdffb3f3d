// The filters of the events: worker, workstation, type and source, kept in the address.

import { element } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { createEntityInput, isId } from "../../components/entity-input.js";
import { EVENT_TYPES, typeName } from "../../components/event-types.js";
import { createField } from "../../components/field.js";

// The name in the address, the API's parameter, and a check that some event can have the value.
const FILTERS = {
  worker: { parameter: "worker_id", can: isId },
  workstation: { parameter: "workstation_id", can: isId },
  type: { parameter: "event_type", can: (value) => EVENT_TYPES.includes(value) },
  source: { parameter: "source_id", can: (value) => [...value].length <= 64 && !/\p{Cc}/u.test(value) },
};
const NAMES = Object.keys(FILTERS);
const cleared = Object.fromEntries(NAMES.map((name) => [name, undefined]));

/** The filters of an address as the API's parameters; null when no event can match. */
export function filtersOf(place) {
  const given = NAMES.filter((name) => place[name]);
  if (!given.every((name) => FILTERS[name].can(place[name]))) return null;
  return Object.fromEntries(given.map((name) => [FILTERS[name].parameter, place[name]]));
}

/**
 * The row of filters. `change` is called with the changed part of the address.
 * @returns {{node, show(place, known: {worker, workstation, source})}} `known` are the rows {id, name} to suggest
 */
export function createEventFilters({ change }) {
  const entities = Object.fromEntries(
    ["worker", "workstation", "source"].map((name) => [
      name,
      createEntityInput({ type: "search", onchange: () => change({ [name]: entities[name].id || undefined }) }),
    ]),
  );
  const type = element(
    "select",
    { onchange: () => change({ type: type.value || undefined }) },
    element("option", { value: "" }, text("events.any")),
    ...EVENT_TYPES.map((one) => element("option", { value: one }, typeName(one))),
  );
  const control = (name) => (name === "type" ? type : entities[name].input);
  const fields = Object.fromEntries(
    NAMES.map((name) => [name, createField({ label: text(`events.${name}`), control: control(name) })]),
  );
  const clear = element(
    "button",
    {
      type: "button",
      class: "button",
      onclick: () => {
        change(cleared);
        entities.worker.input.focus();
      },
    },
    text("events.clear"),
  );
  const submit = (event) => event.preventDefault(); // Enter has changed the field already
  const suggestions = Object.values(entities).map((entity) => entity.suggestions);
  const node = element(
    "form",
    { class: "event-filters no-print", role: "search", "aria-label": text("events.filters"), onsubmit: submit },
    ...NAMES.map((name) => fields[name].node),
    clear,
    ...suggestions,
  );
  let before = {};

  function show(place, known) {
    for (const name of NAMES) {
      if (name in entities) entities[name].offer(known[name]);
      if (place[name] !== before[name]) control(name).value = place[name] ?? "";
      fields[name].fail(place[name] && !FILTERS[name].can(place[name]) ? text("events.impossible") : "");
    }
    before = place;
    clear.hidden = NAMES.every((name) => !place[name]);
  }

  return { node, show };
}
