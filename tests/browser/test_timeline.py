"""The timeline in a real browser against a real server, in a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from tests.browser.conftest import learn_zones
from tests.browser.sample import new_factory
from tests.servers import RunningServer

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
ZONE = "Europe/Berlin"
BEGIN = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)
DAY = timedelta(days=1)
IDLE = [196, 127, 0]  # --idle of the light theme
IDLE_AT_NIGHT = [240, 177, 60]

BLANK = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Blank</title>
<link rel="stylesheet" href="/styles/tokens.css"><link rel="stylesheet" href="/styles/base.css">
<link rel="stylesheet" href="/styles/timeline.css"></head><body><main id="place"></main></body></html>"""

# Words are the keys of the texts with their values, so that wording can change without these tests.
CREATE = """async ({ entity, rows, from, to, zone }) => {
  const { createTimeline } = await import("/components/timeline/timeline.js");
  const { inZone, count, duration, percent } = await import("/lib/format.js");
  const load = async (query, signal) => {
    const answer = await fetch(`/api/v1/metrics/timeline?${new URLSearchParams({ ...query, factory })}`, { signal });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error);
    return body;
  };
  const text = (key, { form, ...values } = {}) => [key.replace("timeline.", ""), ...Object.values(values)].join(" ");
  window.told = [];
  const tell = (kind) => (what) => window.told.push({ kind, what });
  window.timeline = createTimeline({
    entity, rows, window: { from, to }, timeZone: zone, load, text,
    format: { ...inZone(zone), count, duration, percent },
    onWindow: tell("window"), onOpen: tell("open"), onSpan: tell("span"),
  });
  document.getElementById("place").replaceChildren(window.timeline.node);
}"""


@pytest.fixture(scope="module")
def factory(server: RunningServer) -> str:
    """W1 works from 06:00 to 07:45 (UTC) of the first day, but for a second of idleness; then is absent."""
    course = [
        ("working", BEGIN + timedelta(hours=6)),
        ("idle", BEGIN + timedelta(hours=6, minutes=30)),
        ("working", BEGIN + timedelta(hours=6, minutes=30, seconds=1)),
        ("product_count", BEGIN + timedelta(hours=7)),
        ("absent", BEGIN + timedelta(hours=7, minutes=45)),
    ]
    events = [
        {"timestamp": at.isoformat(), "worker_id": "W1", "workstation_id": "S1", "event_type": kind, "count": 12}
        for kind, at in course
    ]
    events.append({**events[0], "worker_id": "W2", "event_type": "absent"})
    events += [{**events[-1], "worker_id": f"N{n}"} for n in range(499)]
    factory = new_factory(server, "timeline")
    assert server.post_json(f"/api/v1/events/batch?factory={factory}", events).status == 201
    return factory


@pytest.fixture
def asked() -> list[dict[str, str]]:
    """Collect the queries of the timeline so far."""
    return []


@pytest.fixture
def page(
    page: Any, server: RunningServer, factory: str, asked: list[dict[str, str]], complaints: list[str]
) -> Iterator[Any]:
    """Yield a blank page of the server's origin under the page's policy; it must not complain of anything."""

    def note(request: Any) -> None:
        if "/metrics/timeline?" in request.url:
            asked.append({name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()})

    page.on("request", note)
    policy = {"Content-Security-Policy": "default-src 'self'"}
    page.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html", headers=policy))
    page.goto(f"http://127.0.0.1:{server.port}/blank")
    page.evaluate("(factory) => { window.factory = factory }", factory)
    learn_zones(page)
    yield page
    assert [one for one in complaints if "ERR_FAILED" not in one] == []


def show(
    page: Any, start: datetime, end: datetime, names: dict[str, str] | None = None, entity: str = "worker"
) -> None:
    """Load the timeline of these rows (names by id) and window."""
    rows = [{"id": one, "name": name} for one, name in (names or {"W1": "Anna", "W2": "Bo"}).items()]
    window = {"from": int(start.timestamp() * 1000), "to": int(end.timestamp() * 1000)}
    with page.expect_response("**/metrics/timeline?*"):
        page.evaluate(CREATE, {"entity": entity, "rows": rows, "zone": ZONE, **window})
    page.wait_for_load_state("networkidle")


