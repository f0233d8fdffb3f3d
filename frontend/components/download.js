// Two buttons that download what is shown.

import { post } from "../lib/api.js";
import { element, setText } from "../lib/element.js";
import { downloadCsv, downloadXlsx } from "../lib/export.js";
import { text } from "../lib/texts.js";
import { wallClock } from "../lib/zone.js";
import { explain } from "./error-notice.js";

/**
 * The server records each download before the file is made. Hidden where the reader may not export.
 * @param {object} context of the view
 * @param {string} what the name of the list in the file's name, after the factory and before the window
 * @param {() => {columns, rows}} table asked for when a button is pressed
 */
export function downloads(context, what, table) {
  const fault = element("p", { class: "fault", role: "alert" });
  const button = (title, format, offer) =>
    element("button", { type: "button", class: "button", onclick: () => make(format, offer) }, title);

  async function make(format, offer) {
    setText(fault, "");
    const shown = { ...table(), timeZone: context.site.time_zone };
    try {
      await post(
        "/exports/",
        { view: context.place.view, format, rows: shown.rows.length },
        { factory: context.place.factory },
      );
      await offer(fileName(context, what), shown);
    } catch (error) {
      setText(fault, explain(error));
    }
  }

  return element(
    "div",
    {
      class: "downloads no-print",
      role: "group",
      "aria-label": text("table.download"),
      hidden: !context.may("export"),
    },
    button("CSV", "csv", downloadCsv),
    button("Excel", "xlsx", downloadXlsx),
    fault,
  );
}

/** "plant-1-workers-2026-11-23-0600-to-2026-11-23-1400", in the factory's time. */
function fileName({ place, period, site }, what) {
  const [from, to] = [period.from, period.to].map((at) => stamp(wallClock(at, site.time_zone)));
  return `${place.factory}-${what}-${from}-to-${to}`;
}

const two = (number) => String(number).padStart(2, "0");
const stamp = ({ year, month, day, hour, minute }) => `${year}-${two(month)}-${two(day)}-${two(hour)}${two(minute)}`;
