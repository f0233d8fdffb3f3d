// Opens the view that the address names, keeps its figures fresh, and says how fresh they are.

import { admit, showOpenness } from "./shell/sign-in-gate.js";
import { renderMenu } from "./shell/menu.js";
import { renderNavigation } from "./shell/navigation.js";
import { renderPeriods } from "./shell/period-picker.js";
import { explain, errorNotice } from "./components/error-notice.js";
import { forgetAnswers, get, serverNow } from "./lib/api.js";
import { addressOf, changedAddress, placeOf, rememberWindow, setHome } from "./lib/address.js";
import { element, setText } from "./lib/element.js";
import * as figures from "./lib/format.js";
import { resolvePeriod } from "./lib/periods.js";
import { begin, current, homeFactory, may, seesPersons } from "./lib/session.js";
import { loadLanguage, preferredLanguage, text } from "./lib/texts.js";
import { VIEWS, isOffered, obstacle, viewToOpen } from "./views/index.js";

const REFRESH_MS = 15_000;
const LISTS = { worker: "workers", workstation: "workstations" }; // what a detail without an id becomes
const OF_NO_FACTORY = /^\/(factories|users|organisations|audit|metrics\/organisation)\b/;
const QUIET_MS = 15 * 60_000; // so long without an event, and the page says that data have stopped coming

const part = (id) => document.getElementById(id);
const main = part("main");
const stage = part("view");

let place; // where the reader is
let site; // the factory with its settings; null for who has none
let opened = null; // {view, node, show, close} and its latest `answers` and `period`
let running = new AbortController();
let timer;

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
  if (!opened) setText(part("freshness"), text("shell.loading"));
  await refresh();
  if (before && !same) main.focus({ preventScroll: false });
}

function close() {
  opened?.close?.();
  opened = null;
  stage.replaceChildren();
}

async function refresh() {
  clearTimeout(timer);
  running.abort();
  running = new AbortController();
  const { signal } = running;
  main.setAttribute("aria-busy", "true");
  try {
    const closed = obstacle(place.view, place.factory);
    if (closed) throw closed;
    const [data, view] = await Promise.all([settings(signal), opened?.view ?? VIEWS[place.view]()]);
    if (signal.aborted) return;
    site = data;
    const period = view.still ? null : resolvePeriod(place, site, serverNow());
    opened ??= open(view);
    frame(view, period);
    const asked = {
      ...(!view.still && { now: { path: "/metrics/now" } }),
      ...view.queries({ place, period, site, ...rights }),
    };
    const names = Object.keys(asked);
    const found = await Promise.all(
      names.map((name) => ask(`${place.view} ${place.id ?? ""} ${name}`, asked[name], signal)),
    );
    show(period, Object.fromEntries(names.map((name, n) => [name, found[n]])));
  } catch (error) {
    if (signal.aborted) return; // a newer refresh has taken over
    complain(error);
  }
  main.setAttribute("aria-busy", "false");
  main.classList.remove("changing");
  if (!opened?.view.still) timer = setTimeout(refreshWhenVisible, REFRESH_MS);
}

/** The factory of a question; some are of none, or of all. */
const inFactory = (path) => (OF_NO_FACTORY.test(path) ? {} : { factory: place.factory });

/** What the parts around the view need. */
const around = { go, refresh, place: () => place, isOffered: (view) => isOffered(view, place.factory) };

/** What the reader may do in the place's factory. */
const rights = {
  may: (permission) => may(permission, place.factory),
  get persons() {
    return seesPersons(place.factory);
  },
};

async function settings(signal) {
  if (current().factories.length === 0) return null;
  return (await ask("site", { path: `/factories/${encodeURIComponent(place.factory)}` }, signal)).data;
}

/** The key of a question leaves out what moves with the clock, so that its answer is known again. */
function ask(name, { path, query = {} }, signal) {
  const { from, to, ...fixed } = query;
  const window = place.window === "custom" ? `${place.from} ${place.to}` : place.window;
  const key = `${place.factory} ${name} ${path} ${from ? window : ""} ${JSON.stringify(fixed)}`;
  return get(path, { ...inFactory(path), ...query }, { signal, key });
}

function refreshWhenVisible() {
  if (place && !document.hidden && !opened?.view.still) refresh(); // without a place somebody has yet to sign in
}