def point(page: Any, row: int, share: float) -> str:
    """Hover over a row at a share of the window; the tooltip's text."""
    box = page.locator(".timeline-plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + 40 + 28 * row + 14)
    page.locator(".timeline-tip").wait_for()
    page.wait_for_timeout(50)
    return str(page.locator(".timeline-tip").inner_text())


def local(at: datetime) -> str:
    return at.astimezone(ZoneInfo(ZONE)).strftime("%H:%M:%S")


def told(page: Any, kind: str) -> list[Any]:
    return [one["what"] for one in page.evaluate("window.told") if one["kind"] == kind]


def pixels_of(page: Any, colour: list[int]) -> int:
    """Count the pixels of the canvas that have exactly this colour."""
    count = page.evaluate(
        """([red, green, blue]) => {
          const canvas = document.querySelector(".timeline-canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let found = 0;
          for (let i = 0; i < data.length; i += 4) {
            if (data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] === 255) found += 1;
          }
          return found;
        }""",
        colour,
    )
    return int(count)


def shares_of(page: Any, answer: dict[str, Any], width: int, start: int, end: int) -> list[list[float]]:
    """Of each pixel column the shares of working, idle, unknown and absent, of the first row of an answer."""
    found = page.evaluate(
        """async ({ answer, width, from, to }) => {
          const { decode } = await import("/components/timeline/decode.js");
          const { addRow, createShares } = await import("/components/timeline/shares.js");
          const shares = createShares(width);
          addRow(shares, decode(answer, "worker"), 0, from, to, { from, scale: width / (to - from) }, 1);
          return Array.from({ length: width }, (_, x) => shares.looks.map((share) => share[x]));
        }""",
        {"answer": answer, "width": width, "from": start, "to": end},
    )
    return [[round(share, 4) for share in column] for column in found]


def test_exact_intervals_become_the_share_of_each_state_in_each_pixel_column(page: Any) -> None:
    answer = {
        "window": {"to": "1970-01-01T00:00:04Z"},
        "states": ["unknown", "working", "idle", "absent"],
        "workstations": ["S1"],
        "data": [
            {
                "start": [0, 500, 750, 2000],
                "state": [0, 1, 2, 3],
                "workstation": [None, 0, 0, 0],
                "units_at": [],
                "units": [],
            }
        ],
    }

    assert shares_of(page, answer, 4, 0, 4000) == [[0.25, 0.25, 0.5, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]


def test_columns_are_shared_out_to_their_pixels_and_the_rest_is_unknown(page: Any) -> None:
    row = {"working": [1800, 0], "idle": [900, 0], "absent": [0, 3600], "units": [0, 0]}
    answer = {"window": {"to": "1970-01-01T02:00:00Z"}, "columns": [0, 3_600_000], "data": [row]}

    assert shares_of(page, answer, 4, 0, 7_200_000) == [[0.5, 0.25, 0.25, 0]] * 2 + [[0, 0, 0, 1]] * 2


def test_the_second_that_rounding_leaves_over_is_not_unknown(page: Any) -> None:
    row = {"working": [1799], "idle": [1200], "absent": [600], "units": [0]}
    answer = {"window": {"to": "1970-01-01T01:00:00Z"}, "columns": [0], "data": [row]}

    assert shares_of(page, answer, 1, 0, 3_600_000)[0][2] == 0


def test_a_second_of_idleness_can_be_seen_in_two_weeks(page: Any) -> None:
    show(page, BEGIN - 9 * DAY, BEGIN + 5 * DAY)

    assert pixels_of(page, IDLE) > 0


def test_another_theme_is_drawn_at_once(page: Any) -> None:
    show(page, BEGIN, BEGIN + timedelta(hours=8))
    assert pixels_of(page, IDLE_AT_NIGHT) == 0

    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(100)

    assert (pixels_of(page, IDLE), pixels_of(page, IDLE_AT_NIGHT) > 0) == (0, True)


@pytest.mark.journey
def test_the_tooltip_has_state_place_units_and_exact_local_times(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)

    told_there = point(page, 0, 7 / 24)

    start, end = BEGIN + timedelta(hours=6, minutes=30, seconds=1), BEGIN + timedelta(hours=7, minutes=45)
    assert "Anna" in told_there
    assert "state.working, 1 h 14 min" in told_there
    assert f"{local(start)} – {local(end)}" in told_there
    assert "at_station S1" in told_there
    assert "units 12" in told_there


def test_the_tooltip_of_a_column_has_the_share_and_duration_of_each_state(page: Any) -> None:
    show(page, BEGIN - 9 * DAY, BEGIN + 5 * DAY)

    told_there = point(page, 0, (9 + 7.5 / 24) / 14)

    assert "state.working 75.0 %, 45 min 00 s" in told_there
    assert "state.absent 25.0 %, 15 min 00 s" in told_there
    assert f"{local(BEGIN + timedelta(hours=7))[:5]} – {local(BEGIN + timedelta(hours=8))[:5]}" in told_there


def test_a_span_that_began_long_before_the_view_is_told_from_its_very_beginning(page: Any) -> None:
    show(page, BEGIN + 4 * DAY, BEGIN + 5 * DAY)

    point(page, 0, 0.5)
    page.wait_for_function(
        "(time) => document.querySelector('.timeline-tip').innerText.includes(time)",
        arg=local(BEGIN + timedelta(hours=7, minutes=45)),
    )

    assert "before" not in page.locator(".timeline-tip").inner_text()


def test_a_click_on_a_bar_and_on_a_name_tells_what_was_chosen(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)
    point(page, 0, 6.25 / 24)

    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("() => window.told.some(({ kind }) => kind === 'span')")
    page.get_by_text("Bo", exact=True).click()

    start, end = BEGIN + timedelta(hours=6), BEGIN + timedelta(hours=6, minutes=30)
    chosen = {"id": "W1", "start": start.timestamp() * 1000, "end": end.timestamp() * 1000, "state": "working"}
    assert told(page, "span") == [chosen]
    assert told(page, "open") == ["W2"]


def test_zooming_in_loads_finer_data_and_the_button_goes_back(page: Any, asked: list[dict[str, str]]) -> None:
    show(page, BEGIN - 9 * DAY, BEGIN + 5 * DAY)
    assert {one.get("bucket") for one in asked} == {"hour"}
    box = page.locator(".timeline-plot").bounding_box()

    page.mouse.move(box["x"] + box["width"] * (9.3 / 14), box["y"] + 50)
    page.keyboard.down("Control")
    with page.expect_response(lambda answer: "/metrics/timeline?" in answer.url and "bucket" not in answer.url):
        for _ in range(8):
            page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => window.told.length > 0")

    view = told(page, "window")[-1]
    assert view["to"] - view["from"] < 3 * 86_400_000
    assert pixels_of(page, IDLE) > 0
    page.get_by_role("button", name="whole_window").click()
    page.wait_for_function("() => window.told.at(-1).what.to - window.told.at(-1).what.from === 14 * 86400000")


def test_two_fingers_zoom_and_one_looks_first_and_opens_at_the_second_tap(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)
    box = page.locator(".timeline-plot").bounding_box()
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *shares: float) -> None:
        points = [{"x": box["x"] + box["width"] * x, "y": box["y"] + 54, "id": n} for n, x in enumerate(shares)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 6.2 / 24)
    fingers("touchEnd")
    page.locator(".timeline-tip").wait_for()
    assert told(page, "span") == []
    fingers("touchStart", 6.3 / 24)
    fingers("touchEnd")
    page.wait_for_function("() => window.told.some(({ kind }) => kind === 'span')")
    fingers("touchStart", 0.4)
    fingers("touchStart", 0.4, 0.6)
    for step in range(1, 9):
        fingers("touchMove", 0.4 - step * 0.025, 0.6 + step * 0.025)
    fingers("touchEnd")
    page.wait_for_function("() => window.told.at(-1).kind === 'window'")

    view = told(page, "window")[-1]
    assert 0.25 < (view["to"] - view["from"]) / 86_400_000 < 0.45


def test_dragging_moves_through_time_and_opens_nothing(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)
    page.get_by_role("button", name="zoom_in").click()
    box = page.locator(".timeline-plot").bounding_box()
    page.wait_for_function("() => window.told.length === 1")
    before = told(page, "window")[-1]

    page.mouse.move(box["x"] + 500, box["y"] + 54)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 54, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)

    view = told(page, "window")[-1]
    assert view["from"] - before["from"] == pytest.approx(200 / box["width"] * 43_200_000, rel=0.01)
    assert told(page, "span") == []


