"""The overview against a server with the sample data: its figures are the API's, and each opens into its parts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.browser.sample import SETTLED, decimal, hours, new_factory, open_view, period
from tests.servers import RunningServer

MINUTES = {  # how long ago each worker of the floor was last seen, and doing what
    "W1": (20, "idle"),
    "W2": (5, "idle"),
    "W3": (10, "working"),
    "W4": (30, "absent"),
    "W5": (180, "working"),  # silent for so long that nobody knows
}


@pytest.fixture
def floor(server: RunningServer) -> str:
    """Make a factory in which five workers do five different things."""
    return make_floor(server, MINUTES)


def make_floor(server: RunningServer, minutes: dict[str, tuple[int, str]]) -> str:
    name = new_factory(server, "floor")
    now = datetime.now(timezone.utc)
    events = [
        {
            "timestamp": (now - timedelta(minutes=ago)).isoformat(),
            "worker_id": worker,
            "workstation_id": f"S{n}",
            "event_type": kind,
        }
        for n, (worker, (ago, kind)) in enumerate(minutes.items(), start=1)
    ]
    assert server.post_json(f"/api/v1/events/batch?factory={name}", events).status == 201
    return name


@pytest.fixture
def asked(page: Any) -> list[str]:
    """Return the page's requests to the API, oldest first: path and query."""
    questions: list[str] = []

    def note(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.path.startswith("/api/v1/"):
            questions.append(f"{parts.path.removeprefix('/api/v1')}?{parts.query}")

    page.on("request", note)
    return questions


def answers(server: RunningServer, asked: list[str], path: str) -> list[Any]:
    """Return the server's answers to the page's questions of that path, those of the latest period first."""
    questions = sorted({one for one in asked if one.startswith(f"{path}?")}, key=beginning, reverse=True)
    return [server.request("GET", f"/api/v1{question}").body["data"] for question in questions]


def beginning(question: str) -> str:
    return parse_qs(urlsplit(question).query)["from"][0]


def tile(page: Any, name: str) -> Any:
    return page.locator(".tile", has=page.get_by_text(name, exact=True))


def figure(page: Any, name: str) -> str:
    return str(tile(page, name).locator(".value").inner_text())


def against(value: float, before: float, *, relative: bool) -> str:
    """Write a change as the page does."""
    difference = (value - before) / before * 100 if relative else value - before
    size = decimal(abs(difference))
    sign = "±" if size == "0.0" else "+" if difference > 0 else "−"
    return f"{sign}{size} {'%' if relative else 'pts'} vs before"


@pytest.mark.journey
def test_the_tiles_show_the_figures_of_the_factory_for_the_same_period(
    page: Any, server: RunningServer, asked: list[str], complaints: list[str]
) -> None:
    open_view(page, server, period())

    factory, before = answers(server, asked, "/metrics/factory")
    now = server.request("GET", "/api/v1/metrics/now").body["data"]

    assert figure(page, "Utilization") == share(factory["pooled_utilization_percentage"])
    assert figure(page, "Productive time") == hours(factory["total_productive_time_hours"])
    assert figure(page, "Units") == f"{factory['total_production_count']:,}"
    assert figure(page, "Units per hour") == decimal(factory["average_production_rate"])
    assert figure(page, "Coverage") == share(factory["coverage_percentage"])
    assert tile(page, "Workers now").locator(".figure").inner_text().split("\n") == [
        str(now["active_worker_count"]),
        f"of {len(now['workers'])}",
    ]
    assert f"{factory['active_station_count']} in this period" in tile(page, "Stations now").inner_text()
    for name, field, relative in [
        ("Utilization", "pooled_utilization_percentage", False),
        ("Productive time", "total_productive_time_hours", True),
        ("Units", "total_production_count", True),
        ("Units per hour", "average_production_rate", True),
        ("Coverage", "coverage_percentage", False),
    ]:
        change = against(factory[field], before[field], relative=relative)
        assert (name, tile(page, name).locator(".change").inner_text()) == (name, change)
    assert complaints == []


def test_unknown_time_is_told_beside_the_utilization(
    page: Any, server: RunningServer, floor: str, asked: list[str]
) -> None:
    open_view(page, server, f"window=24h&factory={floor}")

    factory = answers(server, asked, "/metrics/factory")[0]

    lower, upper = (factory[f"pooled_utilization_{bound}_percentage"] for bound in ("lower", "upper"))
    assert (
        tile(page, "Utilization").locator(".note").inner_text()
        == f"{decimal(lower)}–{decimal(upper)} % with unknown time"
    )
    assert tile(page, "Units").locator(".change").inner_text() == ""  # nothing before that it could be compared with


@pytest.mark.parametrize(
    ("name", "sort", "heading"),
    [
        ("Utilization", "utilization_percentage", "Utilization"),
        ("Productive time", "-total_active_time_hours", "Working"),
        ("Units", "-total_units_produced", "Units"),
        ("Units per hour", "-units_per_hour", "Units / h"),
        ("Coverage", "coverage_percentage", "Coverage"),
    ],
)
def test_a_tile_opens_the_workers_sorted_by_its_figure_with_that_total(
    page: Any, server: RunningServer, name: str, sort: str, heading: str
) -> None:
    open_view(page, server, period())
    expected = figure(page, name)

    tile(page, name).click()
    page.wait_for_selector(f"{SETTLED} .listing")

    titles = page.locator(".listing thead th").all_inner_texts()
    head = page.locator(".listing thead th").nth(titles.index(heading))
    assert head.get_attribute("aria-sort") == ("descending" if sort.startswith("-") else "ascending")
    assert page.locator(".listing tfoot tr > *").nth(titles.index(heading)).inner_text() == expected
    assert parse_qs(urlsplit(page.url).query)["sort"] == [sort]


@pytest.mark.parametrize(("name", "view"), [("Workers now", "workers"), ("Stations now", "workstations")])
def test_the_tiles_of_now_open_those_who_are_counted(
    page: Any, server: RunningServer, floor: str, name: str, view: str
) -> None:
    open_view(page, server, f"window=24h&factory={floor}")
    assert tile(page, name).locator(".figure").inner_text().split("\n") == ["3", "of 5"]

    tile(page, name).click()
    page.wait_for_selector(f"{SETTLED} .listing")

    assert f"view={view}" in page.url
    assert page.locator(".outcome [role=status]").inner_text() == "3 of 5"


@pytest.mark.journey
def test_another_period_asks_anew_and_stands_in_the_address(page: Any, server: RunningServer, asked: list[str]) -> None:
    open_view(page, server, "window=24h")
    day = answers(server, asked, "/metrics/factory")[0]
    assert figure(page, "Units") == f"{day['total_production_count']:,}"
    asked.clear()

    with page.expect_response(lambda response: "/metrics/factory" in response.url):
        page.get_by_text("This week", exact=True).click()
    page.wait_for_selector(SETTLED)

    week = answers(server, asked, "/metrics/factory")[0]
    assert "window=week" in page.url
    assert figure(page, "Units") == f"{week['total_production_count']:,}"

    page.reload()
    page.wait_for_selector(f"{SETTLED} .tile")
    assert page.locator("input[value=week]").is_checked()
    assert figure(page, "Units") == f"{week['total_production_count']:,}"

    page.go_back()
    page.wait_for_selector(SETTLED)
    assert "window=24h" in page.url
    assert page.locator("input[value='24h']").is_checked()


def test_the_links_of_the_views_keep_the_period(page: Any, server: RunningServer) -> None:
    open_view(page, server, period())

    page.get_by_role("navigation").get_by_text("Workstations").click()
    page.wait_for_selector(f"{SETTLED} .listing")

    assert period() in page.url.replace("%3A", ":")
    assert page.locator("[aria-current=page]").inner_text() == "Workstations"


def test_the_charts_table_is_the_series_of_the_same_period(page: Any, server: RunningServer, asked: list[str]) -> None:
    open_view(page, server, period(1))
    (rows,) = answers(server, asked, "/metrics/timeseries")

    page.get_by_text("Show as a table").first.click()
    shown = page.locator(".chart tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].slice(1).map((cell) => cell.innerText))"
    )

    assert len(shown) == 24
    assert shown == [
        [f"{row['values']['total_production_count']:,}", share(row["values"]["pooled_utilization_percentage"])]
        for row in rows
    ]


def share(percentage: float | None) -> str:
    return "–" if percentage is None else f"{decimal(percentage)} %"


def test_the_timeline_shows_workers_or_workstations_and_the_address_says_which(
    page: Any, server: RunningServer, asked: list[str]
) -> None:
    open_view(page, server, period(1))

    with page.expect_response("**/metrics/timeline?*entity=workstation*"):
        page.locator(".rows label", has_text="Workstations").click()

    assert "rows=workstations" in page.url
    asked.clear()
    with page.expect_response("**/metrics/timeline?*"):
        page.reload()
    assert [one for one in asked if one.startswith("/metrics/timeline") and "entity=workstation" not in one] == []
    assert page.locator("input[name=rows][value=workstation]").is_checked()

    page.get_by_text("Yesterday", exact=True).click()
    page.wait_for_url("**window=yesterday**")
    page.wait_for_selector(SETTLED)
    assert "rows=workstations" in page.url


@pytest.mark.journey
def test_who_is_not_working_is_listed_longest_first(page: Any, server: RunningServer, floor: str) -> None:
    open_view(page, server, f"window=24h&factory={floor}")

    lines = [line.split("\n") for line in page.locator(".not-working-now li").all_inner_texts()]

    # Where somebody is of whom nobody knows what he does, is not known either.
    assert [line[:-1] for line in lines] == [["W5", "Unknown"], ["W1", "Idle", "S1"], ["W2", "Idle", "S2"]]
    assert lines[0][-1].startswith("2 h")
    since_then = [int(line[-1].split(" ")[0]) - ago for line, ago in zip(lines[1:], (20, 5), strict=True)]
    assert all(0 <= minutes < 10 for minutes in since_then), lines

    page.locator(".not-working-now a").nth(1).click()
    page.wait_for_selector(f"{SETTLED} .detail")
    assert {"view": ["worker"], "id": ["W1"], "factory": [floor]}.items() <= parse_qs(urlsplit(page.url).query).items()


def test_when_many_are_not_working_the_rest_is_a_link_away(page: Any, server: RunningServer) -> None:
    idlers = make_floor(server, {f"W{n}": (n, "idle") for n in range(1, 9)})
    open_view(page, server, f"window=24h&factory={idlers}")

    assert page.locator(".not-working-now li").count() == 6
    page.get_by_role("link", name="show all").click()
    page.wait_for_selector(f"{SETTLED} .listing")
    assert page.locator(".outcome [role=status]").inner_text() == "8 of 8"


def test_the_page_goes_by_the_clock_of_the_server(page: Any, asked: list[str], tmp_path: Path) -> None:
    moved = {"CLOCK_AT": "2028-02-29T12:00:00Z", "DEMO_MODE": "true"}
    with RunningServer(f"sqlite:///{tmp_path}/factory.db", tmp_path / "server.log", **moved) as server:
        assert server.request("POST", "/api/v1/demo/seed", timeout=120).status == 200
        with page.expect_response("**/metrics/timeline?*"):
            open_view(page, server, "window=24h", ".tile")
        factory = answers(server, asked, "/metrics/factory")[0]

        assert factory["total_productive_time_hours"] > 10
        assert figure(page, "Productive time") == hours(factory["total_productive_time_hours"])
        assert page.locator("#banner").is_hidden()
        assert {beginning(one)[:8] for one in asked if one.startswith("/metrics/timeline")} == {"2028-02-"}


@pytest.mark.parametrize(
    ("kind", "sentence"), [("working", "Everybody here is working."), ("absent", "Nobody is here.")]
)
def test_when_nobody_is_awaited_the_list_says_why(page: Any, server: RunningServer, kind: str, sentence: str) -> None:
    alike = make_floor(server, {"W1": (1, kind), "W2": (2, kind)})

    open_view(page, server, f"window=24h&factory={alike}")

    assert page.locator(".not-working-now").inner_text() == sentence


RUNNING = """async ([starts, to, evaluated]) => {
  const { runningBucket } = await import("/lib/buckets.js");
  const rows = starts.slice(0, -1).map((start, n) => ({ start, end: starts[n + 1] }));
  return runningBucket(rows, { to, evaluated_at: evaluated });
}"""
HOURS = ["2026-01-15T08:00:00Z", "2026-01-15T09:00:00Z", "2026-01-15T10:00:00Z", "2026-01-15T11:00:00Z"]


@pytest.mark.parametrize(
    ("end", "evaluated", "running"),
    [
        ("2026-01-15T10:01:00Z", "2026-01-15T10:01:00.3Z", 2),
        ("2026-01-15T10:59:59Z", "2026-01-15T11:00:00Z", 2),
        ("2026-01-15T11:00:00Z", "2026-01-15T11:00:00Z", -1),
        ("2026-01-15T10:01:00Z", "2026-01-16T08:00:00Z", -1),
    ],
    ids=["a minute old", "a second to go", "over", "cut by a window of the past"],
)
def test_the_bucket_that_is_not_over_is_known(modules: Any, end: str, evaluated: str, running: int) -> None:
    assert modules.evaluate(RUNNING, [[*HOURS[:3], end], end, evaluated]) == running


def test_a_sparkline_leaves_out_the_bucket_that_is_not_over(page: Any, server: RunningServer) -> None:
    open_view(page, server, "view=overview&window=24h", ".spark path")

    points = page.locator(".spark path").first.get_attribute("d")
    buckets = page.locator(".chart tbody tr").count()

    assert len(re.findall("[ML]", points)) == buckets - 1


CHANGE = """async ([field, value, before, relative]) => {
  const [{ change }, format] = await Promise.all([import("/components/figure.js"), import("/lib/format.js")]);
  await (await import("/lib/texts.js")).loadLanguage("en");
  return Object.values(change({ field, relative }, value, before, format));
}"""


@pytest.mark.parametrize(
    ("value", "before", "relative", "told"),
    [
        (110, {"units": 100, "coverage_percentage": 90}, True, ["+10.0 % vs before", "up better"]),
        (1341, {"units": 100, "coverage_percentage": 90}, True, ["× 13.4 vs before", "up better"]),
        (110, {"units": 100, "coverage_percentage": 49.9}, True, ["too little data before", ""]),
        (110, {"units": 100, "coverage_percentage": None}, True, ["too little data before", ""]),
        (80.5, {"units": 82.5, "coverage_percentage": 50}, False, ["−2.0 pts vs before", "down worse"]),
        (80.5, {"units": None, "coverage_percentage": 90}, False, ["", ""]),
    ],
)
def test_a_change_is_judged_only_where_enough_was_known_before(
    modules: Any, value: float, before: dict[str, Any], relative: bool, told: list[str]
) -> None:
    assert modules.evaluate(CHANGE, ["units", value, before, relative]) == told
