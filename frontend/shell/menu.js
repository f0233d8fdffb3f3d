// The menu at the end of the top bar: the reader, factory, language, appearance, and links that are rarely needed.

import { remember, remembered } from "../lib/memory.js";
import { get } from "../lib/api.js";
import { addressOf, changedAddress } from "../lib/address.js";
import { element, icon } from "../lib/element.js";
import { current, isClosed, look, may } from "../lib/session.js";
import { styled } from "../lib/stylesheet.js";
import { LANGUAGES, preferredLanguage, text } from "../lib/texts.js";
import { createReader } from "./reader.js";

const LINES = "M4 7h16M4 12h16M4 17h16";
// Views, and the permission that each needs.
const ADMINISTRATION = { settings: "settings", people: "people", keys: "people", audit: "people" };

/** Fill `node` with the menu and its button. The reader's rights are asked for again when it opens. */
export function renderMenu(node, { go, place, refresh, isOffered }) {
  styled("styles/menu.css"); // it arrives before anyone can open the menu
  const known = element("div", { class: "menu-entries" });
  const sample = element("div", { class: "sample", hidden: true });
  const menu = element(
    "div",
    { id: "menu", popover: true, class: "menu card", "aria-label": text("menu.label") },
    known,
    field("menu.language", choice("language", LANGUAGES, preferredLanguage(), speak)),
    field(
      "menu.theme",
      choice(
        "theme",
        { system: text("menu.system"), light: text("menu.light"), dark: text("menu.dark") },
        storedTheme(),
        dress,
      ),
    ),
    element("a", { class: "button", href: "docs" }, text("menu.docs")),
    sample,
  );
  const fill = () => fillKnown(known, { place: place(), go, isOffered });
  menu.addEventListener("beforetoggle", ({ newState }) => newState === "open" && !isClosed() && fill());
  menu.addEventListener("toggle", async ({ newState }) => {
    if (newState !== "open" || isClosed()) return;
    const before = JSON.stringify(current());
    await look().catch(() => {}); // the page's banner says that the server is away
    if (JSON.stringify(current()) !== before && !known.contains(document.activeElement)) fill();
    await offerSample(sample, place(), refresh);
  });
  menu.addEventListener("click", (event) => event.target.closest("a") && menu.hidePopover());
  node.replaceChildren(
    element(
      "button",
      { type: "button", class: "button", popovertarget: "menu", "aria-label": text("menu.label") },
      icon(LINES),
    ),
    menu,
  );
}

const field = (key, control) => element("label", { class: "field" }, element("span", {}, text(key)), control);

function choice(id, options, chosen, changed) {
  const select = element("select", { id, onchange: () => changed(select.value) });
  select.append(
    ...Object.entries(options).map(([value, words]) => element("option", { value, selected: value === chosen }, words)),
  );
  return select;
}

/** Fill in the entries that depend on the reader and the factory. */
function fillKnown(node, { place, go, isOffered }) {
  const { factories, user } = current();
  const names = Object.fromEntries(factories.map(({ factory_id: id, name }) => [id, name]));
  const chosen = (factory) => go(changedAddress(place, { factory, id: undefined, view: "overview" }));
  const link = (view) => element("a", { class: "button", href: addressOf(place, { view }) }, text(`views.${view}`));
  const administration = Object.keys(ADMINISTRATION).filter((view) => may(ADMINISTRATION[view], place.factory));
  node.replaceChildren(
    ...[
      user && createReader(place),
      factories.length > 0 && field("menu.factory", choice("factory", names, place.factory, chosen)),
      isOffered("organisation") && link("organisation"),
      factories.length > 0 &&
        element("a", { class: "button", href: addressOf(place, { view: "wall", window: "shift" }) }, text("menu.wall")),
      administration.length > 0 &&
        element(
          "nav",
          { class: "actions", "aria-label": text("menu.administration") },
          ...administration.map((view) => link(view)),
        ),
    ].filter(Boolean),
  );
}

function speak(language) {
  remember("language", language);
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  location.assign(address);
}

const storedTheme = () => remembered("theme") ?? "system";

function dress(theme) {
  remember("theme", theme === "system" ? null : theme);
  dispatchEvent(new CustomEvent("themechange", { detail: theme }));
}

async function offerSample(sample, place, refresh) {
  sample.hidden = true;
  if (!may("settings", place.factory)) return;
  const { enabled } = await get("/demo/").then(
    ({ data }) => data,
    () => ({ enabled: false }),
  );
  if (!enabled) return;
  const { createReload } = await import("./sample-data.js");
  sample.replaceChildren(createReload(place, refresh));
  sample.hidden = false;
}
