// The spans of one row as a table, for screen readers and for those who want to read them.

import { element } from "../../lib/element.js";

const MOST_ROWS = 300;

/** @returns {(name: string, readings: object[]) => void} fills the details element with the readings of a row */
export function createTable(details, { words, text, format }) {
  const caption = element("caption");
  const headings = ["time", "states", "where", "units_made"].map((key) =>
    element("th", { scope: "col" }, text(`timeline.${key}`)),
  );
  const body = element("tbody");
  const note = element("p", { class: "quiet" });
  const table = element("table", {}, caption, element("thead", {}, element("tr", {}, ...headings)), body);
  details.append(
    element(
      "div",
      { class: "timeline-table-scroll", tabindex: 0, role: "region", "aria-label": text("timeline.show_as_table") },
      table,
    ),
    note,
  );

  return function fill(name, readings) {
    caption.textContent = name;
    body.replaceChildren(...readings.slice(0, MOST_ROWS).map(line));
    note.textContent = readings.length > MOST_ROWS ? text("timeline.more_rows", { n: format.count(MOST_ROWS) }) : "";
  };

  function line(reading) {
    const states = words.states(reading).map((state) => state.words);
    const cells = [words.time(reading), states.join("; "), words.places(reading) ?? "", format.count(reading.units)];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  }
}

export { MOST_ROWS };
