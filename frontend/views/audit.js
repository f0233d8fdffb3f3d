// The audit trail: who did what, and when.

import { createTable } from "../components/data-table.js";
import { createForm, inputField } from "../components/form.js";
import { explain, emptyNotice } from "../components/error-notice.js";
import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";
import { windowOf } from "../lib/periods.js";

const PAGE = 100;
const FILTERS = ["actor", "action", "subject"];

const filtersOf = (place) =>
  Object.fromEntries(FILTERS.filter((name) => place[name]).map((name) => [name, place[name]]));

export const audit = {
  title: ({ text }) => text("views.audit"),
  queries: ({ place, period }) => ({
    audit: { path: "/audit/", query: { ...windowOf(period), ...filtersOf(place), limit: PAGE } },
  }),

  create(context) {
    const { format, change } = context;
    const columns = [
      {
        key: "at",
        title: text("audit.at"),
        type: "time",
        value: ({ at }) => at,
        write: ({ at }) => `${format.date(at, { weekday: undefined })}, ${format.time(at, { seconds: true })}`,
        note: ({ number }) => `${number}`,
      },
      ...["actor", "action", "subject"].map((key) => ({
        key,
        title: text(`audit.${key}`),
        type: "text",
        value: (row) => row[key],
      })),
      { key: "factory_id", title: text("menu.factory"), type: "text", value: (row) => row.factory_id },
      { key: "detail", title: text("audit.detail"), type: "text", value: ({ detail }) => inWords(detail) },
      { key: "address", title: text("audit.address"), type: "text", value: (row) => row.address },
      { key: "request_id", title: text("audit.request_id"), type: "text", value: (row) => row.request_id },
    ];
    const table = createTable({ caption: text("views.audit"), columns, key: ({ number }) => String(number) });
    const fields = Object.fromEntries(
      FILTERS.map((name) => [name, inputField(text(`audit.${name}`), { type: "search", name, maxlength: 200 })]),
    );
    const form = createForm({
      fields,
      save: text("audit.filter"),
      send: async () =>
        change(Object.fromEntries(FILTERS.map((name) => [name, fields[name].control.value.trim() || undefined]))),
    });
    const none = emptyNotice("audit.none");
    const status = element("p", { class: "quiet", role: "status", tabindex: -1 });
    const older = element("button", { type: "button", class: "button", onclick: showOlder }, text("audit.older"));
    let question = "";
    let rows = [];
    let cursor = null;

    function draw() {
      table.show(rows);
      table.node.hidden = rows.length === 0;
      none.hidden = rows.length > 0;
      older.hidden = cursor === null;
      setText(
        status,
        rows.length === 0
          ? ""
          : text(cursor === null ? "audit.all" : "audit.shown", { n: format.count(rows.length), form: rows.length }),
      );
    }

    async function showOlder() {
      const [of, after] = [question, cursor];
      older.disabled = true;
      try {
        const page = await context.get(
          "/audit/",
          { ...windowOf(context.period), ...filtersOf(context.place), limit: PAGE, cursor: after },
          { signal: context.life },
        );
        if (of !== question || after !== cursor) return;
        rows = [...rows, ...page.data];
        cursor = page.next_cursor ?? null;
        draw();
        if (cursor === null) status.focus({ preventScroll: true });
      } catch (error) {
        if (!context.life.aborted) setText(status, explain(error));
      } finally {
        older.disabled = false;
      }
    }

    return {
      node: element(
        "div",
        { class: "administration" },
        element(
          "section",
          { class: "card audit", "aria-label": text("views.audit") },
          element("header", {}, form.node),
          table.node,
          none,
          element("div", { class: "foot" }, status, older),
        ),
      ),
      show({ answers: { audit: fresh }, place }) {
        const now = JSON.stringify([place.factory, place.window, place.from, place.to, filtersOf(place)]);
        const grown = now === question && rows.length > PAGE; // the reader has gone on to older ones
        if (now !== question) for (const name of FILTERS) fields[name].control.value = place[name] ?? "";
        question = now;
        if (grown) return;
        rows = fresh.data;
        cursor = fresh.next_cursor ?? null;
        draw();
      },
    };
  },
};

const inWords = (detail) =>
  Object.entries(detail ?? {})
    .map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
