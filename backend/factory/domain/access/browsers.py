"""The kind of a browser, as a list of sessions names it; the header itself would tell one device from another."""

from __future__ import annotations

import re

# In this order: most browsers also name those that came before them.
_BROWSERS = {"Edge": r"Edg(e|A|iOS)?/", "Opera": "OPR/", "Firefox": r"(Firefox|FxiOS)/", "Chrome": r"(Chrome|CriOS)/"}
_SYSTEMS = {
    "Android": "Android",
    "iOS": "iPhone|iPad|iPod",
    "Windows": "Windows",
    "macOS": "Mac OS X",
    "Linux": "Linux",
}


def browser_of(user_agent: str) -> str:
    """Return a browser and its system, such as `Firefox, Windows`; empty where neither is known."""
    browser = next((name for name, mark in _BROWSERS.items() if re.search(mark, user_agent)), "")
    if not browser and re.search(r"Version/.*Safari/", user_agent):
        browser = "Safari"
    system = next((name for name, mark in _SYSTEMS.items() if re.search(mark, user_agent)), "")
    return ", ".join(part for part in (browser, system) if part)
