"""A reader who sees no persons is told nothing of fewer than K_MIN of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.privacy.plant import WINDOW, Plant, worker, working

from factory.domain.metrics.formulas import FACTORY_METRICS, WORKER_METRICS, WORKSTATION_METRICS

FACES = ("worker_id", "workstation_id", "station_id", "name", "type", "worker_count", "station_count")


def figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in (*FACES, "withheld")}


def is_withheld(row: dict[str, Any]) -> bool:
    assert row.get("withheld", True) is True
    hidden = set(figures(row).values()) == {None}
    assert hidden == ("withheld" in row)
    return hidden


def test_a_workstation_of_few_persons_has_no_figures(plant: Plant) -> None:
    rows = {row["workstation_id"]: row for row in plant.user("viewer").data("/metrics/workstations", **WINDOW)}

    assert figures(rows["S2"]).keys() == WORKSTATION_METRICS.keys()
    assert is_withheld(rows["S2"])
    assert not is_withheld(rows["S1"])
    assert (rows["S1"]["total_units_produced"], rows["S1"]["event_count"]) == (7, 14)


def test_what_a_total_less_the_shown_would_tell_is_withheld_too(plant: Plant) -> None:
    """S2's two persons are all that is left of the factory's units without S1 and S3."""
    viewer = plant.user("viewer")
    rows = {row["workstation_id"]: row for row in viewer.data("/metrics/workstations", **WINDOW)}

    assert {station for station, row in rows.items() if is_withheld(row)} == {"S2", "S3", "S4"}
    for station, row in rows.items():
        assert viewer.data(f"/metrics/workstations/{station}", **WINDOW) == row


def test_a_worker_has_no_figures_but_under_a_pseudonym_a_row(plant: Plant) -> None:
    viewer = plant.user("viewer")
    rows = viewer.data("/metrics/workers", **WINDOW)

    assert sorted(row["worker_id"] for row in rows) == [row["worker_id"] for row in rows]
    assert {row["worker_id"] for row in rows} == {plant.pseudonym(n) for n in range(1, 16)}
    assert all(row["name"] == row["worker_id"] and is_withheld(row) for row in rows)
    assert figures(rows[0]).keys() == WORKER_METRICS.keys()
    assert viewer.data(f"/metrics/workers/{rows[3]['worker_id']}", **WINDOW) == rows[3]
    series = viewer.data(
        "/metrics/timeseries", metric="event_count", entity="worker", id=rows[3]["worker_id"], bucket="hour", **WINDOW
    )
    assert [(row["value"], row["withheld"]) for row in series] == [(None, True)] * 6


def test_a_factory_of_few_persons_has_no_figures(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with()
    plant.work({"S1": range(1, 5)})
    viewer = plant.user("viewer")
    row = viewer.data("/metrics/factory", **WINDOW)

    assert figures(row).keys() == {*FACTORY_METRICS, "active_worker_count", "active_station_count"}
    assert is_withheld(row)
    assert (row["worker_count"], row["station_count"]) == (4, 1)
    plant.key("ingest").open("POST", "/events/", json=working(5, "S1"))
    assert not is_withheld(viewer.data("/metrics/factory", **WINDOW))


def test_who_went_home_hides_nobody_who_stays(plant: Plant) -> None:
    """All but two leave at 10: absence lasts, and the figures from 11 on would be of the two."""
    leaving = [working(n, "S1", "10:00", event_type="absent") for n in range(3, 16)]
    plant.key("ingest").open("POST", "/events/batch", json=leaving)

    row = plant.user("viewer").data("/metrics/factory", **{**WINDOW, "from": "2026-01-15T11:00:00Z"})
    assert is_withheld(row)


@pytest.mark.parametrize("entity", ["factory", "workstation"])
def test_each_bucket_of_a_series_is_over_enough_persons(plant: Plant, entity: str) -> None:
    alone = [working(1, "S1", "10:30"), *(working(n, "S1", "11:30") for n in range(1, 8))]
    plant.key("ingest").open("POST", "/events/batch", json=alone)
    asked = {"entity": entity, "bucket": "hour", **WINDOW} | ({"id": "S1"} if entity == "workstation" else {})
    for metric in ("total_units_produced" if entity == "workstation" else "total_production_count",):
        rows = plant.user("viewer").data(
            "/metrics/timeseries",
            metric=f"{metric},utilization_percentage" if entity == "workstation" else metric,
            **asked,
        )
        shown = plant.user("supervisor").data("/metrics/timeseries", metric=metric, **asked)
    hidden = [row.get("withheld", False) for row in rows]

    # Nobody before 8; from 8 to 10 all; after a silence one at 10:30 and with them all at 11:30.
    assert hidden[:2] == [True, True]
    assert hidden[4] is True
    assert hidden.count(False) == 2, "of those shown the one of fewest persons is withheld too: the rest is one person"
    assert all("withheld" not in row and row["value"] is not None for row in shown)
    for row in rows:
        values = row["values"].values() if "values" in row else [row["value"]]
        assert all((value is None) == ("withheld" in row) for value in values)


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


@pytest.mark.parametrize("bucket", [None, "hour"])
def test_a_timeline_has_nothing_to_draw_of_a_workstation_of_few(plant: Plant, bucket: str | None) -> None:
    asked = {"entity": "workstation", **WINDOW} | ({"bucket": bucket} if bucket else {})
    rows = plant.user("viewer").data("/metrics/timeline", **asked)

    assert {row["id"] for row in rows if row == {"id": row["id"], "name": row["id"], "withheld": True}} == {
        "S2",
        "S3",
        "S4",
    }
    [drawn] = [row for row in rows if row["id"] == "S1"]
    [named] = [row for row in plant.user("supervisor").data("/metrics/timeline", **asked) if row["id"] == "S1"]
    assert drawn | {"workers": None} == named | {"workers": None}
    for one in ("S2", "S4"):
        [row] = plant.user("viewer").data("/metrics/timeline", **asked, id=one)
        assert row["withheld"] is True


def test_a_workstation_of_many_is_explained_under_pseudonyms(plant: Plant) -> None:
    rows = plant.user("viewer").data("/metrics/workstations/S1/intervals", **WINDOW)

    present = [row["worker_ids"] for row in rows if row["state"] == "productive"]
    assert present == [sorted(plant.pseudonym(n) for n in range(1, 8))]


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
