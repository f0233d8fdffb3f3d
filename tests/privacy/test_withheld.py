"""A reader who sees no persons is told nothing of fewer than K_MIN of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import NOON, Clock
from tests.privacy.plant import DAY_WINDOW, TODAY, WINDOW, YESTERDAY, Plant, day_of, worker, working

from factory.domain.metrics.formulas import FACTORY_METRICS, WORKER_METRICS, WORKSTATION_METRICS
from factory.domain.timestamp import DAY, MINUTE

FACES = ("worker_id", "workstation_id", "station_id", "name", "type", "worker_count", "station_count")


def figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in (*FACES, "withheld", "withheld_hours")}


def is_withheld(row: dict[str, Any]) -> bool:
    assert row.get("withheld", True) is True
    hidden = set(figures(row).values()) == {None}
    assert hidden == ("withheld" in row)
    return hidden


def told_stations(rows: list[dict[str, Any]]) -> set[str]:
    return {row["workstation_id"] for row in rows if not is_withheld(row)}


def test_a_workstation_of_few_persons_has_no_figures(plant_of_days: Plant) -> None:
    rows = {
        row["workstation_id"]: row for row in plant_of_days.user("viewer").data("/metrics/workstations", **DAY_WINDOW)
    }

    assert figures(rows["S2"]).keys() == WORKSTATION_METRICS.keys()
    assert is_withheld(rows["S2"])
    assert not is_withheld(rows["S1"])
    assert (rows["S1"]["total_units_produced"], rows["S1"]["event_count"]) == (7, 21)
    assert rows["S1"] == plant_of_days.user("supervisor").data("/metrics/workstations/S1", **DAY_WINDOW)


def test_what_a_total_less_the_shown_would_tell_is_withheld_too(plant_of_days: Plant) -> None:
    """S2's two persons are all that is left of the factory's units without S1 and S3."""
    viewer = plant_of_days.user("viewer")
    rows = {row["workstation_id"]: row for row in viewer.data("/metrics/workstations", **DAY_WINDOW)}

    assert told_stations(list(rows.values())) == {"S1"}
    for station, row in rows.items():
        assert viewer.data(f"/metrics/workstations/{station}", **DAY_WINDOW) == row


def test_a_worker_has_no_figures_but_under_a_pseudonym_a_row(plant_of_days: Plant) -> None:
    plant = plant_of_days
    viewer = plant.user("viewer")
    rows = viewer.data("/metrics/workers", **DAY_WINDOW)

    assert sorted(row["worker_id"] for row in rows) == [row["worker_id"] for row in rows]
    assert {row["worker_id"] for row in rows} == {plant.pseudonym(n) for n in range(1, 16)}
    assert all(row["name"] == row["worker_id"] and is_withheld(row) for row in rows)
    assert figures(rows[0]).keys() == WORKER_METRICS.keys()
    assert viewer.data(f"/metrics/workers/{rows[3]['worker_id']}", **DAY_WINDOW) == rows[3]
    series = viewer.data(
        "/metrics/timeseries",
        metric="event_count",
        entity="worker",
        id=rows[3]["worker_id"],
        bucket="hour",
        **DAY_WINDOW,
    )
    assert [(row["value"], row["withheld"]) for row in series] == [(None, True)] * 24


def test_a_factory_of_few_persons_has_no_figures(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with()
    plant.work_for_days({"S1": range(1, 5)})
    viewer = plant.user("viewer")
    row = viewer.data("/metrics/factory", **DAY_WINDOW)

    assert figures(row).keys() == {*FACTORY_METRICS, "active_worker_count", "active_station_count"}
    assert is_withheld(row)
    assert (row["worker_count"], row["station_count"]) == (4, 1)


def test_who_has_hardly_anything_hides_nobody(plant_with: Callable[..., Plant]) -> None:
    """Four work for an hour; the fifth for less than a tenth of that, then for more."""
    plant = plant_with()
    plant.work_for_days({"S1": range(1, 6)})
    viewer = plant.user("viewer")
    assert not is_withheld(viewer.data("/metrics/factory", **DAY_WINDOW))

    plant.send(
        working(5, "S1", "08:01", YESTERDAY, event_type="absent", confidence=1.0),
        working(5, "S1", "08:00", YESTERDAY, event_type="absent", confidence=1.0, event_id="at once"),
    )
    assert is_withheld(viewer.data("/metrics/factory", **DAY_WINDOW))
    plant.send(working(5, "S1", "08:20", YESTERDAY))
    assert not is_withheld(viewer.data("/metrics/factory", **DAY_WINDOW))


def test_events_of_no_unit_hide_nobody(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with()
    plant.work_for_days({"S1": range(1, 5), "S2": range(5, 10)})
    for number in range(5, 10):
        plant.send(working(number, "S1", "09:30", YESTERDAY, event_type="product_count", count=0))

    rows = plant.user("viewer").data("/metrics/workstations", **DAY_WINDOW)

    assert told_stations(rows) == set()


def test_who_is_seen_for_the_first_time_hides_nobody(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with()
    plant.work_for_days({"S1": range(1, 5)})
    viewer = plant.user("viewer")
    ghosts = [event for number in (20, 21, 22) for event in day_of(number, "S1", YESTERDAY)]
    plant.send(*ghosts, working(23, "S1", "09:00", YESTERDAY, event_type="product_count"))

    assert is_withheld(viewer.data("/metrics/factory", **DAY_WINDOW))
    assert told_stations(viewer.data("/metrics/workstations", **DAY_WINDOW)) == set()
    plant.send(working(20, "S1", "08:00", "2026-01-12", event_type="absent"))
    assert not is_withheld(viewer.data("/metrics/factory", **DAY_WINDOW))


def test_who_only_counts_units_is_seen_too(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with()
    counts = [
        working(number, "S1", "09:00", date, event_type="product_count", count=number)
        for number in range(3, 8)
        for date in ("2026-01-13", YESTERDAY)
    ]
    plant.send(*counts)
    row = plant.user("viewer").data("/metrics/factory", **DAY_WINDOW)

    assert (row["total_production_count"], row["total_productive_time_hours"]) == (3 + 4 + 5 + 6 + 7, 0.0)
    first = {"from": "2026-01-13T00:00:00Z", "to": "2026-01-14T00:00:00Z"}
    assert is_withheld(plant.user("viewer").data("/metrics/factory", **first)), "all are new"


def test_who_went_home_hides_nobody_who_stays(plant_with: Callable[..., Plant], clock: Clock) -> None:
    """Absence lasts, and its events are no work."""
    plant = plant_with()
    plant.work_for_days({"S1": range(1, 5), "S2": range(5, 10)})
    clock.now += 2 * DAY
    tomorrow = {"from": "2026-01-16T00:00:00Z", "to": "2026-01-17T00:00:00Z"}
    plant.send(*(event for n in range(1, 5) for event in day_of(n, "S1", "2026-01-16")))
    plant.send(*(working(n, "S1", "08:00", "2026-01-16", event_type="absent") for n in range(5, 10)))

    assert plant.user("supervisor").data("/metrics/factory", **tomorrow)["active_worker_count"] == 4
    assert is_withheld(plant.user("viewer").data("/metrics/factory", **tomorrow))
    assert not is_withheld(plant.user("viewer").data("/metrics/factory", **DAY_WINDOW))


def test_a_window_is_cut_to_whole_days_that_are_over(plant_of_days: Plant) -> None:
    viewer = plant_of_days.user("viewer")
    day = viewer.get("/metrics/factory", query_string=DAY_WINDOW).get_json()

    assert day["window"]["cut_to"] == "whole days that are over"
    for start, end in [
        (f"{YESTERDAY}T00:00:00Z", f"{TODAY}T11:59:59Z"),
        ("2026-01-13T00:00:01Z", f"{TODAY}T09:00:00Z"),
        ("2026-01-13T18:00:00Z", "2027-01-01T00:00:00Z"),
    ]:
        cut = viewer.get("/metrics/factory", query_string={"from": start, "to": end}).get_json()
        assert (cut["data"], cut["window"]["from"], cut["window"]["to"]) == (
            day["data"],
            DAY_WINDOW["from"],
            DAY_WINDOW["to"],
        )
    for window in (
        {"from": f"{TODAY}T00:00:00Z"},
        WINDOW,
        {"from": f"{YESTERDAY}T00:00:01Z", "to": f"{TODAY}T00:00:00Z"},
    ):
        none = viewer.get("/metrics/factory", query_string=window).get_json()
        assert is_withheld(none["data"])
        assert none["window"]["from"] == none["window"]["to"]
    whole = plant_of_days.user("supervisor").get("/metrics/factory", query_string=WINDOW).get_json()
    assert "cut_to" not in whole["window"]
    assert whole["window"]["from"] == WINDOW["from"]


def test_a_window_from_any_year_is_cut(plant_of_days: Plant) -> None:
    viewer = plant_of_days.user("viewer")
    for start in ("0001-01-01T00:00:00Z", "0003-06-01T00:00:00Z", "2015-01-01T00:00:00Z"):
        row = viewer.data("/metrics/factory", **{"from": start, "to": DAY_WINDOW["to"]})
        assert row["total_production_count"] == 15
        assert is_withheld(viewer.data("/metrics/factory", **{"from": "0001-01-01T00:00:00Z", "to": start}))


def test_a_window_tells_the_sum_of_its_told_days_and_how_much_it_leaves_out(plant_of_days: Plant) -> None:
    """The day before is withheld, since everybody was new then; the day before that had nobody."""
    viewer = plant_of_days.user("viewer")
    days = {"from": "2026-01-12T00:00:00Z", "to": DAY_WINDOW["to"]}
    row, day = (viewer.data("/metrics/factory", **window) for window in (days, DAY_WINDOW))

    assert row == day | {"withheld_hours": 48.0}
    assert viewer.data("/metrics/workstations/S1", **days)["withheld_hours"] == 48.0
    rows = viewer.data("/metrics/timeseries", metric="total_production_count", entity="factory", bucket="day", **days)
    assert [row["value"] for row in rows] == [None, None, 15]
    [month] = viewer.data(
        "/metrics/timeseries", metric="total_production_count", entity="factory", bucket="month", **days
    )
    assert (month["value"], month["withheld_hours"]) == (15, 48.0)
    factory = viewer.data("/metrics/organisation", **days)[0]
    assert (factory["total_production_count"], factory["withheld_hours"]) == (15, 48.0)
    assert factory["window"]["cut_to"] == "whole days that are over"


@pytest.mark.parametrize("bucket", ["15m", "hour", "day", "week"])
@pytest.mark.parametrize("entity", ["factory", "workstation"])
def test_a_bucket_of_a_series_is_told_if_it_is_of_whole_days(plant_of_days: Plant, entity: str, bucket: str) -> None:
    asked = {"entity": entity, "bucket": bucket, **DAY_WINDOW} | ({"id": "S1"} if entity == "workstation" else {})
    units = "total_units_produced" if entity == "workstation" else "total_production_count"
    for metric in (units, f"{units},utilization_percentage" if entity == "workstation" else f"{units},total_events"):
        rows = plant_of_days.user("viewer").data("/metrics/timeseries", metric=metric, **asked)
        shown = plant_of_days.user("supervisor").data("/metrics/timeseries", metric=metric, **asked)

        if bucket in ("day", "week"):
            assert rows == shown
            continue
        assert [row["start"] for row in rows] == [row["start"] for row in shown]
        for row in rows:
            values = row["values"].values() if "values" in row else [row["value"]]
            assert (row["withheld"], set(values)) == (True, {None})


def test_single_traces_are_refused(plant: Plant) -> None:
    viewer, who = plant.user("viewer"), plant.pseudonym(1)

    refused = (403, "persons_withheld")
    assert viewer.refused("/events/") == refused
    assert viewer.refused("/events/", worker_id=who) == refused
    assert viewer.refused(f"/metrics/workers/{who}/intervals", **WINDOW) == refused
    assert viewer.refused("/metrics/timeline", entity="worker", **WINDOW) == refused
    assert viewer.refused("/metrics/timeline", entity="worker", id=who, bucket="hour", **WINDOW) == refused
    assert viewer.refused("/metrics/workstations/S2/intervals", **WINDOW) == refused
    assert viewer.refused("/metrics/workstations/S4/intervals", **WINDOW) == refused


@pytest.mark.parametrize("bucket", [None, "15m", "hour", "day"])
@pytest.mark.parametrize("role", ["viewer", "wall", "read"])
def test_a_timeline_has_nothing_to_draw_but_days_of_many(plant_of_days: Plant, role: str, bucket: str | None) -> None:
    reader = plant_of_days.key("read") if role == "read" else plant_of_days.user(role)
    asked = {"entity": "workstation", "from": "2026-01-13T00:00:00Z", "to": f"{TODAY}T12:00:00Z"}
    rows = reader.data("/metrics/timeline", **asked, **({"bucket": bucket} if bucket else {}))

    [drawn] = [row for row in rows if row["id"] == "S1"]
    if bucket == "day":
        assert drawn == {
            "id": "S1",
            "name": "S1",
            "productive": [None, 3600],
            "occupied": [None, 0],
            "units": [None, 7],
        }
        rows.remove(drawn)
    for row in rows:
        assert row == {"id": row["id"], "name": row["id"], "withheld": True}


def test_a_station_is_not_explained(plant_of_days: Plant) -> None:
    """Neither of many: a stretch ends where somebody comes or goes."""
    for reader in (plant_of_days.user("viewer"), plant_of_days.user("wall"), plant_of_days.key("read")):
        for station in ("S1", "S2", "S4"):
            path = f"/metrics/workstations/{station}/intervals"
            assert reader.refused(path, **DAY_WINDOW) == (403, "persons_withheld")


def test_the_present_tells_of_nobody(plant_of_days: Plant, clock: Clock) -> None:
    """Seven at S1, two at S2, six at S3: at 8:30 today they are at work."""
    clock.now = NOON - 210 * MINUTE
    viewer = plant_of_days.user("viewer")
    now = viewer.data("/metrics/now")

    for row in now["workers"]:
        assert (row["state"], row["workstation_id"], row["since"], row["withheld"]) == (None, None, None, True)
    states = {row["workstation_id"]: (row["state"], row.get("withheld", False)) for row in now["workstations"]}
    assert states == {"S1": ("productive", False), "S2": (None, True), "S3": ("productive", False), "S4": (None, True)}
    assert {tuple(row["worker_ids"]) for row in now["workstations"]} == {()}
    assert (now["active_worker_count"], now["active_station_count"], now["withheld"]) == (15, None, True)
    assert now["last_event_at"] == f"{TODAY}T08:00:00Z"

    leaving = [working(n, "S1", "08:10", event_type="absent") for n in (*range(1, 8), *range(10, 16))]
    plant_of_days.send(*leaving)
    now = viewer.data("/metrics/now")
    assert {row["state"] for row in now["workstations"]} == {None}
    assert (now["active_worker_count"], now["last_event_at"]) == (None, None)
    wall = plant_of_days.user("wall").data("/metrics/now")
    assert wall == now | {"workers": []}


def test_who_comes_for_the_first_time_hides_nobody_now(plant_of_days: Plant, clock: Clock) -> None:
    clock.now = NOON - 210 * MINUTE
    plant_of_days.send(*(working(number, "S2", "08:00") for number in (31, 32, 33, 34)))

    rows = plant_of_days.user("viewer").data("/metrics/now")["workstations"]

    assert [row["state"] for row in rows if row["workstation_id"] == "S2"] == [None]


def test_a_factory_may_show_the_present_states(plant_of_days: Plant, clock: Clock) -> None:
    clock.now = NOON - 210 * MINUTE
    manager, viewer = plant_of_days.user("manager"), plant_of_days.user("viewer")
    before = viewer.data("/metrics/now")
    assert manager.data("/factories/default")["live_states"] is False
    assert viewer.open("PATCH", "/factories/default", json={"live_states": True}).status_code == 403

    for live in (True, False):
        answer = manager.open("PATCH", "/factories/default", json={"live_states": live})
        assert (answer.status_code, answer.get_json()["data"]["live_states"]) == (200, live)
        now = viewer.data("/metrics/now")
        if not live:
            assert now == before
            continue
        assert [row["state"] for row in now["workstations"]] == ["productive"] * 3 + ["free"]
        assert {tuple(row["worker_ids"]) for row in now["workstations"]} == {()}
        assert {row["state"] for row in now["workers"]} == {None}
        assert (now["active_worker_count"], now["active_station_count"]) == (15, 3)
        assert viewer.refused("/metrics/workstations/S1/intervals", **DAY_WINDOW) == (403, "persons_withheld")
    assert [action for action, _, _ in plant_of_days.audited("factory.changed")] == ["factory.changed"] * 2


def test_what_is_withheld_changes_no_etag(plant_of_days: Plant) -> None:
    """Else a reader who asks again and again would learn when something happens."""
    viewer = plant_of_days.user("viewer")
    asked = [
        ("/metrics/workstations/S2", DAY_WINDOW),
        ("/metrics/workers", DAY_WINDOW),
        ("/metrics/factory", WINDOW),
        ("/metrics/timeline", {"entity": "workstation", "bucket": "hour", **DAY_WINDOW}),
        ("/metrics/timeseries", {"entity": "factory", "metric": "total_events", "bucket": "hour", **DAY_WINDOW}),
        ("/metrics/now", {}),
    ]
    tags = [viewer.get(path, query_string=query).headers["ETag"] for path, query in asked]
    plant_of_days.send(working(8, "S2", "09:20", YESTERDAY, event_type="idle"), working(8, "S2", "11:00"))

    again = [
        viewer.get(path, query_string=query, headers={"If-None-Match": tag}).status_code
        for (path, query), tag in zip(asked, tags, strict=True)
    ]
    assert again == [304] * len(asked)


def test_who_sees_persons_sees_everything(plant: Plant) -> None:
    for role in ("supervisor", "manager", "admin"):
        reader = plant.user(role)
        assert {row["worker_id"] for row in reader.data("/metrics/workers", **WINDOW)} == {
            worker(n) for n in range(1, 16)
        }
        assert not any(is_withheld(row) for row in reader.data("/metrics/workstations", **WINDOW))
        assert len(reader.data("/events/")) == 30
        assert len(reader.data(f"/metrics/workers/{worker(1)}/intervals", **WINDOW)) == 3


def test_with_a_k_min_of_one_everything_is_shown_under_pseudonyms(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(K_MIN="1")
    plant.work()
    viewer, supervisor, who = plant.user("viewer"), plant.user("supervisor"), plant.pseudonym(9)

    for path in ("/metrics/workers", "/metrics/workstations"):
        assert not any(is_withheld(row) for row in viewer.data(path, **WINDOW))
    assert figures(viewer.data(f"/metrics/workers/{who}", **WINDOW)) == figures(
        supervisor.data(f"/metrics/workers/{worker(9)}", **WINDOW)
    )
    events = viewer.data("/events/", worker_id=who)
    assert [(one["worker_id"], one["event_id"]) for one in events] == [(who, None)] * 2
    intervals = viewer.data(f"/metrics/workers/{who}/intervals", **WINDOW)
    assert [row["state"] for row in intervals] == ["unknown", "working", "unknown"]
    assert (intervals[1]["event"]["worker_id"], intervals[1]["event"]["event_id"]) == (who, None)
    [row] = viewer.data("/metrics/timeline", entity="worker", id=who, **WINDOW)
    assert (row["id"], row["name"]) == (who, who)
    assert viewer.refused(f"/metrics/workers/{worker(9)}") == (404, "worker_not_found")


def test_a_factory_says_whether_it_shows_persons(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(PERSON_VIEWS="off")
    plant.work()
    manager = plant.user("manager")

    assert is_withheld(manager.data("/metrics/workers", **WINDOW)[0])
    assert manager.refused("/events/") == (403, "persons_withheld")
    plant.population.show_persons(1, "default", True)
    assert manager.data("/metrics/workers", **WINDOW)[0]["worker_id"] == worker(1)
    plant.population.show_persons(1, "default", False)
    assert manager.refused(f"/metrics/workers/{worker(1)}") == (404, "worker_not_found")
