"""The stream of events and the form for an event that no camera saw, in a real browser."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.browser.conftest import FRONTEND
from tests.browser.sample import new_factory, sticking_out
from tests.servers import RunningServer

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime.now(timezone.utc).replace(microsecond=0)


@pytest.fixture
def factory(server: RunningServer) -> str:
    """Make a factory of the test's own, in Berlin."""
    return new_factory(server, "site", time_zone=ZONE.key)


def event(at: datetime = NOW, worker: str = "W1", station: str = "S1", kind: str = "working", **more: Any) -> Any:
    return {"timestamp": at.isoformat(), "worker_id": worker, "workstation_id": station, "event_type": kind, **more}


def send(server: RunningServer, factory: str, events: list[Any]) -> None:
    assert server.post_json(f"/api/v1/events/batch?factory={factory}", events).status == 201


def stored(server: RunningServer, factory: str) -> list[Any]:
    data: list[Any] = server.request("GET", f"/api/v1/events/?limit=1000&factory={factory}").body["data"]
    return data


def open_events(page: Any, server: RunningServer, factory: str, query: str = "") -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?view=events&window=24h&factory={factory}{query}")
    settle(page)


def settle(page: Any) -> None:
    page.wait_for_selector("main[aria-busy='false'] .events")


def refresh(page: Any) -> None:
    with page.expect_response("**/api/v1/events/?*"):
        page.evaluate("dispatchEvent(new Event('online'))")
    settle(page)


