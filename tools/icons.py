"""Draw the bitmaps for phones and launchers from frontend/icons/icon.svg: `python -m tools.icons`."""

from __future__ import annotations

from pathlib import Path

from tools.browser import chromium

ICONS = Path(__file__).resolve().parents[1] / "frontend" / "icons"
ROUNDED = 'rx="7" '  # of the ground
# Side in pixels, whether the ground fills the square, and how much of it the bars take: launchers cut a maskable
# icon to a circle of four fifths.
BITMAPS = {
    "icon-192.png": (192, False, 1.0),
    "icon-512.png": (512, False, 1.0),
    "maskable-512.png": (512, True, 0.85),
    "apple-touch-180.png": (180, True, 1.0),
}


def drawing(*, full_bleed: bool, scale: float) -> str:
    """Read the icon as SVG."""
    lines = (ICONS / "icon.svg").read_text(encoding="utf-8").splitlines()
    head, ground, bars, end = lines[0], lines[1], lines[2:-1], lines[-1]
    if full_bleed:
        ground = ground.replace(ROUNDED, "")
    shift = 16 * (1 - scale)
    return "\n".join([head, ground, f'<g transform="translate({shift} {shift}) scale({scale})">', *bars, "</g>", end])


def main() -> None:
    with chromium() as browser:
        for name, (side, full_bleed, scale) in BITMAPS.items():
            page = browser.new_page(viewport={"width": side, "height": side})
            style = "<style>body{margin:0}svg{display:block}</style>"
            page.set_content(style + drawing(full_bleed=full_bleed, scale=scale))
            page.screenshot(path=ICONS / name, omit_background=True)
            page.close()


if __name__ == "__main__":
    main()
