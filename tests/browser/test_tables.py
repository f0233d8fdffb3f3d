"""The tables of workers and workstations in a real browser against a server with the sample data."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from tests.browser.sample import HOSTILE, decimal, hours, new_factory, period
from tests.servers import RunningServer


def open_table(page: Any, server: RunningServer, view: str = "workers", query: str = "") -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?view={view}&{period()}{query}")
    page.wait_for_selector("main[aria-busy='false'] .listing")


def column(page: Any, title: str) -> list[str]:
    """Return the text of the cells under a heading, without the quiet line beneath."""
    titles = page.locator(".listing thead th").all_inner_texts()
    place = titles.index(title) + 1
    return list(
        page.locator(f".listing tbody tr > :nth-child({place})").evaluate_all(
            "cells => cells.map((cell) => cell.firstChild.textContent)"
        )
    )


def total(page: Any, title: str) -> str:
    titles = page.locator(".listing thead th").all_inner_texts()
    return str(page.locator(".listing tfoot tr > *").nth(titles.index(title)).inner_text())


def metrics(server: RunningServer, what: str) -> Any:
    return server.request("GET", f"/api/v1/metrics/{what}?{period(window=False)}").body["data"]


def ids(page: Any) -> list[str]:
    return list(
        page.locator(".listing tbody th a").evaluate_all(
            "links => links.map((link) => new URLSearchParams(link.getAttribute('href')).get('id'))"
        )
    )


@pytest.mark.journey
def test_the_totals_are_the_figures_of_the_factory(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_table(page, server)
    factory = metrics(server, "factory")

    assert total(page, "Units") == f"{factory['total_production_count']:,}"
    assert total(page, "Working") == hours(factory["total_productive_time_hours"])
    assert total(page, "Utilization") == f"{decimal(factory['pooled_utilization_percentage'])} %"
    assert sum(int(units.replace(",", "")) for units in column(page, "Units")) == factory["total_production_count"]
    assert complaints == []


@pytest.mark.journey
def test_the_workstations_make_the_same_units_as_the_factory(
    page: Any, server: RunningServer, complaints: list[str]
) -> None:
    open_table(page, server, "workstations")

    assert total(page, "Units") == f"{metrics(server, 'factory')['total_production_count']:,}"
    assert column(page, "Occupied") == [
        hours(station["occupancy_time_hours"])
        for station in sorted(metrics(server, "workstations"), key=lambda station: station["name"])
    ]
    assert complaints == []


@pytest.mark.journey
def test_a_heading_sorts_with_what_is_unknown_last_in_both_directions(page: Any, server: RunningServer) -> None:
    open_table(page, server)
    rates = {worker["worker_id"]: worker["units_per_hour"] for worker in metrics(server, "workers")}
    known = sorted((worker for worker in rates if rates[worker] is not None), key=lambda worker: rates[worker])
    heading = page.locator(".listing thead th", has_text="Units / h")

    heading.locator("button").click()

    assert ids(page) == [*reversed(known), "W9"]
    assert heading.get_attribute("aria-sort") == "descending"
    assert "sort=-units_per_hour" in page.url

    heading.locator("button").click()

    assert ids(page) == [*known, "W9"]
    assert heading.get_attribute("aria-sort") == "ascending"
    page.go_back()
    page.wait_for_selector(".listing th[aria-sort='descending']")
    assert ids(page)[-1] == "W9"


def test_a_search_finds_by_id_or_name_and_stays_in_the_address(page: Any, server: RunningServer) -> None:
    open_table(page, server)
    search = page.get_by_role("searchbox")

    search.type("ali")
    page.wait_for_url("**q=ali*")

    assert (ids(page), page.locator(".outcome [role=status]").inner_text()) == (["W1"], "1 of 7")
    alice = next(worker for worker in metrics(server, "workers") if worker["worker_id"] == "W1")
    assert total(page, "Units") == f"{alice['total_units_produced']:,}"

    page.reload()
    page.wait_for_selector(".listing tbody tr")
    assert (search.input_value(), ids(page)) == ("ali", ["W1"])

    search.fill("w2")
    assert ids(page) == ["W2"]


def test_what_matches_nothing_says_so_and_leads_back(page: Any, server: RunningServer) -> None:
    open_table(page, server, query="&q=nobody")

    assert "Nothing matches" in page.locator(".listing .none").inner_text()

    page.get_by_role("button", name="Show all").click()

    assert len(ids(page)) == 7
    assert "q=" not in page.url


def test_chips_narrow_by_the_state_now(page: Any, server: RunningServer) -> None:
    open_table(page, server, query="&state=absent")
    now = server.request("GET", "/api/v1/metrics/now").body["data"]["workers"]
    absent = {worker["worker_id"] for worker in now if worker["state"] == "absent"}
    unknown = {worker["worker_id"] for worker in now if worker["state"] == "unknown"}

    assert set(ids(page)) == absent
    assert page.locator(".chip input[value=absent]").is_checked()

    page.locator(".chip input[value=unknown]").check()

    assert set(ids(page)) == absent | unknown
    assert "state=absent%2Cunknown" in page.url


def test_workstations_narrow_by_type(page: Any, server: RunningServer) -> None:
    open_table(page, server, "workstations")

    page.get_by_label("Type").select_option("assembly")

    assert ids(page) == ["S1", "S2"]
    assert "type=assembly" in page.url


@pytest.mark.journey
def test_the_file_holds_what_the_table_shows(page: Any, server: RunningServer, tmp_path: Path) -> None:
    open_table(page, server, query="&sort=-total_units_produced&q=w")
    workers = {worker["worker_id"]: worker for worker in metrics(server, "workers")}

    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").click()
    started.value.save_as(tmp_path / "workers.csv")

    rows = list(csv.DictReader(io.StringIO((tmp_path / "workers.csv").read_text(encoding="utf-8-sig"))))
    assert [row["Id"] for row in rows] == ids(page)
    assert [row["State now"] for row in rows] == [told.split("\n")[0] for told in column(page, "State now")]
    assert [row["Units"] for row in rows] == [text.replace(",", "") for text in column(page, "Units")]
    for row in rows:
        worker = workers[row["Id"]]
        assert row["Name"] == worker["name"]
        assert float(row["Working (h)"]) == worker["total_active_time_hours"]
        assert row["Utilization (%)"] == (
            "" if worker["worker_id"] == "W9" else f"{worker['utilization_percentage']:g}"
        )
    assert started.value.suggested_filename.startswith("default-workers-20")


def test_a_workbook_is_offered_too(page: Any, server: RunningServer) -> None:
    open_table(page, server, "workstations")

    with page.expect_download() as started:
        page.get_by_role("button", name="Excel").click()

    assert started.value.suggested_filename.startswith("default-workstations-20")
    assert started.value.suggested_filename.endswith(".xlsx")


def test_fresh_figures_leave_focus_and_rows_where_they_are(page: Any, server: RunningServer) -> None:
    open_table(page, server)
    page.evaluate("document.querySelectorAll('.listing tbody th a')[2].focus()")
    page.evaluate("window.rows = [...document.querySelectorAll('.listing tbody tr')]")

    with page.expect_response("**/metrics/now*"):
        page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("main[aria-busy='false']")

    assert page.evaluate("window.rows.every((row, n) => row === document.querySelectorAll('.listing tbody tr')[n])")
    assert page.evaluate("document.activeElement === document.querySelectorAll('.listing tbody th a')[2]")


def test_a_name_with_markup_stays_text(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_table(page, server)

    assert HOSTILE in column(page, "Worker")
    assert page.locator(".listing img").count() == 0
    assert complaints == []


def test_the_table_speaks_german(page: Any, server: RunningServer) -> None:
    open_table(page, server, query="&lang=de")

    titles = page.locator(".listing thead th").all_inner_texts()
    assert titles[:4] == ["Person", "Zustand jetzt", "Auslastung", "Stück"]
    assert page.locator(".listing").inner_text().find("columns.") == -1
    assert page.locator(".outcome [role=status]").inner_text() == "7 von 7"


def test_a_factory_without_workers_says_so(page: Any, server: RunningServer) -> None:
    open_table(page, server, query=f"&factory={new_factory(server, 'new')}")

    assert "No workers yet" in page.locator(".listing .none").inner_text()


@pytest.mark.parametrize("view", ["workers", "workstations"])
def test_on_a_phone_the_table_scrolls_and_the_page_does_not(page: Any, server: RunningServer, view: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_table(page, server, view)

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    region = page.locator(".listing .scroll")
    assert region.get_attribute("tabindex") == "0"
    region.evaluate("region => region.scrollLeft = 300")
    assert page.locator(".listing tbody th").first.bounding_box()["x"] >= 0


def test_a_figure_opens_into_what_it_is_made_of(page: Any, server: RunningServer) -> None:
    open_table(page, server, query="&q=W3")
    titles = page.locator(".listing thead th").all_inner_texts()
    idle = column(page, "Idle")[0]

    page.locator(".listing tbody tr > *").nth(titles.index("Idle")).locator("a").click()
    page.wait_for_selector(f".intervals tfoot td:text-is('{idle} = Idle')")

    page.wait_for_selector("#breakdown:focus")
    assert 0 < page.locator("#breakdown").bounding_box()["y"] < 800
