// The wall screen above the line: large figures of the factory and its stations in turn, without a person at it. It
// shows no persons. It has to survive a server's restart and run for weeks, so it reloads itself each day.

import { createCourseChart, factoryQueries } from "../components/factory-course.js";
import { change } from "../components/figure.js";
import { createTimeline } from "../components/timeline/timeline.js";
import { emptyNotice } from "../components/error-notice.js";
import { get, holdsAt, serverNow } from "../lib/api.js";
import { element, setText } from "../lib/element.js";
import { liveElement } from "../lib/live-element.js";
import { toldApart } from "../lib/names.js";
import { current } from "../lib/session.js";
import { text } from "../lib/texts.js";

const TURN_MS = 15_000;
const DAY_MS = 86_400_000;
const STATIONS_A_PAGE = 12;

export const wall = {
  title: ({ text }) => text("views.wall"),

  queries: (where) => factoryQueries(where),

  create(context) {
    const { format } = context;
    const clock = element("p", { class: "clock number" });
    const what = element("h1", { class: "what" });
    const stage = element("div", { class: "stage" });
    const asOf = element("p", { class: "quiet number" });
    const dots = element("ol", { class: "dots", "aria-hidden": "true" });
    const home = context.may("views") ? "overview" : "account"; // where a wall screen's user signs out
    const exit = element("a", { class: "button exit", href: context.link({ view: home }) }, text("wall.exit"));
    const full = element(
      "button",
      { type: "button", class: "button", onclick: () => document.documentElement.requestFullscreen() },
      text("wall.full"),
    );
    const node = liveElement(
      { class: "wall" },
      start,
      element("header", {}, what, clock),
      stage,
      element("footer", {}, dots, asOf, element("p", { class: "hands" }, full, exit)),
    );

    const pages = [figuresPage(context), coursePage(context), stationsPage(context), timelinePage(context)];
    const opened = Date.now();
    let latest = null;
    let turn = 0; // which page, and which part of it

    function step() {
      const parts = pages.map((page) => (latest ? page.parts(latest) : 0));
      const all = parts.reduce((sum, n) => sum + n, 0);
      if (all === 0) return;
      turn %= all;
      let at = 0; // the page of this turn
      let n = turn; // and its part
      while (n >= parts[at]) {
        n -= parts[at];
        at += 1;
      }
      const page = pages[at];
      if (stage.firstChild !== page.node) stage.replaceChildren(page.node);
      page.show(latest, n);
      dots.replaceChildren(
        ...Array.from({ length: all }, (_, k) => element("li", { class: k === turn ? "on" : undefined })),
      );
    }

    function start(signal) {
      const showTime = () => setText(clock, format.time(serverNow()));
      showTime();
      const tick = setInterval(showTime, 1000);
      const rotation = setInterval(async () => {
        turn += 1;
        step();
        if (Date.now() - opened > DAY_MS && !document.fullscreenElement && (await answers())) location.reload();
      }, TURN_MS);
      signal.addEventListener("abort", () => {
        clearInterval(tick);
        clearInterval(rotation);
      });
      stayAwake(signal);
      const leave = (event) => event.key === "Escape" && !document.fullscreenElement && context.go({ view: home });
      addEventListener("keydown", leave, { signal });
    }

    return {
      node,
      show({ period, answers, site }) {
        setText(what, [site.name, period.shift?.name ?? span(period, format)].join(" · "));
        latest = { period, answers };
        const at = holdsAt(answers.factory);
        setText(
          asOf,
          text("shell.as_of", {
            time: format.time(answers.factory.keptSince ?? at, { seconds: true }),
            zone: format.zone(Date.parse(at)),
          }),
        );
        step();
      },
    };
  },
};

const span = ({ from, to, live }, format) =>
  `${format.date(from)}, ${format.time(from)} – ${live ? text("periods.now") : format.time(to)}`;

const answers = () =>
  get("/health/live").then(
    (answer) => !answer.keptSince,
    () => false,
  );

/** Keep the screen on where the browser can; requested again whenever the page becomes visible. */
function stayAwake(signal) {
  let lock = null;
  const hold = async () => {
    if (document.hidden) return;
    // Refused on low battery: the page still works.
    lock = await navigator.wakeLock?.request("screen").catch(() => null);
    if (signal.aborted) lock?.release();
  };
  document.addEventListener("visibilitychange", hold, { signal });
  signal.addEventListener("abort", () => lock?.release());
  hold();
}

