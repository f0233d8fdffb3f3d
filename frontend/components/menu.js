// The menu at the end of the top bar: language, appearance, factory, wall, documentation, sample data.

import { get, post } from "../lib/api.js";
import { changedAddress } from "../lib/address.js";
import { element, icon } from "../lib/element.js";
import { count } from "../lib/format.js";
import { LANGUAGES, preferredLanguage, text } from "../lib/texts.js";
import { explain } from "./trouble.js";

const LINES = "M4 7h16M4 12h16M4 17h16";

/** Fill `node` with the menu's button; what is asked of the server is asked when it opens. */
export function renderMenu(node, { go, place, refresh }) {
  const factories = element("select", { id: "factory", onchange: () => go(changedAddress(place(), { factory: factories.value, id: undefined, view: "overview" })) });
  const sample = element("div", { class: "sample", hidden: true });
  const menu = element(
    "div",
    { id: "menu", popover: true, class: "menu card", "aria-label": text("menu.label") },
    field("menu.factory", factories),
    field("menu.language", choice("language", LANGUAGES, preferredLanguage(), speak)),
    field("menu.theme", choice("theme", { system: text("menu.system"), light: text("menu.light"), dark: text("menu.dark") }, storedTheme(), dress)),
    element("a", { class: "button", href: "?view=wall&window=shift" }, text("menu.wall")),
    element("a", { class: "button", href: "docs" }, text("menu.docs")),
    sample,
  );
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") fill(factories, sample, place(), refresh);
  });
  menu.addEventListener("click", (event) => event.target.closest("a") && menu.hidePopover());
  node.replaceChildren(element("button", { type: "button", class: "button", popovertarget: "menu", "aria-label": text("menu.label") }, icon(LINES)), menu);
}

const field = (key, control) => element("label", { class: "field" }, element("span", {}, text(key)), control);

function choice(id, options, chosen, changed) {
  const select = element("select", { id, onchange: () => changed(select.value) });
  select.append(...Object.entries(options).map(([value, words]) => element("option", { value, selected: value === chosen }, words)));
  return select;
}

function speak(language) {
  localStorage.setItem("language", language);
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  location.assign(address);
}

const storedTheme = () => localStorage.getItem("theme") ?? "system";

function dress(theme) {
  if (theme === "system") localStorage.removeItem("theme");
  else localStorage.setItem("theme", theme);
  dispatchEvent(new Event("themechange"));
}

async function fill(factories, sample, place, refresh) {
  try {
    const [sites, demo] = await Promise.all([get("/factories/"), get("/demo/")]);
    factories.replaceChildren(
      ...sites.data.map((site) => element("option", { value: site.factory_id, selected: site.factory_id === place.factory }, site.name)),
    );
    sample.hidden = !demo.data.enabled;
    if (demo.data.enabled) sample.replaceChildren(reload(place, refresh));
  } catch {
    sample.hidden = true; // the page's banner says that the server is away
  }
}

/** The button that replaces the factory's data, asks first, and says what really happened. */
function reload(place, refresh) {
  const said = element("p", { class: "quiet", role: "status" });
  const load = async () => {
    button.disabled = true;
    said.textContent = text("sample.loading");
    try {
      const { data } = await post("/demo/seed", undefined, { factory: place.factory });
      said.textContent = text("sample.loaded", { events: count(data.events), workers: count(data.workers), stations: count(data.workstations) });
      refresh();
    } catch (error) {
      // Without an answer nobody knows whether it was done.
      said.textContent = text(error.status === 0 ? "sample.unclear" : "sample.failed", { reason: explain(error) });
      if (error.status === 0) refresh();
    }
    button.disabled = false;
    ask();
  };
  const ask = () => {
    button.textContent = text("sample.reload");
    button.onclick = () => {
      said.textContent = text("sample.warning");
      button.textContent = text("sample.sure");
      button.onclick = load;
    };
  };
  const button = element("button", { type: "button", class: "button" });
  ask();
  return element("div", {}, button, said);
}