def test_rows_scrolled_under_a_resting_pointer_are_what_it_tells_of(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY, {"W1": "Anna"} | {f"N{n}": f"Nobody {n}" for n in range(499)})
    assert "Anna" in point(page, 0, 0.5)

    page.mouse.wheel(0, 280)

    page.wait_for_function("() => document.querySelector('.timeline-tip').innerText.includes('Nobody 9')")


def test_an_empty_timeline_and_an_empty_window_break_nothing(page: Any) -> None:
    start = int(BEGIN.timestamp() * 1000)
    page.evaluate(CREATE, {"entity": "worker", "rows": [], "zone": ZONE, "from": start, "to": start})
    page.locator(".timeline-scroll").focus()
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowRight", "Enter", "Space", "+", "0"):
        page.keyboard.press(key)
    page.get_by_text("show_as_table").click()

    page.evaluate("window.timeline.node.remove()")

    assert page.locator(".timeline").count() == 0


def test_a_plain_wheel_is_the_pages_own(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)
    page.evaluate("document.body.style.height = '3000px'")
    point(page, 0, 0.5)

    page.mouse.wheel(0, 300)

    page.wait_for_function("() => scrollY > 0")


def test_all_of_it_can_be_done_with_the_keyboard_and_is_told(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)
    page.locator(".timeline-scroll").focus()
    press = page.keyboard.press

    press("Home")
    press("Shift+ArrowRight")  # past what was before the first event
    page.wait_for_function("() => document.querySelector('[aria-live]').textContent.includes('Anna')")
    heard = page.locator("[aria-live]").inner_text()
    press("Space")
    for key in ("+", "ArrowRight", "ArrowDown", "Enter"):
        press(key)
    page.wait_for_function("() => window.told.some(({ kind }) => kind === 'open')")

    assert "state.working" in heard
    assert local(BEGIN + timedelta(hours=6)) in heard
    assert [span["state"] for span in told(page, "span")] == ["working"]
    assert told(page, "open") == ["W2"]
    page.wait_for_function("() => window.told.at(-1).kind === 'window'")
    view = told(page, "window")[-1]
    assert view["to"] - view["from"] == 43_200_000


