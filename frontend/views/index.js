// Every view, loaded when it is first opened.

import { styled } from "../lib/stylesheet.js";

/**
 * A view answers `title({place, text, answers})`, the questions it asks (`queries`, each `{path, query}`), and
 * `create(context)`: its node, `show({period, answers, place, site})` for each set of fresh answers, and `close()`.
 * The shell adds `now` of `GET /metrics/now` to the answers. The context has `format`, `get`, `link(changes)` (the
 * address of another view), `change(changes)` (go to the same view with something changed) and `go(changes)`.
 */
export const VIEWS = {
  overview: view("overview", () => import("./overview.js"), "tables"),
  workers: view("workers", () => import("./workers.js"), "tables", "filters"),
  workstations: view("workstations", () => import("./workstations.js"), "tables", "filters"),
  worker: view("worker", () => import("./worker.js"), "tables", "timeline", "filters", "detail"),
  workstation: view("workstation", () => import("./workstation.js"), "tables", "timeline", "filters", "detail"),
  compare: view("compare", () => import("./compare.js"), "tables", "timeline", "filters", "compare"),
  events: view("events", () => import("./events.js"), "tables", "filters", "events"),
  wall: view("wall", () => import("./wall.js"), "timeline", "wall"),
};

/** What loads a view and the style sheets that it alone needs. */
function view(name, load, ...styles) {
  return async () => {
    const [module] = await Promise.all([load(), ...styles.map((style) => styled(`styles/${style}.css`))]);
    return module[name];
  };
}
