// Two buttons that offer what is shown as a file.

import { element } from "../lib/element.js";
import { downloadCsv, downloadXlsx } from "../lib/export.js";
import { text } from "../lib/texts.js";
import { wallClock } from "../lib/zone.js";

/**
 * @param {object} context of the view
 * @param {string} what the name of the list in the file's name, after the factory and before the window
 * @param {() => {columns, rows}} table asked for when a button is pressed
 */
export function downloads(context, what, table) {
  const button = (title, offer) =>
    element("button", { type: "button", class: "button", onclick: () => offer(fileName(context, what), { ...table(), timeZone: context.site.time_zone }) }, title);
  return element(
    "div",
    { class: "downloads no-print", role: "group", "aria-label": text("table.download") },
    button("CSV", downloadCsv),
    button("Excel", downloadXlsx),
  );
}

/** "plant-1-workers-2026-11-23-0600-to-2026-11-23-1400", in the factory's time. */
function fileName({ place, period, site }, what) {
  const [from, to] = [period.from, period.to].map((at) => stamp(wallClock(at, site.time_zone)));
  return `${place.factory}-${what}-${from}-to-${to}`;
}

const two = (number) => String(number).padStart(2, "0");
const stamp = ({ year, month, day, hour, minute }) => `${year}-${two(month)}-${two(day)}-${two(hour)}${two(minute)}`;