def test_the_selected_row_can_be_read_as_a_table(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY)

    page.get_by_text("show_as_table").click()

    rows = page.locator(".timeline-table tbody tr").all_inner_texts()
    assert page.locator(".timeline-table caption").inner_text() == "Anna"
    assert ["idle" in row for row in rows] == [False, False, True, False, False]
    assert "state.idle, 1 s" in rows[2]


def test_refreshing_asks_only_for_what_reaches_the_present(page: Any, asked: list[dict[str, str]]) -> None:
    now = datetime.now(timezone.utc)
    show(page, now - 2.9 * DAY, now)
    before = len(asked)

    with page.expect_response("**/metrics/timeline?*"):
        page.evaluate("window.timeline.refresh()")
    page.wait_for_timeout(300)

    ends = [datetime.fromisoformat(one["to"].replace("Z", "+00:00")) for one in asked]
    assert before == 2 or before == 3
    assert [end > now for end in ends[before:]] == [True]


def test_only_rows_in_sight_and_the_next_ones_are_asked_for(page: Any, asked: list[dict[str, str]]) -> None:
    show(page, BEGIN, BEGIN + DAY, {"W1": "Anna"} | {f"N{n}": f"Nobody {n}" for n in range(499)})

    assert max(len(one["id"].split(",")) for one in asked) <= 25
    assert len({one["id"] for one in asked}) == 2
    assert page.locator(".timeline-name").count() < 40


def test_markup_in_names_stays_text(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY, {"W1": HOSTILE})

    told_there = point(page, 0, 0.5)
    page.get_by_text("show_as_table").click()

    assert HOSTILE in told_there
    assert page.locator("#place img").count() == 0
    assert page.title() == "Blank"


def test_stations_are_drawn_and_told_too(page: Any) -> None:
    show(page, BEGIN, BEGIN + DAY, {"S1": "Saw"}, entity="workstation")

    told_there = point(page, 0, 7 / 24)

    assert "state.productive" in told_there
    assert "by_workers W1" in told_there


def test_what_cannot_be_loaded_is_said_and_tried_again(page: Any) -> None:
    page.route("**/metrics/timeline?*", lambda route: route.abort())
    window = {"from": int(BEGIN.timestamp() * 1000), "to": int((BEGIN + DAY).timestamp() * 1000)}
    page.evaluate(CREATE, {"entity": "worker", "rows": [{"id": "W1", "name": "Anna"}], "zone": ZONE, **window})
    page.locator(".timeline-status").wait_for()

    page.unroute("**/metrics/timeline?*")

    page.locator(".timeline-status").wait_for(state="hidden", timeout=15_000)
    assert "state.working" in point(page, 0, 7 / 24)


def test_the_axis_shows_both_hours_of_a_repeated_one_and_skips_a_skipped_one(page: Any) -> None:
    def hours(first: str, last: str) -> list[str]:
        found: list[str] = page.evaluate(
            """async ([from, to, zone]) => {
              const { axisOf } = await import("/components/timeline/axis.js");
              const { createCalendar } = await import("/components/timeline/calendar.js");
              const view = { from: Date.parse(from), to: Date.parse(to) };
              return axisOf(view, 300, createCalendar(zone), zone).minor.map(({ label }) => label);
            }""",
            [first, last, ZONE],
        )
        return found

    assert hours("2026-10-24T22:00:00Z", "2026-10-25T03:00:00Z") == ["00:00", "01:00", "02:00", "02:00", "03:00"]
    assert hours("2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z") == ["00:00", "01:00", "03:00", "04:00"]
