// A list with a panel beside it for one of its rows or a new one: the frame of people, keys and organisations. The
// address names what is in the panel, so that it can be linked to.

import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";
import { createTable, sortRows } from "./data-table.js";
import { emptyNotice } from "./error-notice.js";

/**
 * @param {object} context of the view
 * @param {{view: string, columns: object[], key: (row) => string, sort: string, add: () => {heading: string, node,
 *   focus?: Function}, panel?: (row) => {heading: string, node, focus?: Function}}} options
 * @returns {{node, show(rows, place)}}
 */
export function createRegistryPage(context, { view, columns, key, sort, add, panel }) {
  const { change, link } = context;
  const table = createTable({
    caption: text(`views.${view}`),
    columns,
    key,
    sort: (order) => change({ sort: order }, { replace: true }),
  });
  const none = emptyNotice(`${view}.none`);
  const adding = element("a", { class: "button primary" }, text(`${view}.add`));
  const aside = element("section", { class: "card", "aria-labelledby": "panel", hidden: true });
  const list = element(
    "section",
    { class: "card", "aria-label": text(`views.${view}`) },
    element("header", {}, element("p", { class: "quiet" }, text(`${view}.purpose`)), adding),
    table.node,
    none,
  );
  const node = element("div", { class: "administration" }, aside, list);
  let opened = "";

  function open(name, { heading, node: body, focus }) {
    opened = name;
    const title = element("h2", { id: "panel", tabindex: -1 }, heading);
    const close = element("a", { class: "button", href: link({ view }) }, text("panel.close"));
    aside.replaceChildren(element("header", {}, title, close), element("div", { class: "body" }, body));
    aside.hidden = false;
    // The shell gives the focus to a view that has just opened; the panel takes it from there.
    setTimeout(() => (focus ? focus() : title.focus()));
  }

  return {
    node,
    show(rows, place) {
      adding.href = link({ view, add: "new" });
      table.show(sortRows(rows, columns, place.sort ?? sort), place.sort ?? sort);
      table.node.hidden = rows.length === 0;
      none.hidden = rows.length > 0;
      const row = rows.find((one) => key(one) === place.id);
      const wanted = place.add ? "new" : row ? `row ${place.id}` : "";
      if (wanted === opened) return;
      if (wanted === "new") open(wanted, add());
      else if (row && panel) open(wanted, panel(row));
      else {
        opened = "";
        aside.hidden = true;
        setText(aside, "");
      }
    },
  };
}
