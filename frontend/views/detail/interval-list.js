// The intervals behind a figure, with their sum; each opens into its events.

import { element, setText } from "../../lib/element.js";
import { STATES_OF } from "../../lib/states.js";
import { text } from "../../lib/texts.js";
import { exported } from "../../components/data-table.js";
import { createPages } from "./event-pages.js";
import { createEventTable } from "./event-table.js";
import { createRows } from "../../components/keyed-rows.js";

const PORTION = 200;
const EVENTS_A_PAGE = 100;
const MOST_OPEN = 10;
const COLUMNS = 5;

/**
 * @param {object} context of the view
 * @param {{kind: "worker"|"workstation", whereOf: (interval) => string}} options `whereOf` writes the place or the
 *   people
 * @returns {{node, show(intervals, chosen: Set<string>), table: () => object}} intervals in order of time; the newest
 *   are shown first. `place.at` ("startMs-endMs") names what is open
 */
export function createIntervals(context, { kind, whereOf }) {
  const { format, change } = context;
  let shown = [];
  let limit = PORTION;
  let sought; // the stretch that was last scrolled to
  const made = new Map(); // the opened intervals, by key

  const columns = [
    { title: text("intervals.start"), type: "time", value: ({ start }) => start },
    { title: text("intervals.end"), type: "time", value: ({ end }) => end },
    { title: `${text("intervals.duration")} (s)`, type: "number", value: (row) => row.duration_seconds },
    { title: text("intervals.state"), type: "text", value: ({ state }) => text(`states.${state}`) },
    { title: text(`intervals.of_${kind}`), type: "text", value: whereOf },
  ];
  const heads = ["start", "end", "duration", "state", `of_${kind}`].map((key) =>
    element("th", { scope: "col", class: key === "duration" ? "number" : undefined }, text(`intervals.${key}`)),
  );
  const body = element("tbody");
  const sum = element("td", { colspan: COLUMNS - 1 });
  const table = element(
    "table",
    { class: "intervals" },
    element("caption", { class: "hidden" }, text("detail.intervals")),
    element("thead", {}, element("tr", {}, ...heads)),
    body,
  );
  table.append(element("tfoot", {}, element("tr", {}, element("th", { scope: "row" }, text("intervals.sum")), sum)));
  const button = element("button", { type: "button", class: "button no-print", onclick: showMore }, text("table.more"));
  const status = element("p", { class: "quiet", role: "status" });
  const region = element(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": text("detail.intervals") },
    table,
  );
  const node = element("div", {}, region, element("div", { class: "more" }, status, button));
  const showRows = createRows(body, {
    key: ({ interval, events }) => `${interval.key}${events ? " events" : ""}`,
    make: ({ events }) => (events ? eventsRow() : intervalRow()),
  });

  function showMore() {
    limit += PORTION;
    draw();
  }

  function draw() {
    const stretch = stretchOf(context.place.at);
    const open = stretch ? shown.filter((interval) => touches(interval, stretch)).slice(0, MOST_OPEN) : [];
    if (open.length) limit = Math.max(limit, shown.indexOf(open.at(-1)) + 1);
    showRows(
      shown.slice(0, limit).flatMap((interval) => {
        const isOpen = open.includes(interval);
        return isOpen
          ? [
              { interval, isOpen },
              { interval, events: true },
            ]
          : [{ interval, isOpen }];
      }),
    );
    for (const [key, events] of made) if (!open.some((interval) => interval.key === key)) forget(key, events);
    const rest = shown.length - limit;
    button.hidden = rest <= 0;
    setText(
      status,
      shown.length === 0
        ? text("intervals.none")
        : rest > 0
          ? text("intervals.newest", { n: format.count(limit), all: format.count(shown.length) })
          : "",
    );
    if (context.place.at !== sought && open.length) reveal(open[0]);
    sought = context.place.at;
  }

  function forget(key, events) {
    events.pages.close();
    made.delete(key);
  }

  function reveal({ key }) {
    const row = [...body.children].find(({ dataset }) => dataset.key === key);
    requestAnimationFrame(() => row.scrollIntoView({ block: "center" }));
  }

  function intervalRow() {
    let interval;
    let isOpen = false;
    const toggle = () => {
      sought = isOpen ? undefined : addressed(interval); // an interval opened here is in sight already
      change({ at: sought }, { replace: true });
      draw();
    };
    const opener = element("button", { type: "button", class: "opener number", onclick: toggle });
    const end = element("td", { class: "number" });
    const duration = element("td", { class: "number" });
    const state = element("span");
    const where = element("td");
    const row = element(
      "tr",
      {},
      element("th", { scope: "row" }, opener),
      end,
      duration,
      element("td", {}, state),
      where,
    );
    return {
      node: row,
      update(item) {
        ({ interval, isOpen } = item);
        row.dataset.key = interval.key;
        opener.setAttribute("aria-expanded", isOpen);
        setText(opener, instant(interval.start));
        setText(end, endOf(interval));
        setText(duration, format.duration(interval.duration_seconds));
        state.className = `state state-${interval.state}`;
        setText(state, text(`states.${interval.state}`));
        setText(where, whereOf(interval));
      },
    };
  }

  function endOf({ start, end, open }) {
    if (open) return text("periods.now");
    return format.date(start) === format.date(end) ? format.time(end, { seconds: true }) : instant(end);
  }

  const instant = (at) => `${format.date(at, { weekday: undefined })}, ${format.time(at, { seconds: true })}`;

  function eventsRow() {
    const cell = element("td", { colspan: COLUMNS, class: "within" });
    return { node: element("tr", {}, cell), update: ({ interval }) => showEvents(cell, interval) };
  }

  /** Show the events of an interval; the event that opened it may lie before the period. */
  function showEvents(cell, interval) {
    const { key, start, end } = interval;
    let events = made.get(key);
    if (!events) {
      const list = createEventTable(context, { kind, opened: (event) => event.opened, more: () => pages.more() });
      const pages = createPages(context, { limit: EVENTS_A_PAGE }, (found) =>
        list.show(withOpening(found, made.get(key).interval)),
      );
      events = { list, pages };
      made.set(key, events);
      cell.replaceChildren(list.node);
    }
    const grown = events.interval?.start !== start || events.interval.end !== end;
    events.interval = interval;
    if (grown) events.pages.show({ [`${kind}_id`]: context.place.id, from: start, to: end });
  }

  return {
    node,
    table: () => exported(shown, columns),
    show(intervals, chosen) {
      // The first begins with the period, which moves on; it stays the same row.
      const keyed = intervals.map((interval, n) => ({
        ...interval,
        key: n === 0 ? "first" : interval.start,
        open: context.period.live && n === intervals.length - 1,
      }));
      shown = keyed.filter(({ state }) => chosen.size === 0 || chosen.has(state)).reverse();
      setText(sum, sumOf(shown, STATES_OF[kind], format));
      draw();
    },
  };
}

