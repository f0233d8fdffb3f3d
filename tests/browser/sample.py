"""The sample data as the page is asked for them: its views, its days and its numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.servers import RunningServer

STARTED = datetime.now(timezone.utc)
"""Once for the run, so that a question of before midnight and one of after it are about the same days."""
SATURDAY = 5
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
UNSEEN = "W9"
VIEWS = {
    "overview": "view=overview",
    "workers": "view=workers",
    "workstations": "view=workstations",
    "worker": "view=worker&id=W1",
    "workstation": "view=workstation&id=S1",
    "compare": "view=compare",
    "compared": "view=compare&a=W1&b=W2",
    "events": "view=events",
    "wall": "view=wall",
}
_numbers = itertools.count(1)
SETTLED = "main[aria-busy='false']"


def open_view(page: Any, server: RunningServer, query: str = "", settled: str = "#view > *") -> None:
    """Open the page and wait for its first figures, or for what it says instead of them."""
    page.goto(f"http://127.0.0.1:{server.port}/?{query}")
    page.wait_for_selector(f"{SETTLED} {settled}")


def poll(page: Any, path: str = "/metrics/now") -> Any:
    """Let the page ask again, which it does every 15 seconds and when the browser is online again; its answer."""
    with page.expect_response(lambda response: path in response.url) as answer:
        page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector(SETTLED)
    return answer.value


def new_factory(server: RunningServer, stem: str, **settings: Any) -> str:
    """Make a factory of the caller's own, of which the id begins with `stem`."""
    factory = f"{stem}-{next(_numbers)}"
    made = server.post_json("/api/v1/factories/", {"factory_id": factory, "name": factory, **settings})
    assert made.status == 201, made.body
    return factory


def days_before(now: datetime, days: int) -> tuple[datetime, datetime]:
    """So many whole days (UTC) before `now`, of which the last two are working days: at weekends few people work."""
    end = now.replace(hour=0, minute=0, second=0, microsecond=0)
    while any((end - timedelta(days=back)).weekday() >= SATURDAY for back in (1, 2)):
        end -= timedelta(days=1)
    return end - timedelta(days=days), end


def period(days: int = 2, *, window: bool = True, live: bool = False) -> str:
    """Return these days as the query of a view or, without `window`, of the API; a `live` one lasts until now."""
    start, end = days_before(STARTED, days)
    bounds = f"from={start:%Y-%m-%dT%H:%M:%SZ}" + ("" if live else f"&to={end:%Y-%m-%dT%H:%M:%SZ}")
    return f"window=custom&{bounds}" if window else bounds


def hours(value: float) -> str:
    """Hours as the page writes them."""
    minutes = int(value * 60 + 0.5)
    return f"{minutes // 60:,}:{minutes % 60:02d}"


def decimal(value: float) -> str:
    """Write a number with one decimal as the page does: a half is rounded up, as it stands in the API's answer."""
    return f"{Decimal(str(value)).quantize(Decimal('0.1'), ROUND_HALF_UP):,}"


def sticking_out(page: Any, widths: Iterable[int], selector: str = "html") -> list[tuple[int, int]]:
    """Return the widths of the screen on which an element is wider than its place, and by how much."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        excess = page.locator(selector).evaluate("node => node.scrollWidth - node.clientWidth")
        if excess > 0:
            found.append((width, excess))
    return found
