// Opens the view that the address names, asks its questions and shows it the answers.

import { errorNotice } from "./components/error-notice.js";
import { addressOf, changedAddress, placeOf, rememberWindow, setHome, setUsualPeriod } from "./lib/address.js";
import { get, serverNow } from "./lib/api.js";
import { element, setText } from "./lib/element.js";
import * as figures from "./lib/format.js";
import { USUAL_WHOLE_DAY, resolvePeriod } from "./lib/periods.js";
import { begin, current, homeFactory, may, seesPersons } from "./lib/session.js";
import { loadLanguage, preferredLanguage, text } from "./lib/texts.js";
import { knowsZone, learnZone } from "./lib/zone.js";
import { createFreshness } from "./shell/freshness.js";
import { renderMenu } from "./shell/menu.js";
import { renderNavigation } from "./shell/navigation.js";
import { keepForOffline } from "./shell/offline.js";
import { renderPeriods } from "./shell/period-picker.js";
import { createRefresh } from "./shell/refresh.js";
import { admit, showOpenness } from "./shell/sign-in-gate.js";
import { isOffered, obstacle, VIEWS, viewToOpen } from "./views/index.js";

const LISTS = { worker: "workers", workstation: "workstations" }; // the view opened by a detail without an id
const OF_NO_FACTORY = /^\/(factories|users|organisations|audit|metrics\/organisation)\b/;
const REFUSALS = [401, 403, 404]; // after these no figures may stay on the screen

const part = (id) => document.getElementById(id);
const main = part("main");
const stage = part("view");

let place; // the reader's place; undefined until they have signed in
let site; // the factory with its settings; null for who has none
let rulesOf; // the path of the factory whose time zone rules are known
let opened = null; // {view, context, life, node, show} and its latest `answers` and `period`

const freshness = createFreshness({
  main,
  time: part("freshness"),
  banner: part("banner"),
  withheld: part("withheld"),
  leftOut: part("left-out"),
});
const { refresh, refreshIfSeen } = createRefresh({
  node: main,
  load,
  failed: complain,
  isAwaited: () => Boolean(place) && !opened?.view.still,
});

/** Functions for the parts around the view. */
const around = { go, refresh, place: () => place, isOffered: (view) => isOffered(view, place.factory) };

/** The reader's rights in the place's factory. */
const rights = {
  may: (permission) => may(permission, place.factory),
  get persons() {
    return seesPersons(place.factory);
  },
};

/** Go to an address of this page. */
function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  arrive();
}

async function arrive() {
  const before = place;
  place = placeOf();
  place.view = viewToOpen(place.view, place.factory);
  if (place.view in LISTS && !place.id) place.view = LISTS[place.view];
  rememberWindow(place.window);
  document.body.dataset.view = place.view;
  renderNavigation(part("views"), place, around.isOffered);
  const same = opened && before.view === place.view && before.id === place.id && before.factory === place.factory;
  if (!same) close();
  if (before && before.factory !== place.factory) site = undefined;
  main.classList.add("changing");
  if (!opened) freshness.loading();
  await refresh();
  if (before && !same) main.focus({ preventScroll: false });
}

/** Ask all questions of one moment and show the answers. */
async function load(signal) {
  const closed = obstacle(place.view, place.factory);
  if (closed) throw closed;
  const [data, view] = await Promise.all([settings(signal), opened?.view ?? VIEWS[place.view]()]);
  if (signal.aborted) return;
  site = data;
  const period = view.still ? null : resolvePeriod(place, site, serverNow());
  opened ??= open(view);
  frame(view, period);
  const queries = {
    ...(!view.still && { now: { path: "/metrics/now" } }),
    ...view.queries({ place, period, site, ...rights }),
  };
  const names = Object.keys(queries);
  const found = await Promise.all(
    names.map((name) => ask(`${place.view} ${place.id ?? ""} ${name}`, queries[name], signal)),
  );
  show(period, Object.fromEntries(names.map((name, n) => [name, found[n]])));
}

/** The factory parameter of a question; some questions have none. */
const inFactory = (path) => (OF_NO_FACTORY.test(path) ? {} : { factory: place.factory });

