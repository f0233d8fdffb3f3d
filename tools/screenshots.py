"""`python -m tools.screenshots [--only NAME] [--readme]`: a picture of every view with sample data.

They go to var/screenshots/; with --readme the README's are copied to docs/images/.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, TimeoutError

from tools.browser import chromium
from tools.sample_server import sample_server

PICTURES = Path("var/screenshots")
IMAGES = Path("docs/images")
SHOWN = "main[aria-busy=false]"
SIZES = {"phone": (390, 844), "desk": (1440, 900), "wall": (3840, 2160)}
README_SIZES = {"desk": (1440, 1080), "wall": (1600, 900)}
SCHEMES = ("light", "dark")
VIEWS = {
    "overview": "view=overview&window=24h",
    "workers": "view=workers&window=24h",
    "workstations": "view=workstations&window=24h",
    "worker": "view=worker&id=W1&window=24h",
    "workstation": "view=workstation&id=S1&window=24h",
    "compare": "view=compare&window=24h",
    "events": "view=events",
    "wall": "view=wall&window=24h",
}


class Picture(NamedTuple):
    view: str
    size: str
    scheme: str

    @property
    def file(self) -> Path:
        return PICTURES / f"{self.view}-{self.size}-{self.scheme}.png"


README = (
    Picture("overview", "desk", "light"),
    Picture("worker", "desk", "dark"),
    Picture("wall", "wall", "dark"),
)


def take(browser: Browser, address: str, picture: Picture, size: tuple[int, int], *, whole_page: bool) -> None:
    """Write the picture's file: the whole page, or the part that the screen shows."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if picture.size == "phone" else 1,
        color_scheme="dark" if picture.scheme == "dark" else "light",
        locale="en-GB",
        reduced_motion="reduce",
        service_workers="block",
    )
    page = context.new_page()
    page.goto(f"{address}?{VIEWS[picture.view]}")
    try:
        page.wait_for_selector(SHOWN, timeout=15_000)
    except TimeoutError:
        print(f"{picture.file}: the view shows no figures after 15 s")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=picture.file, full_page=whole_page)
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots")
    parser.add_argument("--only", action="append", choices=VIEWS, help="one view; may be repeated")
    parser.add_argument("--readme", action="store_true", help="take those of the README, and keep them")
    asked = parser.parse_args()
    every = [Picture(view, size, scheme) for view in asked.only or VIEWS for size in SIZES for scheme in SCHEMES]
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sample_server() as address, chromium() as browser:
        for picture in README if asked.readme else every:
            size = (README_SIZES if asked.readme else SIZES)[picture.size]
            take(browser, address, picture, size, whole_page=picture.size != "wall" and not asked.readme)
            print(picture.file, flush=True)
    if asked.readme:
        IMAGES.mkdir(parents=True, exist_ok=True)
        for picture in README:
            shutil.copyfile(picture.file, IMAGES / picture.file.name)


if __name__ == "__main__":
    main()
