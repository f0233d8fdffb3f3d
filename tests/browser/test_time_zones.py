"""Local time on the page is the factory's by the server's rules, wherever the reader and whatever the browser knows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import LEARN, rules_of_zone
from tests.servers import RunningServer

TICKS = """async ([from, to, most, zone]) => {
  const { ticksOf, tickLabel } = await import("/components/chart.js");
  const { inZone } = await import("/lib/format.js");
  const ticks = ticksOf([Date.parse(from) / 1000, Date.parse(to) / 1000], most, zone);
  return ticks.map((at) => [new Date(at * 1000).toISOString().slice(0, 16), tickLabel(at * 1000, inZone(zone))]);
}"""
FORMAT = """async ([name, at, zone]) => (await import("/lib/format.js")).inZone(zone)[name](at)"""
GIVEN = """async (text) => new Date((await import("/lib/zone.js")).instantGiven(text)).toISOString().slice(0, 19)"""
TYPED = """async ([clock, zone, near]) => {
  const { instantTyped, isRepeated, abbreviationAt } = await import("/lib/zone.js");
  const at = instantTyped(clock, zone, near ? Date.parse(near) : undefined);
  return [new Date(at).toISOString().slice(0, 19), isRepeated(at, zone), abbreviationAt(at, zone)];
}"""


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [("UTC", "2026-11-17T00:00", "2026-11-29T00:00"), ("Europe/Berlin", "2026-11-16T23:00", "2026-11-28T23:00")],
)
def test_days_are_marked_at_the_factorys_midnights(modules: Any, zone: str, first: str, last: str) -> None:
    found = modules.evaluate(TICKS, [f"{first}Z", f"{last}Z", 12, zone])
    assert found[0] == [first, "17 Nov 2026"] or found[0] == [first, "17 Nov"]
    assert [label.split()[0] for _, label in found] == [str(day) for day in range(17, 29)]
    assert {at[11:] for at, _ in found} == {first[11:]}


@pytest.mark.parametrize("days", range(1, 60))
def test_no_two_marks_of_an_axis_are_alike(modules: Any, days: int) -> None:
    end = f"2026-12-{days:02d}" if days <= 31 else f"2027-01-{days - 31:02d}"
    for most in (4, 9, 15):
        found = modules.evaluate(TICKS, ["2026-11-30T23:00:00Z", f"{end}T23:00:00Z", most, "Europe/Berlin"])
        days_marked = [label for at, label in found if at.endswith("23:00")]
        assert len(set(days_marked)) == len(days_marked), found
        assert len(found) <= most + 1


def test_the_day_of_a_clock_change_has_its_marks_at_round_times(modules: Any) -> None:
    found = modules.evaluate(TICKS, ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 9, "Europe/Berlin"])
    assert [label for _, label in found][1:] == ["03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]


def test_the_year_of_a_date_is_left_out_by_the_factorys_clock(modules: Any) -> None:
    this_year = modules.evaluate("new Date().getUTCFullYear()")
    eve = f"{this_year}-01-01T04:00:00Z"
    assert str(this_year - 1) in modules.evaluate(FORMAT, ["date", eve, "America/Vancouver"])
    assert str(this_year) not in modules.evaluate(FORMAT, ["date", eve, "Europe/Berlin"])


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-26T00:00:00", "2026-11-26T00:00:00"),
        ("2026-11-26T00:00", "2026-11-26T00:00:00"),
        ("2026-11-26T00:00:00.000", "2026-11-26T00:00:00"),
        ("2026-11-26", "2026-11-26T00:00:00"),
        ("2026-11-26T00:00:00Z", "2026-11-26T00:00:00"),
        ("2026-11-26T01:00:00+01:00", "2026-11-26T00:00:00"),
        ("2026-11-25T19:00:00-05:00", "2026-11-26T00:00:00"),
        ("2026-11-26T01:00:00 01:00", "2026-11-26T00:00:00"),
    ],
)
def test_a_link_without_an_offset_is_utc_for_every_reader(modules: Any, text: str, instant: str) -> None:
    assert modules.evaluate(GIVEN, text) == instant


@pytest.mark.parametrize(
    ("near", "clock", "expected"),
    [
        ("2026-10-25T01:01:13Z", "2026-10-25T02:01:00", ["2026-10-25T01:01:00", True, "CET"]),
        ("2026-10-25T00:59:00Z", "2026-10-25T02:01:00", ["2026-10-25T00:01:00", True, "CEST"]),
        ("2026-10-25T01:01:13Z", "2026-10-25T01:30:00", ["2026-10-24T23:30:00", False, "CEST"]),
        ("2026-10-24T23:30:00Z", "2026-10-25T03:00:00", ["2026-10-25T02:00:00", False, "CET"]),
        (None, "2026-10-25T02:30:00", ["2026-10-25T00:30:00", True, "CEST"]),
    ],
)
def test_a_time_typed_in_the_double_hour_keeps_the_offset_of_the_moment(
    modules: Any, near: str | None, clock: str, expected: list[Any]
) -> None:
    assert modules.evaluate(TYPED, [clock, "Europe/Berlin", near]) == expected


def test_the_servers_rules_count_where_the_browser_has_others(modules: Any) -> None:
    other = rules_of_zone("America/Vancouver") | {"time_zone": "Asia/Tokyo"}
    modules.evaluate(LEARN, [other])
    assert modules.evaluate(FORMAT, ["time", "2026-11-20T12:00:00Z", "Asia/Tokyo"]) == "05:00"


@pytest.mark.parametrize("zone", ["America/Coyhaique", "America/Vancouver"])
def test_a_browser_that_does_not_know_the_zone_shows_the_factory(page: Any, server: RunningServer, zone: str) -> None:
    factory = zone.split("/")[1].lower()
    made = {"factory_id": factory, "time_zone": zone}
    assert server.post_json("/api/v1/factories/", made).status == 201
    page.add_init_script(
        """const Real = Intl.DateTimeFormat;
        Intl.DateTimeFormat = new Proxy(Real, { construct(target, given) {
          if (given[1]?.timeZone?.includes("/")) throw new RangeError("Invalid time zone");
          return new target(...given);
        } });"""
    )
    for view in ("overview", "events", "workers", "compare", "wall", "settings"):
        page.goto(f"http://127.0.0.1:{server.port}/?factory={factory}&view={view}&window=today")
        page.locator("main[aria-busy=false]").wait_for()
        page.locator("#view > *").first.wait_for()
        assert page.locator(".notice[role=alert]").count() == 0