async function settings(signal) {
  if (current().factories.length === 0) return null;
  const path = `/factories/${encodeURIComponent(place.factory)}`;
  const [found] = await Promise.all([ask("site", { path }, signal), rulesOf === path || zoneRules(path, signal)]);
  if (!knowsZone(found.data.time_zone)) await zoneRules(path, signal);
  return found.data;
}

async function zoneRules(path, signal) {
  learnZone((await ask("time-zone", { path: `${path}/time-zone` }, signal)).data);
  rulesOf = path;
}

/** The key of a question leaves out the bounds that move with the clock, so that its answer is recognised. */
function ask(name, { path, query = {} }, signal) {
  const { from, to, ...fixed } = query;
  const window = place.window === "custom" ? `${place.from} ${place.to}` : place.window;
  const key = `${place.factory} ${name} ${path} ${from ? window : ""} ${JSON.stringify(fixed)}`;
  return get(path, { ...inFactory(path), ...query }, { signal, key });
}

function open(view) {
  const life = new AbortController();
  const context = {
    life: life.signal,
    may: rights.may,
    get persons() {
      return rights.persons;
    },
    get place() {
      return place;
    },
    get site() {
      return site;
    },
    get period() {
      return opened?.period ?? resolvePeriod(place, site, serverNow());
    },
    format: { ...figures, ...figures.inZone(site?.time_zone) },
    get: (path, query, options) => get(path, { ...inFactory(path), ...query }, options),
    link: (changes) => addressOf(place, changes),
    change: (changes, options) => go(changedAddress(place, changes), options),
    go: (changes) => go(addressOf(place, changes)),
    refresh,
  };
  const made = { view, context, life, ...view.create(context) };
  stage.replaceChildren(made.node);
  return made;
}

function close() {
  opened?.life.abort();
  opened = null;
  stage.replaceChildren();
}

/** Show the factory, the period and the title around the view. */
function frame(view, period) {
  part("site").replaceChildren(
    element("strong", {}, site?.name ?? current().organisation?.name ?? text("shell.product")),
  );
  renderPeriods(part("periods"), { place, site, period, shown: !view.still, change: opened.context.change });
  title(view.title({ place, text, answers: opened.answers }));
}

function title(words) {
  setText(part("title"), words);
  document.title = [...new Set([words, site?.name ?? text("shell.product")])].join(" · ");
}

function show(period, answers) {
  const { view, context } = opened;
  Object.assign(opened, { period, answers });
  opened.show({ period, answers, place, site });
  title(view.title({ place, text, answers }));
  freshness.show({ answers, site, format: context.format, live: Boolean(period?.live), still: view.still });
}

function complain(error) {
  if (!("status" in error)) console.error(error);
  if (error.code === "password_change_required") return location.reload();
  if (opened?.answers && !REFUSALS.includes(error.status)) return freshness.stale(error, opened.context.format);
  close();
  freshness.clear();
  if (site) renderPeriods(part("periods"), { place, site, period: null, shown: false });
  title(text(`views.${LISTS[place.view] ?? place.view}`));
  stage.replaceChildren(errorNotice(error, refresh));
}

/** Let links of this page change the view without reloading it. */
function follow(event) {
  const link = event.target.closest?.("a[href^='?']");
  const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  if (!link || event.defaultPrevented || event.button !== 0 || modified) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

async function start() {
  const begun = begin();
  begun.catch(() => {}); // awaited below, when there are texts for an error
  await loadLanguage(preferredLanguage());
  for (const node of document.querySelectorAll("[data-text]")) setText(node, text(node.dataset.text));
  for (const node of document.querySelectorAll("[data-label]"))
    node.setAttribute("aria-label", text(node.dataset.label));
  keepForOffline(() => {
    rulesOf = undefined; // ask for them once more too
    refreshIfSeen();
  });
  await enter(begun);
}

/** Show the page once the reader is known. */
async function enter(begun) {
  try {
    await begun;
    renderMenu(part("menu-place"), around);
    await admit(stage, title);
  } catch (error) {
    title(text("shell.product"));
    stage.replaceChildren(errorNotice(error, () => enter(begin())));
    main.setAttribute("aria-busy", "false");
    return;
  }
  setHome(homeFactory());
  if (!seesPersons(homeFactory())) setUsualPeriod(USUAL_WHOLE_DAY);
  showOpenness(part("openness"));
  document.addEventListener("click", follow);
  addEventListener("popstate", arrive);
  arrive();
}

if (!window.tooOld) start();
