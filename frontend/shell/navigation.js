// The links to the views: in the top bar of a wide screen, at the lower edge of a phone.

import { addressOf } from "../lib/address.js";
import { element, icon } from "../lib/element.js";
import { text } from "../lib/texts.js";

const ENTRIES = [
  ["overview", "M4 5h7v6H4zM13 5h7v10h-7zM4 13h7v6H4zM13 17h7v2h-7z"],
  ["workers", "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 20c.6-3.4 3.8-5 8-5s7.400 1.600 8 5"],
  ["workstations", "M4 20V9l6 4V9l6 4V5h4v15ZM8 16h1M12 16h1M16 16h1"],
  ["compare", "M7 4v16M17 4v16M3 9h8M13 14h8"],
  ["events", "M5 6h14M5 12h14M5 18h9"],
  ["organisation", "M3 21h18M5 21V7l6-3v17M11 10l8-3v14M8 9v.01M8 13v.01M8 17v.01M15 12v.01M15 16v.01"],
];
const BELONGS = { worker: "workers", workstation: "workstations" };

/** Render links to the views that are `offered(view)` to the reader; the current one is marked. */
export function renderNavigation(node, place, offered) {
  const current = BELONGS[place.view] ?? place.view;
  node.replaceChildren(
    ...ENTRIES.filter(([view]) => offered(view)).map(([view, path]) =>
      element(
        "a",
        { href: addressOf(place, { view }), "data-opens": view, "aria-current": view === current ? "page" : undefined },
        icon(path),
        element("span", {}, text(`views.${view === "organisation" ? "factories" : view}`)),
      ),
    ),
  );
}
