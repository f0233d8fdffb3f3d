// Two buttons that download a list.

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
 * @param {() => {columns, rows, most?}} table asked for when a button is pressed, or a promise of it; `most` is the
 *   number of rows where there were more, and the file's name tells it
 */
export function downloads(context, what, table) {
  const fault = element("p", { class: "fault", role: "alert" });
  const button = (title, format, offer) =>
    element(
      "button",
      { type: "button", class: "button", onclick: (event) => make(event.target, format, offer) },
      title,
    );

  async function make(button, format, offer) {
    setText(fault, "");
    button.disabled = true;
    try {
      const shown = { ...(await table()), timeZone: context.site.time_zone };
      await post(
        "/exports/",
        { view: context.place.view, format, rows: shown.rows.length },
        { factory: context.place.factory },
      );
      await offer(fileName(context, shown.most ? `${what}-newest-${shown.most}` : what), shown);
    } catch (error) {
      if (!context.life?.aborted) setText(fault, explain(error));
    } finally {
      button.disabled = false;
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
