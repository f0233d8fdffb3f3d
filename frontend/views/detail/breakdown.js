// The breakdown of a worker's or workstation's figures: the intervals, or the events that counted units.

import { element, setText } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { windowOf } from "../../lib/periods.js";
import { createChips, statesIn } from "../../components/chips.js";
import { downloads } from "../../components/download.js";
import { createPages } from "./event-pages.js";
import { createEventTable, unitsOf } from "./event-table.js";
import { createIntervals, hoursOf } from "./interval-list.js";

const DAY = 86_400_000;
const INTERVALS_UP_TO = 35 * DAY; // for longer periods they are loaded only when the reader asks
const COUNTS_UP_TO = 8 * DAY;
const COUNTS_A_PAGE = 1000;

/** True if the intervals are loaded. */
export const showsIntervals = ({ list, state, at }, { from, to }) =>
  to - from <= INTERVALS_UP_TO || Boolean(list === "intervals" || state || at);

/**
 * @param {object} context of the view
 * @param {{kind: "worker"|"workstation", states: string[], whereOf: (interval) => string, counted: (counts) => void}}
 *   options `counted` is called when other events are known
 * @returns {{node, show({period, answers, place}), seek(), counts()}} `seek` goes there with the next figures; `counts`
 *   are the events that counted units, null where not all of them are known
 */
export function createBreakdown(context, { kind, states, whereOf, counted }) {
  const { format, change } = context;
  const heading = element("h2", { id: "breakdown", tabindex: -1 }, text("detail.breakdown"));
  const chips = createChips({
    legend: text("intervals.state"),
    states,
    changed: (state) => change({ state, list: "intervals", at: undefined }),
  });
  const intervals = createIntervals(context, { kind, whereOf });
  const events = createEventTable(context, { kind, counter: () => total, more: () => pages.more() });
  const pages = createPages(
    context,
    { limit: COUNTS_A_PAGE, key: `${context.place.factory} ${kind} ${context.place.id} counts` },
    found,
  );
  const verdict = element("p", { class: "verdict number" });
  const want = element(
    "button",
    { type: "button", class: "button", onclick: () => change({ list: "intervals" }) },
    text("intervals.ask"),
  );
  const lists = ["intervals", "units"];
  const radios = lists.map((list) =>
    element("input", {
      type: "radio",
      name: "list",
      value: list,
      onchange: () => change({ list, state: undefined, at: undefined }),
    }),
  );
  const choice = element(
    "fieldset",
    { class: "segments small" },
    element("legend", { class: "hidden" }, text("detail.breakdown")),
    ...radios.map((radio) => element("label", {}, radio, element("span", {}, text(`detail.${radio.value}`)))),
  );
  const parts = {
    intervals: element("div", {}, intervals.node),
    units: element("div", {}, verdict, events.node),
    ask: element("div", { class: "ask" }, element("p", { class: "quiet" }, text("intervals.many")), want),
  };
  const offered = downloads(context, `${kind}-${context.place.id}`, () =>
    (listOf(context.place) === "units" ? events : intervals).table(),
  );
  const node = element(
    "section",
    { class: "card breakdown", "aria-labelledby": "breakdown" },
    element("header", {}, element("div", { class: "filters" }, heading, choice, chips.node), offered),
    element("div", { class: "body" }, ...Object.values(parts)),
  );
  let total = 0; // the units of the figures
  let counts = { events: [], complete: false, fault: "" };
  let sought = Boolean(context.place.list || context.place.state); // the reader came by a figure elsewhere
  let period; // the chosen period, without bounds that move with the clock

  function found(fresh) {
    counts = fresh;
    drawCounts();
    counted(known());
    arrive();
  }

  /** Scroll to the list that the reader opened, once it is there. */
  function arrive() {
    if (
      !sought ||
      (listOf(context.place) === "units" && counts.events.length === 0 && !counts.complete && !counts.fault)
    )
      return;
    sought = false;
    requestAnimationFrame(() => {
      node.scrollIntoView({ block: "start" });
      heading.focus({ preventScroll: true });
    });
  }

  function drawCounts() {
    events.show(counts);
    const sum = unitsOf(counts.events);
    const values = {
      sum: format.count(sum),
      total: format.count(total),
      n: format.count(counts.events.length),
      form: counts.events.length,
    };
    const found = counts.complete ? (sum === total ? "sum_is" : "sum_is_not") : "sum_of_newest";
    setText(verdict, counts.events.length || counts.complete ? text(`detail.${found}`, values) : "");
  }

  const known = () => (counts.complete ? counts.events : null);

  return {
    node,
    counts: known,
    seek: () => (sought = true),
    show({ period: { from, to }, answers, place }) {
      const chosenPeriod = [place.window, place.from, place.to].join();
      if (period !== chosenPeriod) pages.clear();
      period = chosenPeriod;
      total = answers.figures.data.total_units_produced;
      const list = listOf(place);
      const chosen = statesIn(place.state, states);
      const rows = answers.intervals?.data;
      for (const radio of radios) radio.checked = radio.value === list && (list === "units" || Boolean(rows));
      chips.node.hidden = list === "units" || !rows;
      parts.units.hidden = list !== "units";
      parts.intervals.hidden = list === "units" || !rows;
      parts.ask.hidden = list === "units" || Boolean(rows);
      offered.hidden = !parts.ask.hidden;
      if (rows) {
        chips.show(
          chosen,
          Object.fromEntries(
            states.map((state) => [state, format.hours(hoursOf(rows.filter((row) => row.state === state)))]),
          ),
        );
        if (list !== "units") intervals.show(rows, chosen);
      }
      if (list === "units" || to - from <= COUNTS_UP_TO)
        pages.show({ ...windowOf({ from, to }), [`${kind}_id`]: place.id, event_type: "product_count" });
      arrive();
    },
  };
}

const listOf = ({ list }) => (list === "units" ? "units" : "intervals");
