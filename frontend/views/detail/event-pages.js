// Stored events, page by page, the newest first.

import { explain } from "../../components/error-notice.js";

/**
 * @param {object} context of the view
 * @param {{limit: number, key?: string}} options `key` names the question where its window moves with the clock
 * @param {(found: {events: object[], complete: boolean, fault: string}) => void} changed
 * @returns {{show(query), more(), clear(), close()}} `show` asks again for as many pages as have been opened
 */
export function createPages(context, { limit, key }, changed) {
  let query;
  let wanted = 1;
  let pages = [];
  let running = new AbortController();

  const report = (fault = "") =>
    changed({
      events: pages.flatMap(({ data }) => data),
      complete: pages.length > 0 && !pages.at(-1).next_cursor,
      fault,
    });

  async function load() {
    running.abort();
    running = new AbortController();
    const signal = AbortSignal.any([running.signal, context.life]);
    try {
      const found = [await context.get("/events/", { ...query, limit }, { signal, key })];
      while (found.length < wanted && found.at(-1).next_cursor) {
        found.push(await context.get("/events/", { ...query, limit, cursor: found.at(-1).next_cursor }, { signal }));
      }
      pages = found;
      report();
    } catch (error) {
      if (!signal.aborted) report(explain(error));
    }
  }

  return {
    /** Forget all pages, when another period is chosen. */
    clear() {
      running.abort();
      wanted = 1;
      pages = [];
      report();
    },
    show(asked) {
      query = asked;
      return load();
    },
    more() {
      wanted += 1;
      return load();
    },
    close: () => running.abort(),
  };
}
