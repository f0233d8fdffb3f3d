// Two workers, workstations or periods side by side: their figures, the difference, their courses and timelines.

import { createChoice } from "./compare/choice.js";
import { createCourse } from "./compare/course.js";
import { comparisonTable, createComparison } from "./compare/figures.js";
import { comparisonOf, questionsOf } from "./compare/sides.js";
import { createTimelines } from "./compare/timelines.js";
import { downloads } from "../components/download.js";
import { workersOf, workstationsOf } from "../components/entity-input.js";
import { emptyNotice } from "../components/error-notice.js";
import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";
import { windowOf } from "../lib/periods.js";

// The registered workers and workstations of each factory, by the latest answer. Others are not asked for: the page
// would show "not found" in place of the choice.
const registries = new Map();

export const compare = {
  title: ({ text }) => text("views.compare"),

  queries({ place, period, site, persons }) {
    const questions = { ...(persons && { workers: { path: "/workers/" } }), workstations: { path: "/workstations/" } };
    const known = registries.get(place.factory);
    if (!known) return questions;
    const comparison = comparisonOf(place, period, site, known, persons);
    if (missing(comparison, known).length) return questions;
    const [a, b] = ["a", "b"].map((side) => questionsOf(comparison, side, persons));
    return { ...questions, ...a.queries, ...b.queries };
  },

  create(context) {
    const { format, site, persons } = context;
    const choice = createChoice(context);
    const course = createCourse(context);
    const timelines = createTimelines(context);
    const notice = element("p", { class: "form-result", role: "status" });
    const figures = element("section", { class: "card", "aria-labelledby": "compare-figures" });
    const empty = element("div", { hidden: true });
    const save = downloads(context, "comparison", () => comparisonTable(...latest));
    const heading = element("header", {}, element("h2", { id: "compare-figures" }, text("compare.figures")), save);
    const results = element("div", { class: "detail", hidden: true }, figures, course.node, persons && timelines.node);
    const node = element("div", { class: "detail compare" }, choice.node, notice, empty, results);
    let table = null;
    let drawn = null;
    let latest = null; // the arguments of the table to download

    function show({ answers, place, period }) {
      const known = {
        worker: answers.workers ? workersOf(answers.workers) : [],
        workstation: workstationsOf(answers.workstations),
      };
      registries.set(place.factory, known);
      const comparison = comparisonOf(place, period, site, known, persons);
      const { entity, sides, kind } = comparison;
      const lacking = missing(comparison, known);
      choice.show(
        comparison,
        known,
        Object.fromEntries(
          lacking
            .filter((side) => sides[side].id)
            .map((side) => [side, text(`compare.unknown_${entity}`, { id: sides[side].id })]),
        ),
      );
      setText(notice, kind !== "periods" && sides.a.id && sides.a.id === sides.b.id ? text("compare.same") : "");
      results.hidden = lacking.length > 0;
      empty.hidden = lacking.length === 0;
      empty.replaceChildren(
        ...(lacking.length ? [emptyNotice(known[entity].length ? "compare.choose" : `empty.${entity}s`)] : []),
      );
      if (lacking.length) return;
      const [a, b] = ["a", "b"].map((side) => questionsOf(comparison, side, persons));
      if (![a, b].every(({ figures, course }) => figures in answers && course in answers)) {
        results.hidden = !latest;
        queueMicrotask(context.refresh); // the questions were asked before the registry was known
        return;
      }
      const names = namesOf(comparison, known, format);
      if (entity !== drawn) {
        table = createComparison(entity);
        figures.replaceChildren(heading, table.node);
        drawn = entity;
      }
      latest = [entity, answers[a.figures].data, answers[b.figures].data, names];
      table.show(
        answers[a.figures].data,
        answers[b.figures].data,
        { a: `A: ${names.a}`, b: `B: ${names.b}` },
        { a: hrefOf(comparison, "a"), b: hrefOf(comparison, "b") },
      );
      course.show(comparison, labelsOf(comparison, names, format), {
        a: answers[a.course].data,
        b: answers[b.course].data,
        window: answers[a.course].window,
      });
      if (persons) timelines.show(comparison, known, names);
    }

    /** The address of a side's own view, in its own period. */
    function hrefOf({ entity, sides }, side) {
      const { id, period } = sides[side];
      const { from, to } = windowOf(period);
      const own = period === sides.a.period ? {} : { window: "custom", from, to };
      return context.link({ view: entity === "factory" ? "overview" : entity, id, ...own });
    }

    return { node, show };
  },
};

/** The sides whose worker or workstation is not registered. */
function missing({ entity, sides }, known) {
  if (entity === "factory") return [];
  return ["a", "b"].filter((side) => !known[entity].some(({ id }) => id === sides[side].id));
}

/** The labels of the chart, without the minutes that pass. */
function labelsOf({ kind, sides }, names, format) {
  return kind === "periods" ? { a: format.date(sides.a.period.from), b: format.date(sides.b.period.from) } : names;
}

/** The name of each side: its worker or workstation, or its period. */
function namesOf({ kind, entity, sides }, known, format) {
  const name = (side) => {
    if (kind !== "periods") return known[entity].find(({ id }) => id === sides[side].id).name;
    const { from, to, live } = sides[side].period;
    const date = (at) => format.date(at, { weekday: undefined });
    const day = date(from) === date(to - 1) ? "" : `${date(to)}, `;
    return `${date(from)}, ${format.time(from)} – ${live ? text("periods.now") : `${day}${format.time(to)}`}`;
  };
  return { a: name("a"), b: name("b") };
}