/** The sum of intervals as figures are: hours to the fourth decimal, as the API rounds them. */
export function hoursOf(intervals) {
  const microseconds = intervals.reduce((sum, interval) => sum + Math.round(interval.duration_seconds * 1e6), 0);
  return Math.round(microseconds / 360_000) / 10_000;
}

/** "5:12 = Working", or "5:52 = Working 5:12 + Idle 0:40". */
function sumOf(intervals, all, format) {
  const states = all.filter((state) => intervals.some((one) => one.state === state));
  const whole = format.hours(hoursOf(intervals));
  const parts = states.map((state) => ({
    name: text(`states.${state}`),
    hours: format.hours(hoursOf(intervals.filter((one) => one.state === state))),
  }));
  if (parts.length === 0) return whole;
  return `${whole} = ${parts.length === 1 ? parts[0].name : parts.map(({ name, hours }) => `${name} ${hours}`).join(" + ")}`;
}

/** Milliseconds, as the timeline gives them. */
const addressed = ({ start, end }) => `${Date.parse(start)}-${Date.parse(end)}`;

function stretchOf(at) {
  const [, start, end] = /^(\d+)-(\d+)$/.exec(at ?? "") ?? [];
  return start && { start: Number(start), end: Number(end) };
}

const touches = ({ start, end }, stretch) => Date.parse(start) < stretch.end && Date.parse(end) > stretch.start;

function withOpening(found, { start, event }) {
  const opening = event && { ...event, opened: true };
  const same = (one) =>
    opening &&
    one.timestamp === opening.timestamp &&
    one.event_type === opening.event_type &&
    one.workstation_id === opening.workstation_id &&
    one.source_id === opening.source_id &&
    one.event_id === opening.event_id;
  const events = found.events.map((one) => (same(one) ? opening : one));
  if (opening && found.complete && Date.parse(opening.timestamp) < Date.parse(start)) events.push(opening);
  return { ...found, events };
}
