"""`python -m benchmarks.ui`: how fast the page is with 500 workers and a year of data, beside its marks.

Chromium and a server on this machine, SQLite. Nothing is asserted. What the page does not have yet is said to be
missing.
"""

from __future__ import annotations

import gzip
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page
from tools.browser import chromium

from benchmarks.report import about_machine
from benchmarks.server import Server
from benchmarks.ui_store import open_store

STORE = Path("var/bench/ui")
ROUNDS = 5
SHOWN = "main[aria-busy=false]"
WINDOWS = ("today", "24h", "week", "24h")
SCROLL_SECONDS = 3.0

# When the figures stood for the first time, in milliseconds from the start of the navigation.
NOTE_FIRST_FIGURES = """(() => {
  const look = () => {
    if (document.querySelector("main[aria-busy=false]")) window.firstFigures = performance.now();
    else requestAnimationFrame(look);
  };
  look();
})()"""
CHANGE_WINDOW = """async ([value, shown]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const choice = document.querySelector(`input[name=window][value="${value}"]`);
  const began = performance.now();
  choice.click();
  do await frame(); while (!document.querySelector(shown));
  return performance.now() - began;
}"""
RECORD_FRAMES = """() => {
  window.frames_at = [];
  const note = (at) => { window.frames_at.push(at); window.recording && requestAnimationFrame(note); };
  window.recording = true;
  requestAnimationFrame(note);
}"""
STOP_RECORDING = "() => { window.recording = false; return window.frames_at; }"


def first_figures(browser: Browser, address: str) -> str:
    """Milliseconds until the overview's figures stand, without anything in the cache."""
    times = []
    for _ in range(ROUNDS):
        page = _fresh(browser).new_page()
        page.add_init_script(NOTE_FIRST_FIGURES)
        page.goto(f"{address}?view=overview&window=24h")
        page.wait_for_selector(SHOWN, timeout=60_000)
        page.wait_for_timeout(100)
        times.append(page.evaluate("window.firstFigures"))
        page.context.close()
    return _milliseconds(times)


def window_change(browser: Browser, address: str) -> str:
    """Milliseconds from the click on a period to its figures."""
    page = _open(browser, f"{address}?view=overview&window=24h")
    times = []
    for value in WINDOWS * 2:
        times.append(page.evaluate(CHANGE_WINDOW, [value, SHOWN]))
        page.wait_for_timeout(300)
    page.context.close()
    return _milliseconds(times[len(WINDOWS) :])  # the server has seen each window before


def scrolling(browser: Browser, address: str, view: str, selector: str) -> str:
    """Frames a second while the wheel turns over the element."""
    page = _open(browser, f"{address}?view={view}&window=24h")
    element = page.wait_for_selector(selector, timeout=10_000)
    assert element is not None
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, min(box["y"] + min(box["height"], 400) / 2, 880))
    page.evaluate(RECORD_FRAMES)
    for turn in range(int(SCROLL_SECONDS * 60)):
        page.mouse.wheel(0, 120 if turn % 120 < 60 else -120)
    at = page.evaluate(STOP_RECORDING)
    page.context.close()
    gaps = sorted(later - earlier for earlier, later in zip(at, at[1:], strict=False))
    slow = gaps[min(len(gaps) * 95 // 100, len(gaps) - 1)]
    return f"{1000 / statistics.median(gaps):.0f} fps; the slowest 5 % {1000 / slow:.0f} fps or less"


def first_visit(browser: Browser, address: str) -> str:
    """Kilobytes over the wire for a first visit of the overview, without the API's answers."""
    context = _fresh(browser)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    addresses: dict[str, str] = {}
    sizes: dict[str, float] = {}
    session.on(
        "Network.responseReceived", lambda event: addresses.update({event["requestId"]: event["response"]["url"]})
    )
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.goto(f"{address}?view=overview&window=24h")
    page.wait_for_selector(SHOWN, timeout=60_000)
    page.wait_for_load_state("networkidle")
    context.close()
    shell = [size for request, size in sizes.items() if "/api/" not in addresses.get(request, "/api/")]
    return f"{sum(shell) / 1024:.0f} KB in {len(shell)} files"


def whole_shell(server: Server) -> str:
    """Kilobytes of all that the service worker copies for use without a server, gzipped."""
    files = re.findall(r'"([^"]+)",', server.request("GET", "/shell.js")[1].decode())
    contents = [server.request("GET", f"/{file.removeprefix('./')}")[1] for file in files]
    return f"{sum(len(gzip.compress(content)) for content in contents) / 1024:.0f} KB in {len(files)} files"


def _fresh(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")


def _open(browser: Browser, address: str) -> Page:
    page = _fresh(browser).new_page()
    page.goto(address)
    page.wait_for_selector(SHOWN, timeout=60_000)
    return page


def _milliseconds(times: list[Any]) -> str:
    return f"{statistics.median(times):.0f} ms; from {min(times):.0f} to {max(times):.0f}"


def _or_missing(measure: Callable[[], str]) -> str:
    try:
        return measure()
    except (Error, ValueError) as problem:
        return "not there: " + str(problem).splitlines()[0]


def main() -> None:
    url = open_store(STORE)
    with Server(url, STORE, LOG_LEVEL="WARNING") as server, chromium() as browser:
        address = f"http://127.0.0.1:{server.port}/"
        rows: list[tuple[str, Callable[[], str], str]] = [
            ("first figures on the overview", lambda: first_figures(browser, address), "1,000 ms"),
            ("change of the period", lambda: window_change(browser, address), "300 ms"),
            ("scrolling the workers", lambda: scrolling(browser, address, "workers", "main table"), "50 fps"),
            ("scrolling the timeline", lambda: scrolling(browser, address, "overview", ".timeline"), "50 fps"),
            ("first visit without data", lambda: first_visit(browser, address), "150 KB"),
            ("all that is kept for offline use", lambda: whole_shell(server), ""),
        ]
        print("\n".join(f"{name}: {value}" for name, value in about_machine(STORE).items()), end="\n\n")
        print("| what | measured | mark |\n|---|---|---|")
        for what, measure, mark in rows:
            print(f"| {what} | {_or_missing(measure)} | {mark} |", flush=True)


if __name__ == "__main__":
    main()
