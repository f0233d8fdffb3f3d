// Columns shared by the tables of workers and of workstations. Keys are the API's fields.

import { hours } from "../lib/format.js";
import { text } from "../lib/texts.js";

/** A column's title in a file, with its unit. */
export const titled = (key, unit) => (unit ? `${text(`columns.${key}`)} (${unit})` : text(`columns.${key}`));

/** A column of a file: the field as the API gives it. */
export const field = (key, unit, type = "number") => ({ title: titled(key, unit), type, value: (row) => row[key] });

/** A figure, written by `write(value)`; `unit` stands in a file's heading. */
export const figure = (key, write, { unit, ...more } = {}) => ({
  key,
  title: text(`columns.${key}`),
  type: "number",
  value: (row) => row[key],
  write: (row) => (row.withheld ? text("withheld.figure") : write(row[key])),
  exports: [field(key, unit)],
  ...more,
});

/** A time in hours, with a bar as long as its share of the longest, and the sum of all. */
export const time = (key, colour, more = {}) =>
  figure(key, hours, { unit: "h", bar: "most", colour, total: (rows) => hours(sum(rows, key)), ...more });

/** The name of a row's worker or station as a link to its detail, with the id beneath where it differs. */
export const named = (title, href) => ({
  key: "name",
  title,
  type: "text",
  value: ({ name }) => name,
  note: ({ id, name }) => (id === name ? "" : id),
  href,
  exports: [field("id", "", "text"), field("name", "", "text")],
});

export const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);
export const ratio = (part, of) => (of > 0 ? part / of : null);
export const percentage = (part, of) => (of > 0 ? (part / of) * 100 : null);
