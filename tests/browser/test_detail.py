"""One worker and one workstation in a real browser: every number opens into what it is made of."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.browser.sample import HOSTILE, UNSEEN, decimal, hours, period, sticking_out
from tests.servers import RunningServer


def open_detail(page: Any, server: RunningServer, what: str, query: str = "", days: int = 2) -> None:
    """Open the detail of `what`, the view and the id, as in "worker/W1"."""
    view, entity = what.split("/")
    page.goto(f"http://127.0.0.1:{server.port}/?view={view}&id={entity}&{period(days)}{query}")
    page.wait_for_selector("main[aria-busy='false'] .detail")


def api(server: RunningServer, path: str, query: str = "", days: int = 2) -> Any:
    return server.request("GET", f"/api/v1/{path}?{period(days, window=False)}{query}").body["data"]


def tile(page: Any, label: str) -> Any:
    return page.locator(".tile", has=page.locator(f".label:text-is('{label}')"))


def value(page: Any, label: str) -> str:
    return str(tile(page, label).locator(".value").inner_text())


def counts(page: Any) -> list[int]:
    """Return the column of counts in the list of events that is shown."""
    cells = page.locator(".breakdown .events-of:visible tbody tr td:nth-child(2)").all_inner_texts()
    return [int(cell.replace(",", "")) for cell in cells]


def test_the_tiles_are_the_figures_of_the_api(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_detail(page, server, "worker/W2")
    figures = api(server, "metrics/workers/W2")

    assert value(page, "Working") == hours(figures["total_active_time_hours"])
    assert value(page, "Unknown") == hours(figures["unknown_time_hours"])
    assert value(page, "Utilization") == f"{decimal(figures['utilization_percentage'])} %"
    assert value(page, "Units") == f"{figures['total_units_produced']:,}"
    assert page.locator("#title").inner_text() == figures["name"]
    assert complaints == []


@pytest.mark.parametrize("what", ["worker/W3", "workstation/S3"])
def test_units_open_into_the_events_that_counted_them(
    page: Any, server: RunningServer, complaints: list[str], what: str
) -> None:
    kind, entity = what.split("/")
    open_detail(page, server, what)
    units = api(server, f"metrics/{kind}s/{entity}")["total_units_produced"]
    assert value(page, "Units") == f"{units:,}"

    tile(page, "Units").click()
    page.wait_for_selector(".breakdown .verdict:visible:has-text('= Units')")

    assert sum(counts(page)) == units
    assert f"{units:,} = Units" in page.locator(".verdict").inner_text()
    so_far = page.locator(".breakdown .events-of:visible tbody tr td:nth-child(3)").all_inner_texts()
    assert (so_far[0], so_far[-1]) == (f"{units:,}", f"{counts(page)[-1]:,}")
    page.wait_for_selector("#breakdown:focus")
    assert 0 < page.locator("#breakdown").bounding_box()["y"] < 200
    assert complaints == []


@pytest.mark.parametrize(
    ("what", "label", "state"),
    [
        ("worker/W2", "Working", "working"),
        ("worker/W2", "Idle", "idle"),
        ("workstation/S2", "Productive", "productive"),
    ],
)
def test_a_time_opens_into_its_intervals_with_an_equal_sum(
    page: Any, server: RunningServer, what: str, label: str, state: str
) -> None:
    kind, entity = what.split("/")
    open_detail(page, server, what)
    intervals = [one for one in api(server, f"metrics/{kind}s/{entity}/intervals") if one["state"] == state]

    tile(page, label).click()
    page.wait_for_selector(f".intervals tfoot td:text-is('{value(page, label)} = {label}')")

    assert value(page, label) == hours(sum(one["duration_seconds"] for one in intervals) / 3600)
    assert page.locator(".intervals .opener").count() == min(len(intervals), 200)
    assert set(page.locator(".intervals tbody td .state").all_inner_texts()) == {label}


def test_all_intervals_add_up_to_the_period(page: Any, server: RunningServer) -> None:
    open_detail(page, server, "worker/W4")

    assert page.locator(".intervals tfoot td").inner_text().startswith("48:00 = Working")


@pytest.mark.journey
def test_an_interval_opens_into_its_events(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_detail(page, server, "worker/W3", "&state=working")
    intervals = [one for one in api(server, "metrics/workers/W3/intervals") if one["state"] == "working"]
    longest = max(intervals, key=lambda one: one["duration_seconds"])
    place = intervals[::-1].index(longest)
    inside = server.request(
        "GET", f"/api/v1/events/?worker_id=W3&from={longest['start']}&to={longest['end']}&limit=1000"
    ).body["data"]
    units = sum(event["count"] for event in inside if event["event_type"] == "product_count")
    opener = page.locator(".intervals .opener").nth(place)

    opener.click()
    page.wait_for_selector(".within tbody tr")

    assert opener.get_attribute("aria-expanded") == "true"
    assert page.locator(".within tbody tr").count() == len(inside) <= 100
    assert page.locator(".within tfoot").inner_text().split()[-1] == f"{units:,}"
    assert page.locator(".within tbody tr").last.inner_text().find("opened the interval") > 0
    assert "cam-" in page.locator(".within tbody tr").first.inner_text()

    page.reload()
    page.wait_for_selector(".within tbody tr")
    assert page.locator(".opener[aria-expanded=true]").count() == 1

    page.locator(".opener[aria-expanded=true]").click()
    assert page.locator(".within").count() == 0
    assert "at=" not in page.url
    assert complaints == []


def test_a_stretch_in_the_address_opens_its_interval_in_sight(page: Any, server: RunningServer) -> None:
    interval = api(server, "metrics/workers/W2/intervals")[10]
    start, end = (int(datetime.fromisoformat(interval[name]).timestamp() * 1000) for name in ("start", "end"))

    open_detail(page, server, "worker/W2", f"&at={start}-{end}")
    page.wait_for_selector(".within tbody tr")

    opened = page.locator(".opener[aria-expanded=true]")
    assert opened.count() == 1
    assert f"{datetime.fromisoformat(interval['start']):%H:%M:%S}" in opened.inner_text()
    page.wait_for_timeout(100)
    assert 0 < opened.bounding_box()["y"] < 800


def test_an_interval_of_before_the_period_shows_the_event_that_opened_it(page: Any, server: RunningServer) -> None:
    open_detail(page, server, "worker/W1")
    first = api(server, "metrics/workers/W1/intervals")[0]
    assert first["event"]["timestamp"] < first["start"]

    page.locator(".intervals .opener").last.click()
    page.wait_for_selector(".within tbody tr:has-text('opened the interval')")

    opened_at = datetime.fromisoformat(first["event"]["timestamp"])
    assert f"{opened_at:%H:%M:%S}" in page.locator(".within tbody tr").last.inner_text()


def test_the_workstations_of_a_worker_share_time_and_units(page: Any, server: RunningServer) -> None:
    open_detail(page, server, "worker/W1")
    page.wait_for_selector(".presence tfoot td:has-text(',') , .presence tfoot td:last-child:not(:has-text('–'))")

    foot = page.locator(".presence tfoot td").all_inner_texts()

    assert (foot[0], foot[1], foot[3]) == (value(page, "Working"), value(page, "Idle"), value(page, "Units"))


@pytest.mark.journey
def test_the_workers_of_a_workstation_are_named_with_their_units(page: Any, server: RunningServer) -> None:
    open_detail(page, server, "workstation/S1")
    page.wait_for_selector(".presence tfoot td:last-child:not(:has-text('–'))")
    seen = {worker for one in api(server, "metrics/workstations/S1/intervals") for worker in one["worker_ids"]}

    rows = page.locator(".presence tbody th a")

    assert {link.split("id=")[1].split("&")[0] for link in rows.evaluate_all("a => a.map((one) => one.href)")} == seen
    assert page.locator(".presence tfoot td").last.inner_text() == value(page, "Units")


def test_the_hours_of_the_chart_add_up_to_the_tile(page: Any, server: RunningServer) -> None:
    open_detail(page, server, "worker/W2")

    rows = page.locator(".course .as-table").first.locator("tbody td:nth-child(2)").all_text_contents()

    minutes = sum(int(hour) * 60 + int(minute) for hour, minute in (row.split(":") for row in rows))
    whole, rest = value(page, "Working").split(":")
    assert len(rows) == 48
    assert abs(minutes - int(whole) * 60 - int(rest)) <= len(rows) / 2  # each hour is rounded


def test_over_a_long_period_intervals_are_asked_for_only_when_wanted(page: Any, server: RunningServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_detail(page, server, "worker/W2", days=60)

    assert not [url for url in asked if "/intervals" in url or "/events" in url]

    page.get_by_role("button", name="Show the intervals").click()
    page.wait_for_selector(".intervals .opener")

    assert page.locator(".intervals .opener").count() == 200
    page.get_by_role("button", name="Show more").click()
    assert page.locator(".intervals .opener").count() > 200
    working = hours(api(server, "metrics/workers/W2", days=60)["total_active_time_hours"])
    assert f"Working {working}" in page.locator(".intervals tfoot td").inner_text()


def test_the_intervals_can_be_taken_along(page: Any, server: RunningServer, tmp_path: Path) -> None:
    open_detail(page, server, "worker/W2", "&state=idle")
    idle = [one for one in api(server, "metrics/workers/W2/intervals") if one["state"] == "idle"]

    with page.expect_download() as started:
        page.locator(".breakdown").get_by_role("button", name="CSV").click()
    started.value.save_as(tmp_path / "intervals.csv")

    rows = list(csv.DictReader(io.StringIO((tmp_path / "intervals.csv").read_text(encoding="utf-8-sig"))))
    assert [row["From"] for row in rows] == [one["start"] for one in reversed(idle)]
    assert [float(row["Duration (s)"]) for row in rows] == [one["duration_seconds"] for one in reversed(idle)]


def test_an_opened_interval_stays_open_when_fresh_figures_come(page: Any, server: RunningServer) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?view=worker&id=W2&{period(live=True)}")
    page.wait_for_selector("main[aria-busy='false'] .opener")
    page.locator(".opener").nth(2).click()
    page.wait_for_selector(".within tbody tr")
    page.evaluate("window.opened = document.querySelector('.within tbody tr')")

    with page.expect_response("**/metrics/now*"):
        page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("main[aria-busy='false']")

    assert page.evaluate("window.opened === document.querySelector('.within tbody tr')")
    assert page.evaluate("document.activeElement === document.querySelector('.opener[aria-expanded=true]')")


def test_who_was_never_seen_has_dashes_and_a_name_that_stays_text(
    page: Any, server: RunningServer, complaints: list[str]
) -> None:
    open_detail(page, server, f"worker/{UNSEEN}")

    assert page.locator("#title").inner_text() == HOSTILE
    assert (value(page, "Utilization"), value(page, "Units per hour")) == ("–", "–")
    assert "Not seen yet" in page.locator(".now-line").inner_text()
    assert page.locator("main img").count() == 0
    assert complaints == []


def test_the_detail_speaks_german(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_detail(page, server, "worker/W2", "&lang=de&state=working")

    assert page.locator(".intervals tfoot td").inner_text() == f"{value(page, 'Arbeitet')} = Arbeitet"
    words = page.locator("main").inner_text()
    assert not [prefix for prefix in ("detail.", "intervals.", "events_of.", "table.") if prefix in words]
    assert complaints == []


@pytest.mark.parametrize("what", ["worker/W2", "workstation/S2"])
def test_nothing_sticks_out_of_the_screen(page: Any, server: RunningServer, what: str) -> None:
    open_detail(page, server, what)

    assert sticking_out(page, (320, 390, 1280)) == []


def test_units_of_another_period_are_not_mixed_with_those_of_before(page: Any, server: RunningServer) -> None:
    open_detail(page, server, "worker/W1")
    page.wait_for_selector(".presence tfoot td:last-child:not(:has-text('–'))")
    earlier = period(30)

    page.evaluate("(query) => { history.pushState(null, '', `?view=worker&id=W1&${query}`) }", earlier)
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    page.wait_for_selector("main[aria-busy='false'] .presence tfoot td:last-child:has-text('–')")

    assert value(page, "Units") == f"{api(server, 'metrics/workers/W1', days=30)['total_units_produced']:,}"