function open(view) {
  const context = {
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
  const made = { view, context, ...view.create(context) };
  stage.replaceChildren(made.node);
  return made;
}

/** What stands around the view. */
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
  opened.period = period;
  opened.answers = answers;
  opened.show({ period, answers, place, site });
  title(opened.view.title({ place, text, answers }));
  const kept = Object.values(answers)
    .map((answer) => answer.keptSince)
    .filter(Boolean)
    .sort()[0];
  const format = opened.context.format;
  const asOf = opened.view.still
    ? null
    : (kept ??
      Object.values(answers)
        .map((answer) => answer.window?.evaluated_at ?? answer.timestamp)
        .find(Boolean));
  if (asOf) opened.asOf = asOf;
  setText(
    part("freshness"),
    asOf
      ? text("shell.as_of", { time: format.time(asOf, { seconds: true }), zone: format.zone(Date.parse(asOf)) })
      : "",
  );
  tellWithheld(Object.values(answers));
  const silent = answers.now ? silence(answers.now, format) : "";
  part("freshness").classList.toggle("live", Boolean(period?.live) && !kept && !silent);
  if (kept) warn(text("shell.offline", { time: format.dateTime(kept, { seconds: true }) }), true);
  else warn(silent);
}

/** Why some figures are not shown, where there are such. */
function tellWithheld(answers) {
  const rows = answers.flatMap(({ data }) => data);
  part("withheld").hidden = !rows.some((row) => row?.withheld);
  setText(part("withheld"), text("withheld.note", { n: current().k_min }));
}

/** A sentence when data have stopped coming while they are awaited; empty when all is well. */
function silence(now, format) {
  const last = now.data.last_event_at;
  if (!last || serverNow() - Date.parse(last) < QUIET_MS) return "";
  return text("shell.silent", {
    duration: format.duration((serverNow() - Date.parse(last)) / 1000),
    time: format.dateTime(last),
  });
}

function warn(sentence, urgent = false) {
  const banner = part("banner");
  setText(banner, sentence); // only where it changes, else a screen reader says it at each try
  banner.hidden = !sentence;
  banner.classList.toggle("urgent", urgent);
  main.classList.toggle("stale", urgent);
}

function complain(error) {
  if (!("status" in error)) console.error(error);
  if (error.code === "password_change_required") return location.reload();
  part("freshness").classList.remove("live");
  if (opened?.answers && ![401, 403, 404].includes(error.status)) {
    const time = opened.context.format.dateTime(opened.asOf, { seconds: true });
    warn(text("shell.stale", { reason: explain(error), time, seconds: REFRESH_MS / 1000 }), true);
    return;
  }
  close();
  warn("");
  part("withheld").hidden = true;
  if (site) renderPeriods(part("periods"), { place, site, period: null, shown: false });
  if (!opened) part("freshness").textContent = "";
  title(text(`views.${LISTS[place.view] ?? place.view}`));
  stage.replaceChildren(errorNotice(error, refresh));
}

/** Links of this page change the view without loading the page anew. */
function follow(event) {
  const link = event.target.closest?.("a[href^='?']");
  if (
    !link ||
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

async function start() {
  const begun = begin();
  begun.catch(() => {}); // it is awaited when there are words for it
  await loadLanguage(preferredLanguage());
  for (const node of document.querySelectorAll("[data-text]")) setText(node, text(node.dataset.text));
  for (const node of document.querySelectorAll("[data-label]"))
    node.setAttribute("aria-label", text(node.dataset.label));
  keepForOffline();
  await enter(begun);
}

/** Show the page once it is known to whom. */
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
  showOpenness(part("openness"));
  document.addEventListener("click", follow);
  document.addEventListener("visibilitychange", refreshWhenVisible);
  addEventListener("online", refreshWhenVisible);
  addEventListener("popstate", arrive);
  arrive();
}

/** With the service worker, what is asked is kept for when the server is away; the first answers came before it. */
function keepForOffline() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  const askWhole = () => {
    forgetAnswers(); // the worker cannot keep an answer that says no more than "unchanged"
    refreshWhenVisible();
  };
  if (!workers.controller) workers.addEventListener("controllerchange", askWhole, { once: true });
  workers.register("sw.js").catch(() => {}); // no worker, no figures offline: all else works
}

start();
