// Events as they were sent, with their delay and source.

import { element, setText } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { createTable, exported } from "../../components/data-table.js";
import { keyOf } from "../../components/event-types.js";

/**
 * @param {object} context of the view
 * @param {{kind: "worker"|"workstation", opened?: (event) => boolean, counter?: () => number, more: () => void}}
 *   options whose events they are; which one opened the interval; the units up to the newest event, for a running sum
 * @returns {{node, show({events, complete, fault}), table: () => object}} `table` is for a download
 */
export function createEventTable({ format }, { kind, opened = () => false, counter, more }) {
  let shown = [];
  const other = kind === "worker" ? "workstation_id" : "worker_id";
  const plain = (key, type, write) => ({
    key,
    title: text(`events_of.${key}`),
    type,
    value: (row) => row[key],
    write: write && ((row) => write(row[key])),
  });
  const columns = [
    {
      ...plain(
        "timestamp",
        "time",
        (at) => `${format.date(at, { weekday: undefined })}, ${format.time(at, { seconds: true })}`,
      ),
      total: () => text("table.total"),
    },
    !counter && {
      ...plain("event_type", "text", (type) => text(type === "product_count" ? "events_of.units" : `states.${type}`)),
      state: ({ event_type: type }) => (type === "product_count" ? "counted" : type),
      note: (event) => (opened(event) ? text("events_of.opened") : ""),
    },
    {
      ...plain("count", "number", (count) => (count === null ? "" : format.count(count))),
      value: (row) => (counts(row) ? row.count : null),
      total: (rows) => (rows.some(counts) ? format.count(unitsOf(rows)) : ""),
    },
    counter && {
      key: "so_far",
      title: text("events_of.so_far"),
      type: "number",
      value: (row) => row.soFar,
      write: (row) => format.count(row.soFar),
    },
    plain(other, "text"),
    {
      key: "late",
      title: text("events_of.late"),
      type: "number",
      value: late,
      write: (row) => format.duration(late(row)),
      exports: [plain("received_at", "time")],
    },
    plain("source_id", "text"),
    plain("model_version", "text"),
    { ...plain("confidence", "number", (value) => (value === null ? "" : format.percent(value * 100))) },
  ].filter(Boolean);
  const table = createTable({ caption: text("events_of.caption"), columns, key: keyOf });
  const status = element("p", { class: "quiet", role: "status" });
  const button = element("button", { type: "button", class: "button no-print", onclick: more }, text("table.more"));
  const node = element("div", { class: "events-of" }, table.node, element("div", { class: "more" }, status, button));

  return {
    node,
    table: () => exported(shown, columns),
    show({ events, complete, fault }) {
      let soFar = counter?.();
      shown = events.map((event) => {
        const row = { ...event, soFar };
        soFar -= event.count ?? 0;
        return row;
      });
      table.show(shown);
      table.node.hidden = events.length === 0;
      button.hidden = complete || events.length === 0;
      setText(
        status,
        fault ||
          (complete
            ? events.length
              ? ""
              : text("events_of.none")
            : text("events_of.newest", { n: format.count(events.length), form: events.length })),
      );
    },
  };
}

const counts = ({ event_type: type }) => type === "product_count";

/** The units that events count. */
export const unitsOf = (events) => events.filter(counts).reduce((sum, { count }) => sum + count, 0);

const late = ({ received_at: received, timestamp }) => (Date.parse(received) - Date.parse(timestamp)) / 1000;
