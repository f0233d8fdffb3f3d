"""A view that was left leaves nothing behind that still runs: no observer, no timer, no listener."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.sample import SETTLED, open_view
from tests.servers import RunningServer

# Counts what the page has running: observers that observe, timers and frames to come, listeners beyond the elements.
WATCH = """
const running = { observers: new Set(), timers: new Set(), listeners: new Set() };
window.running = () => Object.fromEntries(Object.entries(running).map(([kind, all]) => [kind, all.size]));
for (const name of ["ResizeObserver", "MutationObserver", "IntersectionObserver"]) {
  const { observe, disconnect } = window[name].prototype;
  window[name].prototype.observe = function (...given) { running.observers.add(this); observe.apply(this, given); };
  window[name].prototype.disconnect = function () { running.observers.delete(this); disconnect.apply(this); };
}
for (const [set, clear, repeats] of [
  ["setTimeout", "clearTimeout", false], ["setInterval", "clearInterval", true],
  ["requestAnimationFrame", "cancelAnimationFrame", false],
]) {
  const [begin, end] = [window[set].bind(window), window[clear].bind(window)];
  window[set] = (work, ...given) => {
    const run = (...values) => { if (!repeats) running.timers.delete(name); work(...values); };
    const name = `${set} ${begin(run, ...given)}`;
    running.timers.add(name);
    return Number(name.split(" ")[1]);
  };
  window[clear] = (id) => { running.timers.delete(`${set} ${id}`); end(id); };
}
const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
const names = new Map();
const nameOf = (target, type, listener) => {
  for (const one of [target, listener]) if (!names.has(one)) names.set(one, names.size);
  return `${names.get(target)} ${type} ${names.get(listener)}`;
};
EventTarget.prototype.addEventListener = function (type, listener, options) {
  const target = this ?? window;
  if (target === window || target === document || target instanceof MediaQueryList) {
    const name = nameOf(target, type, listener);
    running.listeners.add(name);
    if (options?.signal) add.call(options.signal, "abort", () => running.listeners.delete(name));
  }
  return add.call(target, type, listener, options);
};
EventTarget.prototype.removeEventListener = function (type, listener, options) {
  running.listeners.delete(nameOf(this ?? window, type, listener));
  return remove.call(this ?? window, type, listener, options);
};
"""
GO = "(query) => { history.pushState(null, '', `?${query}`); dispatchEvent(new PopStateEvent('popstate')); }"
CHARTS = "() => import('/vendor/uplot/uPlot.esm.js').then(() => null)"  # once loaded, it listens to the window for good
STILL = "view=settings"  # it asks for nothing by itself


@pytest.mark.parametrize(
    ("query", "shown", "kinds"),
    [
        ("view=overview", ".chart canvas, .timeline canvas", {"observers", "timers", "listeners"}),
        ("view=workers", "table.figures tbody tr", {"timers"}),
        ("view=worker&id=W1&list=units", ".timeline canvas", {"observers", "timers", "listeners"}),
        ("view=workstation&id=S1", ".timeline canvas", {"observers", "timers", "listeners"}),
        ("view=compare&a=W1&b=W2", ".timeline canvas", {"observers", "timers", "listeners"}),
        ("view=events", ".event-stream tbody tr", {"timers"}),
        ("view=wall", ".dots li", {"timers", "listeners"}),
    ],
)
def test_a_view_that_was_left_leaves_nothing_running(
    page: Any, server: RunningServer, query: str, shown: str, kinds: set[str]
) -> None:
    page.add_init_script(WATCH)
    open_view(page, server, STILL)
    page.evaluate(CHARTS)
    page.wait_for_function("() => window.running().timers === 0")
    before = page.evaluate("window.running()")

    page.evaluate(GO, f"{query}&window=24h")
    for selector in shown.split(", "):
        page.wait_for_selector(f"{SETTLED} {selector}", state="attached")
    during = page.evaluate("window.running()")
    page.evaluate(GO, STILL)
    page.wait_for_selector(f"body[data-view=settings] {SETTLED} .administration form")

    assert {kind for kind in before if during[kind] > before[kind]} == kinds
    page.wait_for_function("(before) => JSON.stringify(window.running()) === JSON.stringify(before)", arg=before)


def test_the_wall_screen_turns_its_pages_for_hours_with_no_more_running_than_at_first(
    page: Any, server: RunningServer
) -> None:
    page.add_init_script(WATCH)
    page.clock.install()
    open_view(page, server, "view=wall&window=24h", ".figures")

    def counts_of_a_round() -> list[dict[str, int]]:
        counts = []
        for n in (2, 3, 4, 1):
            page.clock.fast_forward(15_000)
            page.wait_for_selector(f".dots li:nth-child({n}).on", state="attached")
            page.wait_for_selector({2: ".stage .course canvas", 4: ".stage .timeline canvas"}.get(n, ".stage"))
            page.clock.run_for(1000)
            counts.append(
                {kind: count for kind, count in page.evaluate("window.running()").items() if kind != "timers"}
            )
        return counts

    first = counts_of_a_round()
    assert first[1]["observers"] < first[0]["observers"]
    counts_of_a_round()

    assert counts_of_a_round() == first
