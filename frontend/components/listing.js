// A registry with its figures: search, filters by state and type, sorting, download. The choice is kept in the address.

import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";
import { createChips, statesIn } from "./chips.js";
import { createTable, exported, sortRows } from "./data-table.js";
import { downloads } from "./download.js";
import { emptyNotice } from "./error-notice.js";

const TYPING_MS = 250; // after a pause this long the typed text goes into the address
const USUAL_SORT = "name";

/**
 * @param {object} context of the view
 * @param {{view: string, columns: object[], states: string[], typed?: boolean}} options rows have `id`, `name`,
 *   `state` and, where `typed`, `type`; the texts are those of `view`
 * @returns {{node, show(rows, place)}}
 */
export function createListing(context, { view, columns, states, typed = false }) {
  const { format, change } = context;
  let rows = [];
  let shown = [];
  let typing;

  const search = element("input", {
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: text(`${view}.search`),
    "aria-label": text(`${view}.search`),
    oninput: typedIn,
  });
  const types = element("select", {
    "aria-label": text("stations.type"),
    onchange: () => narrow({ type: types.value }),
  });
  const chips = createChips({ legend: text("table.by_state"), states, changed: (state) => narrow({ state }) });
  const count = element("p", { class: "quiet number", role: "status" });
  const table = createTable({
    caption: text(`views.${view}`),
    columns,
    key: ({ id }) => id,
    sort: (sort) => narrow({ sort }),
  });
  const none = element("div", { class: "none", hidden: true });
  const bar = element("div", { class: "filters no-print" }, search, typed && types, chips.node);
  const node = element(
    "section",
    { class: "card listing", "aria-label": text(`views.${view}`) },
    element(
      "header",
      {},
      bar,
      element(
        "div",
        { class: "outcome" },
        count,
        downloads(context, view, () => exported(shown, columns)),
      ),
    ),
    table.node,
    none,
  );

  function narrow(changes) {
    change(changes);
    draw(); // known rows need not wait for fresh figures
  }

  function typedIn() {
    draw();
    clearTimeout(typing);
    typing = setTimeout(() => {
      typing = undefined;
      if (node.isConnected) change({ q: search.value }, { replace: true });
    }, TYPING_MS);
  }

  function draw() {
    const { state, type, sort = USUAL_SORT } = context.place;
    const chosen = statesIn(state, states);
    const wanted = search.value.trim().toLowerCase();
    const found = rows.filter(
      (row) =>
        (row.id.toLowerCase().includes(wanted) || row.name.toLowerCase().includes(wanted)) &&
        (chosen.size === 0 || chosen.has(row.state)) &&
        (!typed || !type || row.type === type),
    );
    shown = sortRows(sortRows(found, columns, USUAL_SORT), columns, sort);
    chips.show(
      chosen,
      Object.fromEntries(states.map((one) => [one, format.count(rows.filter((row) => row.state === one).length)])),
    );
    if (typed) offerTypes(type);
    table.show(shown, sort);
    setText(count, text("table.count", { n: format.count(shown.length), all: format.count(rows.length) }));
    table.node.hidden = shown.length === 0;
    bar.hidden = rows.length === 0;
    none.hidden = shown.length > 0;
    if (shown.length === 0) none.replaceChildren(...(rows.length ? unmatched() : [emptyNotice(`empty.${view}`)]));
  }

  function unmatched() {
    const all = () => {
      search.value = "";
      narrow({ q: undefined, state: undefined, type: undefined });
      search.focus();
    };
    return [
      emptyNotice("table.no_match"),
      element("button", { type: "button", class: "button", onclick: all }, text("table.show_all")),
    ];
  }

  function offerTypes(chosen) {
    const found = [...new Set(rows.map(({ type }) => type).filter(Boolean))].sort();
    if (types.childElementCount !== found.length + 1) {
      types.replaceChildren(
        element("option", { value: "" }, text("stations.all_types")),
        ...found.map((type) => element("option", { value: type }, type)),
      );
    }
    types.value = found.includes(chosen) ? chosen : "";
  }

  return {
    node,
    show(fresh, place) {
      rows = fresh;
      if (!typing) search.value = place.q ?? "";
      draw();
    },
  };
}
