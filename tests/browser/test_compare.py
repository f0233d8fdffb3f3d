"""Two workers, workstations or periods side by side, in a real browser."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from tests.browser.conftest import learn_zones
from tests.browser.sample import new_factory, sticking_out
from tests.servers import RunningServer

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
ZONE = ZoneInfo("Europe/Berlin")
TODAY = datetime(2025, 1, 15, tzinfo=ZONE)  # what the tests call today, far from any clock change
DAYS = ((TODAY - timedelta(days=1)).isoformat(), TODAY.isoformat())
YESTERDAY = f"&window=custom&from={quote(DAYS[0])}&to={quote(DAYS[1])}"
DAY_BEFORE = f"from={quote((TODAY - timedelta(days=2)).isoformat())}&to={quote(DAYS[0])}"
IN_YESTERDAY = f"from={quote(DAYS[0])}&to={quote(DAYS[1])}"


class Plant(NamedTuple):
    """A factory and its server."""

    server: RunningServer
    factory: str


@pytest.fixture(scope="module")
def plant(server: RunningServer) -> Plant:
    """Three workers and three stations over two days in Berlin."""
    factory = new_factory(server, "plant", time_zone=ZONE.key)
    named = server.post_json(f"/api/v1/workers/?factory={factory}", {"worker_id": "W2", "name": HOSTILE})
    assert named.status == 201
    events: list[dict[str, Any]] = []
    for day, units in ((2, 40), (1, 100)):
        for n in (1, 2, 3):
            begin = (TODAY - timedelta(days=day)).astimezone(timezone.utc) + timedelta(hours=6)
            said = [
                ("working", begin, 0),
                ("product_count", begin + timedelta(minutes=20 * n), units * n),
                ("idle", begin + timedelta(minutes=15 * n), 0),
                ("absent", begin + timedelta(minutes=60), 0),
            ]
            events += [
                {
                    "timestamp": at.isoformat(),
                    "worker_id": f"W{n}",
                    "workstation_id": f"S{n}",
                    "event_type": kind,
                    "count": count,
                }
                for kind, at, count in said
            ]
    events = [
        {key: value for key, value in one.items() if key != "count" or one["event_type"] == "product_count"}
        for one in events
    ]
    assert server.post_json(f"/api/v1/events/batch?factory={factory}", events).status == 201
    return Plant(server, factory)


def figures(plant: Plant, path: str, window: str) -> Any:
    return plant.server.request("GET", f"/api/v1/metrics/{path}?factory={plant.factory}&{window}").body["data"]


def open_compare(page: Any, plant: Plant, query: str = "", *, ready: str = ".comparison tbody tr") -> None:
    page.goto(f"http://127.0.0.1:{plant.server.port}/?view=compare&factory={plant.factory}{query or YESTERDAY}")
    page.locator(ready).first.wait_for()
    page.wait_for_selector("main[aria-busy='false']")


def table(page: Any) -> dict[str, list[str]]:
    """Return the cells of each figure: A, B, the difference and it in percent."""
    lines: list[list[str]] = page.locator(".comparison tbody tr").evaluate_all(
        """rows => rows.map(({ cells }) =>
          [cells[0], cells[1], cells[2], ...cells[3].children].map((cell) => cell.textContent))"""
    )
    return {name: cells for name, *cells in lines}


def minutes(hours: float) -> str:
    whole = round(abs(hours) * 60)
    return f"{whole // 60}:{whole % 60:02}"


def exported(page: Any) -> list[list[str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    return list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))


@pytest.mark.journey
def test_the_first_two_workers_are_compared_with_the_figures_of_the_api(
    page: Any, plant: Plant, complaints: list[str]
) -> None:
    a, b = (figures(plant, f"workers/W{n}", IN_YESTERDAY) for n in (1, 2))

    open_compare(page, plant)

    shown = table(page)
    assert shown["Productive time"] == [
        minutes(a["total_active_time_hours"]),
        minutes(b["total_active_time_hours"]),
        "−" + minutes(b["total_active_time_hours"] - a["total_active_time_hours"]),
        "−50.0 %",
    ]
    assert shown["Units"] == ["100", "200", "−100", "−50.0 %"]
    assert shown["Utilization"] == ["25.0 %", "50.0 %", "−25.0 pts", ""]
    assert page.get_by_label("A", exact=True).input_value() == "W1"
    assert page.get_by_label("B", exact=True).input_value() == "W2"
    assert HOSTILE in page.locator(".comparison thead").inner_text()
    assert page.locator("main img").count() == 0
    assert page.title().startswith("Compare")
    assert complaints == []


def test_the_difference_in_the_file_is_that_of_the_apis_values(page: Any, plant: Plant) -> None:
    a, b = (figures(plant, f"workers/W{n}", IN_YESTERDAY) for n in (3, 2))
    fields = [
        *("total_active_time_hours", "total_units_produced", "units_per_hour", "utilization_percentage"),
        *("coverage_percentage", "total_idle_time_hours", "total_absent_time_hours", "unknown_time_hours"),
        "event_count",
    ]

    open_compare(page, plant, f"{YESTERDAY}&a=W3&b=W2")

    head, *lines = exported(page)
    assert head[1:3] == ["A: W3", f"B: {HOSTILE}"]
    assert [[float(cell) for cell in line[1:4]] for line in lines] == [
        [a[field], b[field], round(a[field] - b[field], 4)] for field in fields
    ]


def test_a_and_b_are_chosen_by_id_or_name_and_kept_in_the_address(page: Any, plant: Plant) -> None:
    open_compare(page, plant)

    page.get_by_text("Workstations", exact=True).last.click()
    page.locator(".comparison thead").get_by_text("A: S1").wait_for()
    b = page.get_by_label("B", exact=True)
    b.fill("s3")
    b.press("Enter")
    page.locator(".comparison thead").get_by_text("B: S3").wait_for()

    query = parse_qs(urlsplit(page.url).query)
    assert (query["kind"], query["a"], query["b"]) == (["workstations"], ["S1"], ["S3"])
    assert table(page)["Units"][:3] == ["100", "300", "−200"]
    assert table(page)["Occupied share"][2] == "±0.0 pts"
    page.go_back()
    page.locator(".comparison thead").get_by_text("B: S2").wait_for()
    assert b.input_value() == "S2"


@pytest.mark.journey
def test_a_period_is_compared_with_the_one_before(page: Any, plant: Plant, complaints: list[str]) -> None:
    a, b = figures(plant, "factory", IN_YESTERDAY), figures(plant, "factory", DAY_BEFORE)
    assert (a["total_production_count"], b["total_production_count"]) == (600, 240)

    open_compare(page, plant, f"{YESTERDAY}&kind=periods")

    assert table(page)["Units"] == ["600", "240", "+360", "+150.0 %"]
    assert table(page)["Utilization"][2] == "±0.0 pts"
    assert page.get_by_text("B is shifted 1 d 00 h later, so that both start together.").is_visible()
    assert page.locator("h3").count() == 2
    assert complaints == []


def test_a_compared_figure_opens_its_side_in_its_own_period(page: Any, plant: Plant) -> None:
    open_compare(page, plant, f"{YESTERDAY}&kind=periods")

    page.locator(".comparison tbody tr", has_text="Units").first.get_by_role("link", name="240").click()
    page.wait_for_selector("main[aria-busy='false'] .tiles")

    units = page.locator(".tile", has=page.locator(".label:text-is('Units')")).locator(".value")
    assert units.inner_text() == "240"
    assert page.locator("input[name=window]:checked").get_attribute("value") == "custom"


def test_a_period_of_one_worker_is_compared_with_another_of_ones_own(page: Any, plant: Plant) -> None:
    open_compare(page, plant, f"{YESTERDAY}&kind=periods&of=worker&a=W3")
    assert table(page)["Units"][:2] == ["300", "120"]

    page.get_by_label("B: against").select_option("own")
    start = page.get_by_label("B from")
    start.wait_for()
    start.fill((TODAY - timedelta(days=2)).strftime("%Y-%m-%dT00:00"))
    page.get_by_label("B to").fill((TODAY - timedelta(days=2)).strftime("%Y-%m-%dT01:00"))
    with page.expect_response("**/metrics/workers/W3?*"):
        page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".comparison tbody tr").nth(1).get_by_text("+300").wait_for()

    query = parse_qs(urlsplit(page.url).query)
    assert (query["against"], query["of"], query["a"]) == (["own"], ["worker"], ["W3"])
    assert datetime.fromisoformat(query["bfrom"][0].replace("Z", "+00:00")) == TODAY - timedelta(days=2)
    assert table(page)["Units"] == ["300", "0", "+300", ""]


def test_an_end_before_the_beginning_is_told_at_the_field(page: Any, plant: Plant) -> None:
    open_compare(page, plant, f"{YESTERDAY}&kind=periods&against=own")

    page.get_by_label("B from").fill("2026-01-02T00:00")
    page.get_by_label("B to").fill("2026-01-01T00:00")
    page.get_by_role("button", name="Compare", exact=True).click()

    assert page.get_by_label("B to").get_attribute("aria-invalid") == "true"
    assert page.get_by_text("The end must be after the beginning.").is_visible()


def test_the_course_of_the_chosen_figure_is_drawn_for_both(page: Any, plant: Plant) -> None:
    open_compare(page, plant, f"{YESTERDAY}&a=W1&b=W3")

    page.get_by_label("Figure over time").select_option("units")
    page.wait_for_url("**metric=units**")
    page.locator(".chart summary").click()

    assert "metric=units" in page.url
    page.locator(".chart tbody").get_by_text("300").wait_for()
    lines = page.locator(".chart tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].slice(1).map((cell) => cell.innerText))"
    )
    totals = [sum(int(line[n]) for line in lines) for n in (0, 1)]
    assert totals == [100, 300]
    page.wait_for_selector(".plot canvas")


def test_b_is_laid_over_a_by_the_time_that_has_passed(page: Any, plant: Plant) -> None:
    page.goto(f"http://127.0.0.1:{plant.server.port}/")
    hour = 3_600_000

    found = page.evaluate(
        """async (hour) => {
          const { overlaid } = await import("/views/compare/course.js");
          const iso = (at) => new Date(at).toISOString();
          const bucket = (at, value) => ({ start: iso(at), end: iso(at + hour), value });
          const a = [bucket(100 * hour, 1), bucket(101 * hour, 2)];
          const b = [bucket(10 * hour, 5), bucket(11 * hour, null), bucket(12 * hour, 7)];
          return overlaid(a, b, 90 * hour).map(({ start, values }) => [Date.parse(start) / hour, values.a, values.b]);
        }""",
        hour,
    )

    assert found == [[100, 1, 5], [101, 2, None], [102, None, 7]]


def test_a_week_earlier_is_the_same_local_time_across_a_clock_change(page: Any, plant: Plant) -> None:
    page.goto(f"http://127.0.0.1:{plant.server.port}/")
    learn_zones(page)

    found = page.evaluate(
        """async () => {
          const { comparisonOf } = await import("/views/compare/sides.js");
          const from = Date.parse("2026-03-30T04:00:00Z"); // Monday, 06:00 in summer time
          const period = { from, to: from + 3600000, before: { from: 0, to: 1 } };
          const place = { kind: "periods", against: "week" };
          const { sides } = comparisonOf(place, period, { time_zone: "Europe/Berlin" }, {});
          return [new Date(sides.b.period.from).toISOString(), sides.b.period.to - sides.b.period.from];
        }"""
    )

    assert found == ["2026-03-23T05:00:00.000Z", 3_600_000]


def test_the_same_one_twice_has_no_difference_and_says_so(page: Any, plant: Plant, complaints: list[str]) -> None:
    open_compare(page, plant, f"{YESTERDAY}&a=W2&b=W2")

    assert page.get_by_text("A and B are the same, so there is no difference.").is_visible()
    assert {cells[2] for cells in table(page).values()} == {"±0:00", "±0", "±0.0", "±0.0 pts"}
    assert complaints == []


@pytest.mark.parametrize("unknown", ["NOBODY", HOSTILE])
def test_an_unknown_id_is_told_at_its_field_and_another_can_be_chosen(
    page: Any, plant: Plant, complaints: list[str], unknown: str
) -> None:
    open_compare(page, plant, f"{YESTERDAY}&a=W1&b={quote(unknown)}", ready=".compare-choice [aria-invalid=true]")

    assert page.get_by_text(f"There is no worker “{unknown}”. Please choose another one.").is_visible()
    assert page.locator(".comparison").count() == 0
    b = page.get_by_label("B", exact=True)
    b.fill("W3")
    b.press("Enter")
    page.locator(".comparison").wait_for()
    assert table(page)["Units"][:2] == ["100", "300"]
    assert complaints == []


def test_an_empty_factory_says_so_and_its_periods_have_no_ratios(
    page: Any, plant: Plant, complaints: list[str]
) -> None:
    empty = Plant(plant.server, new_factory(plant.server, "empty"))
    open_compare(page, empty, ready=".compare .empty")
    assert page.get_by_text("No workers yet.").is_visible()

    page.get_by_text("Periods", exact=True).click()
    page.locator(".comparison").wait_for()

    assert table(page)["Units"] == ["0", "0", "±0", ""]
    assert table(page)["Utilization"] == ["–", "–", "–", ""]
    assert complaints == []


def test_a_refresh_leaves_what_is_being_typed_alone(page: Any, plant: Plant) -> None:
    open_compare(page, plant)
    page.get_by_label("A", exact=True).fill("W")

    with page.expect_response("**/metrics/workers/W1?*"):
        page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("main[aria-busy='false']")

    assert page.get_by_label("A", exact=True).input_value() == "W"
    assert page.evaluate("document.activeElement.name") == "a"


def test_it_speaks_german(browser: Any, plant: Plant) -> None:
    context = browser.new_context(locale="de-DE", service_workers="block")
    page = context.new_page()

    open_compare(page, plant)

    assert table(page)["Auslastung"] == ["25,0 %", "50,0 %", "−25,0 Punkte", ""]
    assert page.get_by_text("Unterschied A − B").is_visible()
    context.close()


@pytest.mark.parametrize("kind", ["workers", "periods&against=own"])
def test_nothing_sticks_out_of_the_screen(page: Any, plant: Plant, kind: str) -> None:
    open_compare(page, plant, f"{YESTERDAY}&kind={kind}")

    assert sticking_out(page, (320, 390, 1024, 3840)) == []
