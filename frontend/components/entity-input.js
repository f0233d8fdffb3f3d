// A field for a worker, a workstation or a source, with suggestions by id or name.

import { element } from "../lib/element.js";

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
let made = 0;

/** True if a text may be the id of a worker or workstation. */
export const isId = (typed) => ID.test(typed);

/** The rows of a registry's answer as {id, name}. */
export const workersOf = (answer) => answer.data.map(({ worker_id: id, name }) => ({ id, name }));
export const workstationsOf = (answer) => answer.data.map(({ workstation_id: id, name }) => ({ id, name }));

/**
 * An input with suggestions, to be placed under a label; `suggestions` must stand in the document beside it.
 * @param {Record<string, unknown>} attributes of the input
 * @returns {{input, suggestions, offer(rows: {id, name}[]), known(): {id, name}|undefined, id: string}} `known` is
 *   the row whose id, or else whose name, was typed; `id` is its id, else what was typed
 */
export function createEntityInput(attributes = {}) {
  const suggestions = element("datalist", { id: `suggestions-${++made}` });
  const input = element("input", {
    type: "text",
    list: suggestions.id,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 200,
    ...attributes,
  });
  let rows = [];
  const typed = () => input.value.trim();
  const known = () =>
    rows.find(({ id }) => id === typed()) ?? rows.find(({ name }) => name.toLowerCase() === typed().toLowerCase());
  return {
    input,
    suggestions,
    known,
    offer(fresh) {
      if (JSON.stringify(fresh) === JSON.stringify(rows)) return; // an open list of suggestions would close
      rows = fresh;
      suggestions.replaceChildren(
        ...rows.map(({ id, name }) => element("option", { value: id }, name === id ? "" : name)),
      );
    },
    get id() {
      return known()?.id ?? typed();
    },
    set id(value) {
      input.value = value;
    },
  };
}
