// Every view, loaded when it is first opened.

/**
 * A view answers `title({place, text, answers})`, the questions it asks (`queries`, each `{path, query}`), and
 * `create(context)`: its node, `show({period, answers, place, site})` for each set of fresh answers, and `close()`.
 * `timed: false` marks one without a choice of the period. The context has `format`, `get`, `link(changes)` (the
 * address of another view), `change(changes)` (go to the same view with something changed) and `go(changes)`.
 */
export const VIEWS = {
  overview: async () => (await import("./overview.js")).overview,
  workers: async () => (await import("./workers.js")).workers,
  workstations: async () => (await import("./workstations.js")).workstations,
  worker: async () => (await import("./worker.js")).worker,
  workstation: async () => (await import("./workstation.js")).workstation,
  compare: async () => (await import("./compare.js")).compare,
  events: async () => (await import("./events.js")).events,
  wall: async () => (await import("./wall.js")).wall,
};
