// Every view, loaded when it is first opened, and who may open it.

import { styled } from "../lib/stylesheet.js";
import { current, may, membership, seesPersons } from "../lib/session.js";

/**
 * A view answers `title({place, text, answers})`, the questions it asks (`queries`, each `{path, query}`), and
 * `create(context)`: its node, and `show({period, answers, place, site})` for each set of fresh answers. The shell adds
 * `now` of `GET /metrics/now` to the answers, except for a view that is `still`: one without a period, loaded again
 * only when something was changed. The context has `format`, `get`, `link(changes)` (the address of another view),
 * `change(changes)` (go to the same view with something changed), `go(changes)`, `may(permission)` in the place's
 * factory, `persons`, true if single persons may be shown there, and `life`, a signal that is aborted when the view is
 * left.
 */
export const VIEWS = {
  overview: view("overview", () => import("./overview.js"), "tables"),
  workers: view("workers", () => import("./workers.js"), "tables", "filters"),
  workstations: view("workstations", () => import("./workstations.js"), "tables", "filters"),
  worker: view("worker", () => import("./worker.js"), "tables", "timeline", "filters", "detail"),
  workstation: view("workstation", () => import("./workstation.js"), "tables", "timeline", "filters", "detail"),
  compare: view("compare", () => import("./compare.js"), "tables", "timeline", "filters", "compare"),
  events: view("events", () => import("./events.js"), "tables", "filters", "forms", "events"),
  wall: view("wall", () => import("./wall.js"), "timeline", "wall"),
  organisation: view("organisation", () => import("./organisation.js"), "tables"),
  people: view("people", () => import("./people.js"), "tables", "forms"),
  keys: view("keys", () => import("./keys.js"), "tables", "forms"),
  audit: view("audit", () => import("./audit.js"), "tables", "filters", "forms"),
  settings: view("settings", () => import("./settings.js"), "forms"),
  account: view("account", () => import("./account.js"), "forms"),
  organisations: view("organisations", () => import("./organisations.js"), "tables", "forms"),
};

const OF_PERSONS = ["workers", "worker", "events"];
const NEEDS = { wall: "figures", people: "people", keys: "people", audit: "people", settings: "settings" };

/** The error that keeps the reader from opening a view in a factory, in the API's shape; null if there is none. */
export function obstacle(name, factory) {
  if (name === "account") return current().user ? null : NOT_ALLOWED;
  if (name === "organisations") return current().operator ? null : NOT_ALLOWED;
  if (!may(NEEDS[name] ?? "views", factory)) return NOT_ALLOWED;
  return OF_PERSONS.includes(name) && !seesPersons(factory) ? PERSONS_WITHHELD : null;
}

const NOT_ALLOWED = { status: 403, code: "not_allowed" };
const PERSONS_WITHHELD = { status: 403, code: "persons_withheld" };

/** The view to open for `name`: a reader who has only one view always gets that one. */
export function viewToOpen(name, factory) {
  const first = current().operator
    ? "organisations"
    : membership(factory) && !may("views", factory)
      ? "wall"
      : "overview";
  if (!Object.hasOwn(VIEWS, name ?? "")) return first;
  return first !== "overview" && obstacle(name, factory) ? first : name;
}

/** True if the navigation offers a view. */
export function isOffered(name, factory) {
  if (name === "organisation" && current().factories.length < 2) return false;
  return !obstacle(name, factory) && viewToOpen(name, factory) === name;
}

/** A function that loads a view and the style sheets that only some views need. */
function view(name, load, ...styles) {
  return async () => {
    const [module] = await Promise.all([load(), ...styles.map((style) => styled(`styles/${style}.css`))]);
    return module[name];
  };
}
