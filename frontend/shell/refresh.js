// The refresh loop: load once, then again after a pause, as long as the page is visible.

export const REFRESH_MS = 15_000;

/**
 * One refresh at a time: a new one aborts the signal of the one before.
 * @param {{node: HTMLElement, load: (signal: AbortSignal) => Promise<void>, failed: (error) => void, isAwaited: () =>
 *   boolean}} options `node` is marked as busy meanwhile; `isAwaited` is true while fresh figures are wanted at all
 * @returns {{refresh(): Promise<void>, refreshIfSeen()}}
 */
export function createRefresh({ node, load, failed, isAwaited }) {
  let running = new AbortController();
  let timer;

  async function refresh() {
    clearTimeout(timer);
    running.abort();
    running = new AbortController();
    const { signal } = running;
    node.setAttribute("aria-busy", "true");
    try {
      await load(signal);
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
    if (signal.aborted) return; // a newer refresh has taken over
    node.setAttribute("aria-busy", "false");
    node.classList.remove("changing");
    if (isAwaited()) timer = setTimeout(refreshIfSeen, REFRESH_MS);
  }

  function refreshIfSeen() {
    if (!document.hidden && isAwaited()) refresh();
  }

  document.addEventListener("visibilitychange", refreshIfSeen);
  addEventListener("online", refreshIfSeen);
  return { refresh, refreshIfSeen };
}