const FIGURES = [
  { field: "pooled_utilization_percentage", key: "utilization", write: "percent" },
  { field: "total_production_count", key: "units", write: "count", relative: true },
  { field: "average_production_rate", key: "rate", write: "decimal", relative: true },
  { field: "coverage_percentage", key: "coverage", write: "percent" },
];

function figuresPage({ format }) {
  const places = FIGURES.map(({ key }) => ({
    value: element("p", { class: "value number" }),
    change: element("p", { class: "change number" }),
    key,
  }));
  const node = element(
    "div",
    { class: "figures" },
    ...places.map(({ key, value, change }) =>
      element("section", {}, element("h2", {}, text(`tiles.${key}`)), value, change),
    ),
  );
  return {
    node,
    parts: () => 1,
    show({ answers: { factory, before } }) {
      FIGURES.forEach(({ field, write, relative }, n) => {
        const { withheld, [field]: value } = factory.data;
        setText(places[n].value, withheld ? text("withheld.figure") : format[write](value));
        places[n].value.classList.toggle("word", Boolean(withheld));
        const { text: difference, look } = withheld
          ? { text: text("withheld.why", { n: current().k_min }), look: "" }
          : change({ field, relative }, value, before.data, format);
        setText(places[n].change, difference);
        places[n].change.className = `change number ${look}`;
      });
    },
  };
}

function coursePage(context) {
  const chart = createCourseChart(context, { height: Math.round(innerHeight * 0.66), scale: 1.15 });
  const node = element("section", { class: "course" }, element("h2", {}, text("overview.course")), chart.node);
  return { node, parts: () => 1, show: ({ answers }) => chart.show(answers.course.data, answers.course.window) };
}

const stationsOf = ({ now }, part) => now.data.workstations.slice(part * STATIONS_A_PAGE, (part + 1) * STATIONS_A_PAGE);

const areHidden = (stations) => stations.length > 0 && stations.every(({ withheld }) => withheld);

function stationsPage() {
  const list = element("ul", { class: "stations" });
  const why = element("p", { class: "quiet", hidden: true });
  const node = element("section", { class: "now" }, element("h2", {}, text("wall.stations")), list, why);
  return {
    node,
    parts: ({ answers: { now } }) =>
      areHidden(now.data.workstations) ? 1 : Math.max(1, Math.ceil(now.data.workstations.length / STATIONS_A_PAGE)),
    show({ answers }, part) {
      const some = stationsOf(answers, part);
      list.replaceChildren(
        ...some.map(({ workstation_id: id, name, state, withheld }) =>
          element(
            "li",
            { class: `station is-${withheld ? "withheld" : state}` },
            element("span", { class: "id" }, id),
            element("strong", {}, name),
            withheld
              ? element("span", { class: "quiet" }, text("states.withheld"))
              : element("span", { class: `state state-${state}` }, text(`states.${state}`)),
          ),
        ),
      );
      why.hidden = !some.some(({ withheld }) => withheld);
      list.hidden = areHidden(some);
      setText(why, text("withheld.present", { n: current().k_min }));
      if (some.length === 0) list.replaceChildren(element("li", {}, emptyNotice("empty.workstations")));
    },
  };
}

function timelinePage(context) {
  const { get, format, site } = context;
  const place = element("div");
  const node = element("section", {}, element("h2", {}, text("overview.timeline")), place);
  let timeline = null;
  let shown = "";
  return {
    node,
    // Who sees no persons has no bars to look at.
    parts: ({ answers }) => (context.persons ? Math.ceil(answers.now.data.workstations.length / STATIONS_A_PAGE) : 0),
    show({ period, answers }, part) {
      const rows = toldApart(stationsOf(answers, part), "workstation_id").map(({ workstation_id: id, name }) => ({
        id,
        name,
      }));
      const window = { from: period.from, to: period.to };
      if (JSON.stringify(rows) !== shown) {
        shown = JSON.stringify(rows);
        const rowHeight = Math.floor((innerHeight * 0.6) / Math.max(rows.length, 6));
        timeline = createTimeline({
          entity: "workstation",
          rows,
          window,
          timeZone: site.time_zone,
          load: (query, signal) => get("/metrics/timeline", query, { signal }),
          text,
          format,
          rowHeight,
        });
        place.replaceChildren(timeline.node);
      } else {
        timeline.show(window);
        timeline.refresh();
      }
    },
  };
}
