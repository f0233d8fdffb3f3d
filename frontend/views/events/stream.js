// The stream of events as rows, each with links to its worker and station. A row stays the same node while its
// event is shown, so that focus and selection stay too.

import { element } from "../../lib/element.js";
import { writeLocal } from "../../lib/format.js";
import { text } from "../../lib/texts.js";
import { keyOf, typeMark, typeName } from "../../components/event-types.js";
import { createRows } from "../../components/keyed-rows.js";

const LATE_MS = 60_000;
const COLUMNS = ["time", "type", "worker", "workstation", "count", "confidence", "source", "model", "received"];
const NUMBERS = ["count", "confidence"];

/**
 * @param {{format, link, timeZone: string}} options
 * @returns {{node, show(events: object[], names: {worker: Map, workstation: Map})}} events as of `GET /events/`
 */
export function createEventStream({ format, link, timeZone }) {
  const body = element("tbody", { role: "rowgroup" });
  const head = COLUMNS.map((name) =>
    element(
      "th",
      { scope: "col", role: "columnheader", class: NUMBERS.includes(name) ? "number" : undefined },
      text(`events.${name}`),
    ),
  );
  const node = element(
    "table",
    // The roles are explicit because the layout of a phone removes them.
    { class: "event-stream", role: "table", "aria-label": text("views.events") },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    body,
  );
  const write = writerOf({ format, link, timeZone });
  let known = { worker: new Map(), workstation: new Map() };
  const rows = createRows(body, {
    key: (event) =>
      JSON.stringify([
        keyOf(event),
        known.worker.get(event.worker_id),
        known.workstation.get(event.workstation_id),
        link({}),
      ]),
    make: (event) => ({ node: rowOf(write(event, known)), update() {} }), // everything that can change is in the key
  });

  function show(events, names) {
    known = names;
    rows(events);
  }

  return { node, show };
}

const rowOf = (cells) =>
  element(
    "tr",
    { role: "row" },
    ...COLUMNS.map((name) =>
      element("td", { role: "cell", class: NUMBERS.includes(name) ? `${name} number` : name }, cells[name]),
    ),
  );

function writerOf({ format, link, timeZone }) {
  const seconds = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const milliseconds = { ...seconds, fractionalSecondDigits: 3 };
  const time = (iso) => {
    const at = Date.parse(iso);
    const written = writeLocal(at, timeZone, at % 1000 === 0 ? seconds : milliseconds);
    return element(
      "time",
      { datetime: iso, title: iso },
      element("span", { class: "quiet" }, format.date(at, { weekday: undefined })),
      ` ${written}`,
    );
  };
  const entity = (view, id, name) =>
    element(
      "span",
      {},
      element("a", { href: link({ view, id }) }, id),
      name && name !== id && element("span", { class: "quiet" }, ` ${name}`),
    );
  const received = (event) => {
    const late = Date.parse(event.received_at) - Date.parse(event.timestamp);
    const words =
      late > LATE_MS
        ? text("events.late", { duration: format.duration(late / 1000) })
        : format.time(event.received_at, { seconds: true });
    return element("span", { title: event.received_at }, words);
  };
  return (event, names) => ({
    time: time(event.timestamp),
    type: typeMark(event.event_type),
    worker: entity("worker", event.worker_id, names.worker.get(event.worker_id)),
    workstation: entity("workstation", event.workstation_id, names.workstation.get(event.workstation_id)),
    count: event.count !== null && format.count(event.count),
    confidence: event.confidence !== null && format.percent(100 * event.confidence),
    source: event.source_id,
    model: event.model_version,
    received: received(event),
  });
}

/** The events as a table for a file, in the columns of the screen and with every digit. */
export function streamTable(events) {
  const typeOf = { time: "time", received: "time", count: "number", confidence: "number" };
  return {
    columns: COLUMNS.map((name) => ({ title: text(`events.${name}`), type: typeOf[name] ?? "text" })),
    rows: events.map((event) => [
      event.timestamp,
      typeName(event.event_type),
      event.worker_id,
      event.workstation_id,
      event.count,
      event.confidence,
      event.source_id,
      event.model_version,
      event.received_at,
    ]),
  };
}