def rows(page: Any) -> list[list[str]]:
    lines: list[list[str]] = page.locator(".event-stream tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    return lines


def units(page: Any) -> list[str]:
    return [line[4] for line in rows(page)]


def open_form(page: Any) -> Any:
    page.get_by_role("button", name="Enter an event").click()
    return page.get_by_role("dialog")


def fill(form: Any, worker: str = "W1", station: str = "S1", kind: str = "Working") -> None:
    form.get_by_label("Worker", exact=True).fill(worker)
    form.get_by_label("Workstation", exact=True).fill(station)
    form.get_by_text(kind, exact=True).click()


def field(form: Any, name: str) -> Any:
    return form.locator(".field", has=form.page.locator(f"[name={name}]"))


def counts(how_many: int) -> list[Any]:
    """Make counts of 1, 2, 3 … units, each a different number; some of them in one instant."""
    ages = [timedelta(seconds=30 + n // 3) for n in range(how_many)]
    return [event(NOW - age, kind="product_count", count=n + 1, event_id=str(n)) for n, age in enumerate(ages)]


@pytest.mark.journey
def test_a_row_says_what_was_seen_when_and_by_whom(
    page: Any, server: RunningServer, factory: str, complaints: list[str]
) -> None:
    at = NOW - timedelta(hours=2)
    send(
        server,
        factory,
        [
            event(
                at - timedelta(seconds=1) + timedelta(milliseconds=250),
                confidence=0.93,
                source_id=HOSTILE,
                model_version="v<1>",
            ),
            event(at - timedelta(hours=1), kind="product_count", count=1250),
        ],
    )
    answer = server.request(
        "PATCH",
        f"/api/v1/workers/W1?factory={factory}",
        b'{"name": "<b>Ada</b>"}',
        {"Content-Type": "application/json"},
    )
    assert answer.status == 200

    open_events(page, server, factory)

    working, made = rows(page)
    seen = at - timedelta(seconds=1)
    assert working[0].endswith(seen.astimezone(ZONE).strftime(" %H:%M:%S.250"))
    assert made[0].endswith((at - timedelta(hours=1)).astimezone(ZONE).strftime(" %H:%M:%S"))
    assert working[1:8] == ["Working", "W1 <b>Ada</b>", "S1", "", "93.0 %", HOSTILE, "v<1>"]
    assert made[1:6] == ["Units made", "W1 <b>Ada</b>", "S1", "1,250", ""]
    assert re.fullmatch(r"2 h \d\d min late", working[8])  # the event is as old as this file was when it was read
    assert "view=worker&" in page.locator(".worker a").first.get_attribute("href") + "&"
    assert page.locator("main img, main b").count() == 0
    assert page.title().startswith("Events")
    assert complaints == []


def test_an_event_that_came_at_once_is_not_called_late(page: Any, server: RunningServer, factory: str) -> None:
    send(server, factory, [event(datetime.now(timezone.utc) - timedelta(seconds=2))])

    open_events(page, server, factory)

    assert "late" not in rows(page)[0][8]


def test_a_factory_without_events_says_so(page: Any, server: RunningServer, factory: str) -> None:
    open_events(page, server, factory)

    assert page.get_by_text("No events in this period.").is_visible()
    assert page.get_by_role("button", name="Show older events").count() == 0


def test_paging_walks_through_all_events_exactly_once_while_new_ones_arrive(
    page: Any, server: RunningServer, factory: str, complaints: list[str]
) -> None:
    send(server, factory, counts(250))
    open_events(page, server, factory)
    assert page.get_by_text("100 events shown, newest first").is_visible()

    while (older := page.get_by_role("button", name="Show older events")).is_visible():
        before = len(rows(page))
        older.click()
        page.locator(".event-stream tbody tr").nth(before).wait_for()
        send(
            server,
            factory,
            [event(NOW - timedelta(seconds=10), kind="product_count", count=before + 5000, event_id=str(before))],
        )
        refresh(page)

    assert sorted(int(count) for count in units(page)) == list(range(1, 251))
    told = [str(one["count"]) for one in stored(server, factory)]
    assert units(page) == [count for count in told if int(count) <= 250]
    assert complaints == []


def test_new_events_appear_at_once_for_who_looks_at_the_newest(page: Any, server: RunningServer, factory: str) -> None:
    send(server, factory, counts(120))
    open_events(page, server, factory)

    send(server, factory, [event(NOW - timedelta(seconds=5), kind="product_count", count=7777)])
    refresh(page)

    assert units(page)[:2] == ["7,777", "3"]
    assert len(rows(page)) == 100


def test_rows_stay_where_they_are_for_who_reads_further_down(page: Any, server: RunningServer, factory: str) -> None:
    send(server, factory, counts(120))
    open_events(page, server, factory)
    page.locator(".events .scroll").evaluate("node => node.scrollTo(0, 600)")
    before = units(page)

    send(server, factory, [event(NOW - timedelta(seconds=5), kind="product_count", count=7777)])
    refresh(page)

    assert units(page) == before
    assert page.locator(".events .scroll").evaluate("node => node.scrollTop") == 600
    page.get_by_role("button", name="Show 1 new event", exact=True).click()
    assert units(page)[0] == "7,777"
    assert page.locator(".waiting button").is_hidden()
    assert page.locator(".events .scroll").evaluate("node => node.scrollTop") == 0


def test_filters_narrow_the_events_and_are_kept_in_the_address(page: Any, server: RunningServer, factory: str) -> None:
    send(
        server,
        factory,
        [
            event(NOW - timedelta(minutes=1), "W1", "S1", "working", source_id="cam-1"),
            event(NOW - timedelta(minutes=2), "W2", "S1", "idle", source_id="cam-1"),
            event(NOW - timedelta(minutes=3), "W2", "S2", "absent", source_id="cam 2&x"),
        ],
    )
    open_events(page, server, factory)

    def narrow(act: Callable[[], Any]) -> list[str]:
        with page.expect_response("**/api/v1/events/?*"):
            act()
        settle(page)
        return [line[1] for line in rows(page)]

    filters = page.get_by_role("search")
    worker = filters.get_by_label("Worker", exact=True)
    worker.fill("W2")
    assert narrow(lambda: worker.press("Enter")) == ["Idle", "Absent"]
    assert "worker=W2" in page.url
    assert narrow(lambda: filters.get_by_label("Type").select_option("idle")) == ["Idle"]
    assert narrow(page.reload) == ["Idle"]
    assert (worker.input_value(), filters.get_by_label("Type").input_value()) == ("W2", "idle")
    assert narrow(page.go_back) == ["Idle", "Absent"]
    assert filters.get_by_label("Type").input_value() == ""
    source = filters.get_by_label("Source")
    source.fill("cam 2&x")
    assert narrow(lambda: source.press("Enter")) == ["Absent"]
    assert narrow(lambda: page.get_by_role("button", name="Clear filters").click()) == ["Working", "Idle", "Absent"]
    assert "worker" not in page.url.split("view=")[1]


def test_a_filter_that_no_event_can_pass_is_marked_and_finds_nothing(
    page: Any, server: RunningServer, factory: str, complaints: list[str]
) -> None:
    send(server, factory, [event()])

    open_events(page, server, factory, "&worker=%3Cimg%20src%3Dx%3E&type=dancing")

    assert rows(page) == []
    assert page.get_by_role("search").get_by_label("Worker", exact=True).get_attribute("aria-invalid") == "true"
    assert page.get_by_text("No events in this period match the filters.").is_visible()
    assert complaints == []


def test_the_file_holds_what_the_table_shows(page: Any, server: RunningServer, factory: str) -> None:
    send(server, factory, [*counts(3), event(NOW - timedelta(hours=1), source_id="=cmd()", confidence=0.5)])
    open_events(page, server, factory)

    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()

    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    head, *lines = csv.reader(io.StringIO(text))
    assert head == page.locator(".event-stream thead th").all_inner_texts()
    told = stored(server, factory)
    assert [line[0] for line in lines] == [one["timestamp"] for one in told]
    assert [line[4] for line in lines] == [str(one["count"] or "") for one in told]
    assert lines[-1][5:7] == ["0.5", "'=cmd()"]


def test_the_file_holds_all_events_of_the_period_also_those_that_are_not_on_the_page(
    page: Any, server: RunningServer, factory: str
) -> None:
    send(server, factory, counts(1250))
    open_events(page, server, factory)
    assert len(rows(page)) == 100

    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()

    lines = list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert len(lines) == 1 + 1250
    assert {line[4] for line in lines[1:]} == {str(n + 1) for n in range(1250)}
    assert "newest" not in download.value.suggested_filename


def test_a_file_that_leaves_events_out_says_so_in_its_name(page: Any, server: RunningServer, factory: str) -> None:
    script = (FRONTEND / "views" / "events.js").read_text().replace("MOST_IN_A_FILE = 100_000", "MOST_IN_A_FILE = 1000")
    page.route("**/views/events.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    send(server, factory, counts(1250))
    open_events(page, server, factory)

    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()

    assert "-events-newest-1000-" in download.value.suggested_filename
    assert len(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()) == 1 + 1000


@pytest.mark.journey
def test_an_entered_event_is_stored_told_and_shown(
    page: Any, server: RunningServer, factory: str, complaints: list[str]
) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    fill(form, "New-Worker", "S9", "Units made")
    assert field(form, "worker_id").get_by_text("Not known yet: it will be registered.").is_visible()
    form.get_by_label("Units", exact=True).fill("12")
    at = (NOW - timedelta(hours=3)).astimezone(ZONE)
    if at.fold:  # a local time that the clocks show twice is the first
        at = (NOW - timedelta(hours=4)).astimezone(ZONE)
    form.get_by_label("Time (Europe/Berlin)").fill(at.strftime("%Y-%m-%dT%H:%M:%S"))

    form.get_by_role("button", name="Save event").click()

    form.get_by_text(f"Stored: New-Worker · Units made · S9 · {at:%H:%M:%S}").wait_for()
    (one,) = stored(server, factory)
    assert datetime.fromisoformat(one["timestamp"].replace("Z", "+00:00")) == at
    assert (one["worker_id"], one["workstation_id"], one["event_type"]) == ("New-Worker", "S9", "product_count")
    assert (one["count"], one["source_id"], len(one["event_id"])) == (12, "manual", 32)
    page.wait_for_selector(".event-stream tbody tr")
    assert form.get_by_label("Worker", exact=True).input_value() == "New-Worker"
    assert form.get_by_role("radio", checked=True).count() == 0
    assert complaints == []


def test_the_faults_that_the_api_finds_stand_at_their_fields(page: Any, server: RunningServer, factory: str) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    fill(form, "no good", "", "Units made")
    form.get_by_label("Units", exact=True).fill("many")
    form.get_by_label("Time (Europe/Berlin)").fill(f"{NOW.year + 2}-01-01T00:00:00")

    form.get_by_role("button", name="Save event").click()

    form.get_by_text("Not stored. Please correct the marked fields.").wait_for()
    said = {name: field(form, name).locator(".fault").inner_text() for name in ("timestamp", "worker_id", "count")}
    assert said == {
        "timestamp": "This is in the future.",
        "worker_id": "1 to 64 letters, digits or . _ : - (no spaces), beginning with a letter or digit.",
        "count": "A whole number from 0 to 1,000,000, please.",
    }
    assert field(form, "workstation_id").locator(".fault").inner_text() == "Please fill this in."
    assert page.evaluate("document.activeElement.name") == "timestamp"
    worker = form.get_by_label("Worker", exact=True)
    assert worker.get_attribute("aria-invalid") == "true"
    described = worker.get_attribute("aria-describedby").split()
    assert any(page.locator(f"#{one}").inner_text().startswith("1 to 64") for one in described)
    assert stored(server, factory) == []


def test_no_units_are_not_one_unit(page: Any, server: RunningServer, factory: str) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    fill(form, "W1", "S1", "Units made")
    form.get_by_label("Units", exact=True).fill("")
    form.get_by_role("button", name="Save event").click()
    form.get_by_text("Not stored. Please correct the marked fields.").wait_for()
    assert field(form, "count").locator(".fault").inner_text()

    form.get_by_label("Units", exact=True).fill("0")
    form.get_by_role("button", name="Save event").click()

    form.get_by_text("Stored: W1").wait_for()
    assert [one["count"] for one in stored(server, factory)] == [0]


def test_a_missing_type_is_told_at_the_types(page: Any, server: RunningServer, factory: str) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    form.get_by_label("Worker", exact=True).fill("W1")
    form.get_by_label("Workstation", exact=True).fill("S1")

    form.get_by_label("Workstation", exact=True).press("Enter")

    form.get_by_text("Not stored. Please correct the marked fields.").wait_for()
    assert form.get_by_role("radiogroup", name="Type").get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.type") == "radio"
    form.get_by_text("Idle", exact=True).click()
    form.get_by_role("button", name="Save event").click()
    form.get_by_text("Stored: W1 · Idle · S1").wait_for()
    assert form.get_by_role("radiogroup", name="Type").get_attribute("aria-invalid") is None


def test_a_double_click_stores_one_event(page: Any, server: RunningServer, factory: str) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    fill(form)

    form.get_by_role("button", name="Save event").dblclick()

    form.get_by_text("Stored: W1").wait_for()
    page.wait_for_timeout(300)
    assert len(stored(server, factory)) == 1


def test_saving_again_after_a_lost_answer_stores_no_second_event(
    page: Any, server: RunningServer, factory: str
) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    fill(form)

    def lose(route: Any) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/events/?*", lose)
    form.get_by_role("button", name="Save event").click()
    form.get_by_text("Not confirmed: The server is not responding.").wait_for()
    assert len(stored(server, factory)) == 1
    page.unroute("**/api/v1/events/?*")

    form.get_by_role("button", name="Close").click()
    open_form(page)
    form.get_by_role("button", name="Save event").click()

    form.get_by_text("Already stored: W1 · Working · S1").wait_for()
    assert len(stored(server, factory)) == 1


def test_without_a_connection_what_was_typed_stays_and_can_be_sent_later(
    page: Any, server: RunningServer, factory: str
) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    fill(form, "W7", "S7", "Units made")
    form.get_by_label("Units", exact=True).fill("31")
    page.context.set_offline(True)

    form.get_by_role("button", name="Save event").click()

    form.get_by_text("Not confirmed: The server is not responding.").wait_for()
    assert form.get_by_label("Worker", exact=True).input_value() == "W7"
    assert form.get_by_label("Units", exact=True).input_value() == "31"
    assert stored(server, factory) == []
    page.context.set_offline(False)
    form.get_by_role("button", name="Save event").click()
    form.get_by_text("Stored: W7").wait_for()
    assert [one["count"] for one in stored(server, factory)] == [31]


def test_a_refresh_leaves_what_is_being_typed_alone(page: Any, server: RunningServer, factory: str) -> None:
    open_events(page, server, factory)
    form = open_form(page)
    form.get_by_label("Worker", exact=True).fill("W-half")

    refresh(page)

    assert form.get_by_label("Worker", exact=True).input_value() == "W-half"
    assert page.evaluate("document.activeElement.name") == "worker_id"


def test_a_worker_can_be_named_and_the_keyboard_is_enough(page: Any, server: RunningServer, factory: str) -> None:
    assert server.post_json(f"/api/v1/workers/?factory={factory}", {"worker_id": "W1", "name": HOSTILE}).status == 201
    open_events(page, server, factory)
    page.get_by_role("button", name="Enter an event").focus()

    page.keyboard.press("Enter")
    page.keyboard.type(HOSTILE)
    page.keyboard.press("Tab")
    page.keyboard.type("S1")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    page.get_by_role("dialog").get_by_text("Stored: W1 · Working · S1").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("document.activeElement.textContent") == "Enter an event"
    assert page.locator("main img").count() == 0


def test_it_speaks_german(browser: Any, server: RunningServer, factory: str) -> None:
    send(server, factory, [event(NOW - timedelta(hours=2) + timedelta(milliseconds=250), confidence=0.5)])
    context = browser.new_context(locale="de-DE", service_workers="block")
    page = context.new_page()
    open_events(page, server, factory)

    (line,) = rows(page)
    page.get_by_role("button", name="Ereignis eintragen").click()
    page.get_by_role("button", name="Ereignis speichern").click()

    assert (line[0][-4:], line[1], line[5]) == (",250", "Arbeitet", "50,0 %")
    page.get_by_text("Nicht gespeichert. Bitte die markierten Felder korrigieren.").wait_for()
    assert page.get_by_role("dialog").get_by_text("Bitte ausfüllen.").count() == 3
    context.close()


def test_nothing_sticks_out_of_the_screen(page: Any, server: RunningServer, factory: str) -> None:
    send(server, factory, [event(worker="W" * 64, station="S" * 64, source_id="c" * 64, model_version="m" * 64)])
    open_events(page, server, factory)
    widths = (320, 390, 1024, 3840)

    assert sticking_out(page, widths) == []
    page.locator("main .tools .primary").click()
    assert sticking_out(page, widths, "dialog") == []
