// A table of figures: sorted by its headings, with bars in the cells, a row of totals and rows that keep their place.

import { element, setText } from "../lib/element.js";
import { locale, text } from "../lib/texts.js";
import { createRows } from "./keyed-rows.js";

/**
 * A column is
 *   {key, title, type: "text"|"number"|"time", value(row), write?(row), note?(row), href?(row), state?(row),
 *   bar?: "percent"|"most", band?(row), colour?, total?(rows), order?(row), exports?: {title, type, value(row)}[]}.
 * `value` is sorted by (unless there is `order`) and downloaded, `write` is its text, `note` a quiet line beneath,
 * `href` the address that it opens. A bar shows a percentage or a share of the largest value; `band` is [lower, upper]
 * in percent around it. The first column heads the rows.
 *
 * @param {{caption: string, columns: object[], key: (row) => string, sort?: (name: string) => void}} options `sort` is
 *   called with the column's key, after "-" for the largest first; without it the order is fixed
 * @returns {{node, show(rows, sort?: string)}} rows in the order in which they are to stand
 */
export function createTable({ caption, columns, key, sort }) {
  const heads = columns.map((column) => heading(column, sort));
  const body = element("tbody");
  const foot = element("tfoot", {}, element("tr", {}, ...columns.map(footing)));
  const table = element(
    "table",
    { class: "figures" },
    element("caption", { class: "hidden" }, caption),
    element("thead", {}, element("tr", {}, ...heads)),
    body,
  );
  if (columns.some(({ total }) => total)) table.append(foot);
  const node = element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption }, table);
  let most = {}; // the same object while bars keep their scale
  const showRows = createRows(body, { key, make: () => line(columns, () => most) });

  return {
    node,
    show(rows, sorted = "") {
      for (const [n, head] of heads.entries()) mark(head, columns[n].key, sorted);
      const largest = largestOf(columns, rows);
      if (JSON.stringify(largest) !== JSON.stringify(most)) most = largest;
      showRows(rows);
      // Without what is withheld it would be no sum of all.
      const whole = !rows.some(({ withheld, withheld_hours: hours }) => withheld || hours);
      for (const [n, { total }] of columns.entries()) {
        if (total) setText(foot.firstChild.children[n], whole ? total(rows) : text("withheld.figure"));
      }
    },
  };
}

/** Sort rows by "column" or "-column"; rows without a value come last in both. The sort is stable. */
export function sortRows(rows, columns, sorted) {
  const down = sorted.startsWith("-");
  const column = columns.find(({ key }) => key === sorted.replace(/^-/, ""));
  if (!column) return rows;
  const order = column.order ?? column.value;
  const words = new Intl.Collator(locale(), { numeric: true });
  return rows
    .map((row) => ({ row, by: order(row) }))
    .sort((a, b) => {
      if (missing(a.by) || missing(b.by)) return missing(a.by) - missing(b.by);
      const difference = typeof a.by === "string" ? words.compare(a.by, b.by) : a.by - b.by;
      return down ? -difference : difference;
    })
    .map(({ row }) => row);
}

/** The rows as a table to download, with the values as the API gave them. */
export function exported(rows, columns) {
  const all = columns.flatMap((column) => column.exports ?? [column]);
  return {
    columns: all.map(({ title, type }) => ({ title, type })),
    rows: rows.map((row) => all.map(({ value }) => value(row))),
  };
}

/** The largest value of each column whose bars are drawn relative to it. */
function largestOf(columns, rows) {
  const measured = columns.filter(({ bar }) => bar === "most");
  return Object.fromEntries(
    measured.map(({ key, value }) => [key, Math.max(0, ...rows.map((row) => value(row) ?? 0))]),
  );
}

const missing = (value) => value === null || value === undefined;
const classOf = ({ type }) => (type === "number" ? "number" : undefined);

function heading(column, sort) {
  const attributes = { scope: "col", class: classOf(column) };
  if (!sort) return element("th", attributes, column.title);
  const button = element("button", { type: "button", class: "sort" }, column.title);
  const head = element("th", attributes, button);
  const first = column.type === "number" ? "-" : ""; // people look for the largest figures first, and for names from A
  const other = first ? "" : "-";
  button.addEventListener("click", () =>
    sort(`${head.dataset.sorted === `${first}${column.key}` ? other : first}${column.key}`),
  );
  return head;
}

function mark(head, key, sorted) {
  const up = sorted === key;
  const down = sorted === `-${key}`;
  if (up || down) head.dataset.sorted = sorted;
  else delete head.dataset.sorted;
  if (up || down) head.setAttribute("aria-sort", up ? "ascending" : "descending");
  else head.removeAttribute("aria-sort");
}

const footing = (column, n) =>
  n === 0 ? element("th", { scope: "row" }, text("table.total")) : element("td", { class: classOf(column) });

function line(columns, most) {
  const cells = columns.map((column, n) => cell(column, n === 0));
  let drawn = {};
  return {
    node: element("tr", {}, ...cells.map(({ node }) => node)),
    update(row) {
      if (drawn.row === row && drawn.most === most()) return; // only its place has changed
      drawn = { row, most: most() };
      for (const one of cells) one.update(row, drawn.most);
    },
  };
}

function cell(column, heads) {
  const write = column.write ?? ((row) => column.value(row) ?? "");
  // The keyboard stops at the row's name only; more stops in each row would be in the way.
  const link = column.href ? element("a", { tabindex: heads ? undefined : -1 }) : null;
  const words = link ?? element("span");
  const note = column.note ? element("small") : null;
  const node = element(
    heads ? "th" : "td",
    { class: classOf(column), scope: heads ? "row" : undefined, "data-colour": column.colour },
    words,
    note,
  );
  const update = (row, most) => {
    setText(words, write(row));
    if (link) link.setAttribute("href", column.href(row));
    if (note) setText(note, column.note(row));
    if (column.state) words.className = `state state-${column.state(row)}`;
    if (column.bar) drawBar(node, column, row, most);
  };
  return { node, update };
}

function drawBar(node, column, row, most) {
  const value = column.value(row);
  node.classList.toggle("measured", !missing(value));
  if (missing(value)) return;
  const whole = column.bar === "percent" ? 100 : most[column.key];
  node.style.setProperty("--share", whole ? Math.min(1, value / whole) : 0);
  if (!column.band) return;
  const [lower, upper] = column.band(row);
  node.classList.add("banded");
  node.style.setProperty("--lower", lower / 100);
  node.style.setProperty("--upper", upper / 100);
}
