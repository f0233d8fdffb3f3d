// Tables as files: CSV for programs, Excel for people.
//
// A table is {columns: [{title, type}], rows: [[value, …], …], timeZone}. A column's type is "text", "number" or
// "time"; a time is an ISO text or milliseconds since the Unix epoch; null or undefined is an empty cell. `timeZone`
// (IANA name, "UTC" if left out) matters to Excel alone, whose times have no zone.

import { wallClock } from "./zone.js";

const FORMULA = /^[=+\-@\t\r\n]/;
const WIDTHS = { text: 24, number: 14, time: 20 }; // in characters

/** Download the table as `name.csv`. */
export function downloadCsv(name, table) {
  offer(`${name}.csv`, new Blob([csvOf(table)], { type: "text/csv;charset=utf-8" }));
}

/** Download the table as `name.xlsx`; the library is loaded at the first call. */
export async function downloadXlsx(name, table) {
  const { default: workbook } = await import("../vendor/write-excel-file/write-excel-file.esm.js");
  const { timeZone = "UTC" } = table;
  const heading = ({ title, type }) => ({
    value: type === "time" ? `${title} (${timeZone})` : title,
    type: String,
    fontWeight: "bold",
    align: type === "number" ? "right" : undefined,
  });
  const rows = table.rows.map((row) => row.map((value, index) => cell(value, table.columns[index].type, timeZone)));
  const file = await workbook([table.columns.map(heading), ...rows], {
    sheet: name.replace(/[[\]/\\:*?']/g, " ").slice(0, 31),
    columns: table.columns.map(({ type }) => ({ width: WIDTHS[type] })),
    stickyRowsCount: 1,
  });
  offer(`${name}.xlsx`, file);
}

/**
 * The table as CSV by RFC 4180, with a byte order mark so that Excel takes it for UTF-8. Numbers have a decimal point
 * and every digit they came with; times are ISO.
 *
 * A text that a spreadsheet would run as a formula (it begins with = + - @, a tab or a line break) gets an
 * apostrophe in front; numbers stay numbers, also negative ones.
 * @returns {string}
 */
export function csvOf({ columns, rows }) {
  const lines = [
    columns.map(({ title }) => field(title, "text")),
    ...rows.map((row) => row.map((value, index) => field(value, columns[index].type))),
  ];
  return ["\uFEFF", ...lines.map((line) => `${line.join(",")}\r\n`)].join("");
}

function field(value, type) {
  if (isEmpty(value)) return "";
  const given = type === "time" && typeof value === "number" ? new Date(value).toISOString() : String(value);
  const text = type === "text" && FORMULA.test(given) ? `'${given}` : given;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function cell(value, type, timeZone) {
  if (isEmpty(value)) return null;
  if (type === "number") return { value, type: Number };
  if (type === "time") return { value: asShown(value, timeZone), type: Date, format: "yyyy-mm-dd hh:mm:ss" };
  return { value: String(value), type: String };
}

const isEmpty = (value) => value === null || value === undefined || Number.isNaN(value);

/** The Date whose UTC reading is what a clock in the zone shows, to the second. */
function asShown(value, timeZone) {
  const { year, month, day, hour, minute, second } = wallClock(new Date(value), timeZone);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

function offer(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // a browser may read it only after asking where to put it
}
