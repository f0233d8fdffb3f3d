"""The system's Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def chromium_path() -> str:
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("chromium is not installed (Debian: apt-get install chromium)")
    return path


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless browser; it is closed at the end of the block."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
