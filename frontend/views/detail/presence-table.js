// A worker's workstations, or a workstation's workers, from the intervals and the events that counted units.

import { element } from "../../lib/element.js";
import * as format from "../../lib/format.js";
import { text } from "../../lib/texts.js";
import { createTable } from "../../components/data-table.js";
import { unitsOf } from "./event-table.js";
import { hoursOf } from "./interval-list.js";
import { emptyNotice } from "../../components/error-notice.js";

/** @returns {{node, show(answers, counts)}} the workstations of a worker, with the time at each */
export function createStationsOfWorker({ link }) {
  const hours = (key, colour) => ({
    key,
    title: text(`states.${key}`),
    type: "number",
    value: (row) => row[key],
    write: (row) => format.hours(row[key]),
    bar: "most",
    colour,
    total: (rows) => format.hours(hoursOf(rows.flatMap((row) => row.intervals[key]))),
  });
  const columns = [
    linked("columns.workstation", (id) => link({ view: "workstation", id })),
    hours("working", "working"),
    hours("idle", "idle"),
    {
      key: "share",
      title: text("detail.share"),
      type: "number",
      value: (row) => row.share,
      write: (row) => format.percent(row.share),
      bar: "percent",
      colour: "accent",
    },
    units(),
  ];
  return listOf(text("detail.presence_of_worker"), columns, ({ intervals, now }, counts) => {
    const present = intervals.data.filter(({ state }) => state === "working" || state === "idle");
    const all = hoursOf(present);
    const names = namesIn(now.data.workstations, "workstation_id");
    const ids = idsOf(
      present.map(({ workstation_id: id }) => id),
      counts,
      "workstation_id",
    );
    return ids.map((id) => {
      const there = present.filter(({ workstation_id: at }) => at === id);
      const by = Object.fromEntries(
        ["working", "idle"].map((one) => [one, there.filter(({ state }) => state === one)]),
      );
      const time = hoursOf(there);
      return {
        id,
        name: names.get(id) ?? id,
        intervals: by,
        working: hoursOf(by.working),
        idle: hoursOf(by.idle),
        time,
        share: all ? (time / all) * 100 : null,
        units: unitsAt(counts, "workstation_id", id),
      };
    });
  });
}

/** @returns {{node, show(answers, counts)}} the workers at a workstation, with the stretches in which each was there */
export function createWorkersOfStation({ link }) {
  const columns = [
    linked("columns.worker", (id) => link({ view: "worker", id })),
    {
      key: "stretches",
      title: text("detail.stretches"),
      type: "number",
      value: (row) => row.stretches,
      write: (row) => format.count(row.stretches),
    },
    {
      key: "time",
      title: text("detail.stretches_length"),
      type: "number",
      value: (row) => row.time,
      write: (row) => format.hours(row.time),
      bar: "most",
      colour: "accent",
    },
    units(),
  ];
  return listOf(
    text("detail.presence_of_workstation"),
    columns,
    ({ intervals, now }, counts) => {
      const names = namesIn(now.data.workers, "worker_id");
      const ids = idsOf(
        intervals.data.flatMap(({ worker_ids: present }) => present),
        counts,
        "worker_id",
      );
      return ids.map((id) => {
        const there = intervals.data.filter(({ worker_ids: present }) => present.includes(id));
        return {
          id,
          name: names.get(id) ?? id,
          stretches: there.length,
          time: hoursOf(there),
          units: unitsAt(counts, "worker_id", id),
        };
      });
    },
    text("detail.stretches_note"),
  );
}

function listOf(caption, columns, rowsOf, note) {
  const table = createTable({ caption, columns, key: ({ id }) => id });
  const none = emptyNotice("detail.nobody");
  const unasked = emptyNotice("detail.unasked");
  const node = element("div", {}, table.node, note && element("p", { class: "quiet" }, note), none, unasked);
  return {
    node,
    show(answers, counts) {
      const rows = answers.intervals ? rowsOf(answers, counts).sort((a, b) => b.time - a.time) : [];
      table.show(rows);
      table.node.hidden = rows.length === 0;
      unasked.hidden = Boolean(answers.intervals);
      none.hidden = rows.length > 0 || !unasked.hidden;
    },
  };
}

const linked = (title, href) => ({
  key: "name",
  title: text(title),
  type: "text",
  value: ({ name }) => name,
  note: ({ id, name }) => (id === name ? "" : id),
  href: ({ id }) => href(id),
});
const units = () => ({
  key: "units",
  title: text("columns.total_units_produced"),
  type: "number",
  value: (row) => row.units,
  write: (row) => format.count(row.units),
  bar: "most",
  colour: "units",
  total: (rows) =>
    format.count(rows.some((row) => row.units === null) ? null : rows.reduce((sum, row) => sum + row.units, 0)),
});
const namesIn = (list, key) => new Map(list.map((one) => [one[key], one.name]));
const idsOf = (ids, counts, key) => [...new Set([...ids, ...(counts ?? []).map((event) => event[key])])];
const unitsAt = (counts, key, id) => (counts ? unitsOf(counts.filter((event) => event[key] === id)) : null);
