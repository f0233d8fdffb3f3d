// Asks for the figures of the chosen period, shows them, and keeps them fresh.

import { get } from "./lib/api.js";
import { instant } from "./lib/format.js";
import { PERIODS, periodStart } from "./lib/periods.js";
import { renderStations, renderWorkers } from "./views/tables.js";
import { renderTiles } from "./views/tiles.js";

const REFRESH_MS = 10_000;

const place = (id) => document.getElementById(id);
const main = place("main");
const address = new URL(location.href);
const factory = address.searchParams.get("factory") ?? "default";

let site = null; // the factory's name and time zone
let shownAt = null; // when the figures on the page were computed
let running = new AbortController();
let timer;

function chosenPeriod() {
  return document.querySelector("input[name=window]:checked").value;
}

async function refresh() {
  clearTimeout(timer);
  running.abort();
  running = new AbortController();
  const { signal } = running;
  main.setAttribute("aria-busy", "true");
  try {
    site = (await get(`/factories/${encodeURIComponent(factory)}`, { signal })).data;
    const query = { factory, from: periodStart(chosenPeriod(), Date.now(), site.time_zone) };
    const [total, workers, stations] = await Promise.all(
      ["factory", "workers", "workstations"].map((what) => get(`/metrics/${what}`, { query, signal })),
    );
    show(total, workers.data, stations.data);
  } catch (error) {
    if (signal.aborted) return; // a newer request has taken over
    complain(error);
  }
  main.setAttribute("aria-busy", "false");
  timer = setTimeout(refreshWhenVisible, REFRESH_MS);
}

function refreshWhenVisible() {
  if (!document.hidden) refresh();
}

function show(total, workers, stations) {
  const { window: period } = total;
  shownAt = period.evaluated_at;
  renderTiles(place("tiles"), total.data, workers);
  renderWorkers(place("workers"), workers);
  renderStations(place("stations"), stations);
  const name = site.name && site.name !== factory ? `${site.name} · ` : "";
  const from = period.from ? ` · since ${instant(period.from, period.time_zone)}` : "";
  place("as-of").textContent = `${name}as of ${instant(shownAt, period.time_zone, { seconds: true, zone: true })}${from}`;
  place("banner").hidden = true;
  main.classList.remove("stale");
}

function complain(error) {
  const banner = place("banner");
  const kept = shownAt ? ` The figures below are as of ${instant(shownAt, site.time_zone, { seconds: true, zone: true })}.` : "";
  const text = `No fresh figures. ${error.message}${kept} Trying again every ${REFRESH_MS / 1000} seconds.`;
  if (banner.textContent !== text) banner.textContent = text; // else a screen reader says it at each try
  banner.hidden = false;
  main.classList.toggle("stale", shownAt !== null);
  if (!shownAt) place("as-of").textContent = "No figures yet";
}

function start() {
  const asked = address.searchParams.get("window");
  if (asked in PERIODS) document.querySelector(`input[name=window][value="${PERIODS[asked]}"]`).checked = true;
  for (const choice of document.querySelectorAll("input[name=window]")) {
    choice.addEventListener("change", () => {
      address.searchParams.set("window", chosenPeriod());
      history.replaceState(null, "", address);
      refresh();
    });
  }
  document.addEventListener("visibilitychange", refreshWhenVisible);
  window.addEventListener("online", refreshWhenVisible);
  refresh();
}

start();
