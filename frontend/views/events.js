// The raw stream: the events of cameras and sensors, newest first, and a form for what none of them saw.

import { downloads } from "../components/download.js";
import { workersOf, workstationsOf } from "../components/entity-input.js";
import { createEventFilters, filtersOf } from "./events/filters.js";
import { createEventForm } from "./events/form.js";
import { createEventStream, streamTable } from "./events/stream.js";
import { keyOf } from "../components/event-types.js";
import { explain, emptyNotice } from "../components/error-notice.js";
import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";
import { windowOf } from "../lib/periods.js";

const PAGE = 100;
const READ_AT_ONCE = 1000; // as many as the API gives
const MOST_IN_A_FILE = 100_000;

export const events = {
  title: ({ text }) => text("views.events"),

  queries({ period, place }) {
    const filters = filtersOf(place);
    return {
      ...(filters && { events: { path: "/events/", query: { ...windowOf(period), ...filters, limit: PAGE } } }),
      workers: { path: "/workers/" },
      workstations: { path: "/workstations/" },
    };
  },

  create(context) {
    const { format, change, link, site } = context;
    const filters = createEventFilters({ change });
    const form = createEventForm(context, renew);
    const table = createEventStream({ format, link, timeZone: site.time_zone });
    const waiting = element("button", { type: "button", class: "button primary", onclick: toNewest });
    const scroll = element(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": text("views.events") },
      table.node,
    );
    const empty = emptyNotice("events.none");
    const status = element("p", { class: "quiet", role: "status", tabindex: -1 });
    const older = element("button", { type: "button", class: "button", onclick: showOlder }, text("events.older"));
    const foot = element("div", { class: "foot" }, status, older);
    const node = element(
      "section",
      { class: "card events" },
      element(
        "header",
        {},
        filters.node,
        element(
          "div",
          { class: "tools no-print" },
          context.may("enter") && form.button,
          downloads(context, "events", fileTable),
        ),
      ),
      element("div", { class: "waiting no-print", role: "status" }, waiting),
      element("div", { class: "body" }, scroll, empty, foot),
      form.dialog,
    );
    waiting.hidden = true;

    let shown = []; // the events on the page, newest first
    let cursor = null; // where the older ones begin
    let newest = null; // the newest page of the server
    let question = null; // the question asked: answers to another question replace what is shown
    let names = null;
    let renewing = false;

    /** True if the reader is at the newest page: new events can be shown at once. */
    const atTop = () => shown.length <= PAGE && scroll.getBoundingClientRect().top >= 0 && scroll.scrollTop === 0;

    function show({ answers, place }) {
      const known = { worker: workersOf(answers.workers), workstation: workstationsOf(answers.workstations) };
      names = Object.fromEntries(
        Object.entries(known).map(([kind, rows]) => [kind, new Map(rows.map(({ id, name }) => [id, name]))]),
      );
      newest = answers.events ?? { data: [], next_cursor: null };
      const now = JSON.stringify([place.window, place.from, place.to, filtersOf(place)]);
      if (now !== question || renewing || atTop()) take(newest);
      else offerNewest();
      question = now;
      renewing = false;
      const sources = [...new Set(shown.map((event) => event.source_id).filter(Boolean))].sort();
      filters.show(place, { ...known, source: sources.map((id) => ({ id, name: id })) });
      form.offer(known);
    }

    function take({ data, next_cursor }) {
      shown = data;
      cursor = next_cursor;
      waiting.hidden = true;
      draw();
    }

    function draw() {
      table.show(shown, names);
      scroll.hidden = shown.length === 0;
      empty.hidden = shown.length > 0;
      foot.hidden = shown.length === 0;
      const given = filtersOf(context.place);
      setText(empty, text(given && Object.keys(given).length === 0 ? "events.none" : "events.unmatched"));
      older.hidden = cursor === null;
      setText(
        status,
        text(cursor === null ? "events.all" : "events.shown", { n: format.count(shown.length), form: shown.length }),
      );
    }

    /** Rows do not move under a reader who has scrolled on: a button offers the new ones. */
    function offerNewest() {
      const keys = new Set(shown.map(keyOf));
      const fresh = newest.data.filter((event) => !keys.has(keyOf(event))).length;
      waiting.hidden = fresh === 0;
      const many = fresh === PAGE;
      if (fresh)
        setText(waiting, text(many ? "events.many_new" : "events.new", { n: format.count(fresh), form: fresh }));
    }

    function toNewest() {
      take(newest);
      scroll.scrollTop = 0;
      scroll.focus({ preventScroll: true });
      node.scrollIntoView({ block: "start" });
    }

    function renew() {
      renewing = true;
      context.refresh();
    }

    async function showOlder() {
      const [of, after] = [question, cursor];
      older.disabled = true;
      try {
        const page = await context.get(
          "/events/",
          { ...windowOf(context.period), ...filtersOf(context.place), limit: PAGE, cursor: after },
          { signal: context.life },
        );
        if (of !== question || after !== cursor) return;
        shown = [...shown, ...page.data];
        cursor = page.next_cursor;
        draw();
        if (cursor === null) status.focus({ preventScroll: true });
      } catch (error) {
        if (!context.life.aborted) setText(status, explain(error));
      } finally {
        older.disabled = false;
      }
    }

    /** All events of the period that pass the filters, as the table of a file. */
    async function fileTable() {
      const asked = { ...windowOf(context.period), ...filtersOf(context.place), limit: READ_AT_ONCE };
      const found = [];
      let after;
      do {
        const page = await context.get("/events/", { ...asked, cursor: after }, { signal: context.life, key: "file" });
        if (page.keptSince) return { ...streamTable(shown), most: cursor ? shown.length : undefined }; // no server
        found.push(...page.data);
        after = page.next_cursor ?? undefined;
      } while (after && found.length < MOST_IN_A_FILE);
      return { ...streamTable(found), most: after && found.length };
    }

    return { node, show };
  },
};
