"""A reader who may not see persons meets no real id and no name anywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from tests.access.strangers import ROUTES
from tests.privacy.plant import DEFAULT, TELLING, WINDOW, Plant, Reader, worker, working

from factory.domain.privacy import pseudonym

QUERIES = {
    "/metrics/timeseries": [
        "metric=event_count&entity=worker&id={worker_id}&bucket=hour",
        "metric=total_units_produced&entity=workstation&id=S1&bucket=hour",
        "metric=total_events,total_production_count&entity=factory&bucket=hour",
    ],
    "/metrics/timeline": [
        "entity=worker",
        "entity=worker&id={worker_id}",
        "entity=workstation",
        "entity=workstation&bucket=hour",
        "entity=worker&bucket=hour&id={worker_id}",
    ],
    "/events/": ["", "worker_id={worker_id}", "workstation_id=S1&limit=3", "event_type=product_count"],
}


def contracted_gets(app: Flask) -> set[str]:
    """Return the addresses of all GET routes below the API that have a contract."""
    found = set()
    for rule in app.url_map.iter_rules():
        view: Any = getattr(app.view_functions[rule.endpoint], "view_class", None)
        if "GET" in (rule.methods or ()) and getattr(getattr(view, "get", None), "contract", None):
            found.add(rule.rule.removeprefix("/api/v1"))
    return found


def everything(plant: Plant, reader: Reader) -> list[tuple[str, Any]]:
    """Return the answers to all GET routes, asked with pseudonyms, for all windows and in all shapes."""
    answers: dict[str, Any] = {}
    for rule in sorted(contracted_gets(plant.app)):
        for query in QUERIES.get(rule, [""]):
            for window in ("", "from=2026-01-15T06:00:00Z&to=2026-01-15T12:00:00Z"):
                address = f"{rule}?{query}&{window}" if rule.startswith(("/metrics/", "/events")) else rule
                for who in (plant.pseudonym(1), plant.pseudonym(9)):
                    for station in ("S1", "S2"):
                        filled = address.replace("{worker_id}", who).replace("<worker_id>", who)
                        filled = filled.replace("<workstation_id>", station).replace("<factory_id>", "default")
                        filled = filled.replace("?&", "?").rstrip("&?")
                        if "<" not in filled and filled not in answers:
                            answers[filled] = reader.get(filled)
    return list(answers.items())


@pytest.mark.parametrize("k_min", ["1", "5"])
@pytest.mark.parametrize("role", ["wall", "viewer", "read", "hidden"])
def test_no_answer_has_a_real_id_or_a_name(plant_with: Callable[..., Plant], k_min: str, role: str) -> None:
    """`read` is a key of that scope, `hidden` a manager in a factory that shows nobody."""
    plant = plant_with(K_MIN=k_min)
    plant.work()
    if role == "hidden":
        plant.population.show_persons(DEFAULT, "default", False)
    reader = plant.key("read") if role == "read" else plant.user("manager" if role == "hidden" else role)

    answers = everything(plant, reader)

    assert len({path.partition("?")[0] for path, _ in answers}) > 15
    for path, answer in answers:
        told = answer.data.decode() + str(answer.headers)
        assert answer.status_code in (200, 400, 401, 403, 404), (path, told)
        if path.startswith("/audit"):
            continue
        # A cursor is base64, and could hide what nobody is to read.
        cursor = (answer.get_json(silent=True) or {}).get("next_cursor")
        told += "" if cursor is None else base64.urlsafe_b64decode(cursor + "==").decode("latin-1")
        assert not any(word in told for word in TELLING), (path, told)
    shown = [path for path, answer in answers if answer.status_code == 200 and "P-" in answer.text]
    assert bool(shown) == (role != "wall")
    assert {route.rule for route in ROUTES if route.method == "GET"} >= {"/workers/", "/metrics/now", "/events/"}


def test_pages_of_events_go_on_under_pseudonyms(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(K_MIN="1")
    plant.work()
    viewer, supervisor = plant.user("viewer"), plant.user("supervisor")
    found: list[Any] = []
    cursor = None
    while True:
        query = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        body = viewer.get("/events/", query_string=query).get_json()
        assert body == viewer.get("/events/", query_string=query).get_json(), "else nothing would be a 304"
        found += body["data"]
        if (cursor := body["next_cursor"]) is None:
            break
    assert len(found) == 30
    assert [one["timestamp"] for one in found] == [one["timestamp"] for one in supervisor.data("/events/")]
    for reader in (viewer, supervisor):
        cursor = reader.get("/events/?limit=7").get_json()["next_cursor"]
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        with pytest.raises(ValueError, match=r"utf-8|Expecting"):
            json.loads(sealed)
        readable = base64.urlsafe_b64encode(b'[0,1,1,1,1,""]').decode().rstrip("=")
        assert reader.refused("/events/", cursor=readable) == (400, "invalid_cursor")


def test_a_real_id_is_one_that_nobody_has(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(K_MIN="1")
    plant.work()
    viewer = plant.user("viewer")
    for path in (
        "/workers/{}",
        "/metrics/workers/{}",
        "/metrics/workers/{}/intervals",
        "/metrics/timeseries?metric=event_count&entity=worker&id={}&bucket=hour",
        "/metrics/timeline?entity=worker&id={}",
        "/events/?worker_id={}",
    ):
        real, unknown = (viewer.get(path.format(one)) for one in (worker(1), "nobody"))
        for answer in (real, unknown):
            answer.text_without_ids = {
                name: value for name, value in answer.get_json().items() if name not in ("request_id", "path")
            }
        assert real.text_without_ids == unknown.text_without_ids, path
        assert (real.status_code == 404) == ("events" not in path)


def test_the_order_of_rows_does_not_tell_who_is_who(plant: Plant) -> None:
    viewer = plant.user("viewer")

    for rows in (
        viewer.data("/workers/"),
        viewer.data("/metrics/workers"),
        viewer.data("/metrics/now")["workers"],
    ):
        ids = [row["worker_id"] for row in rows]
        assert ids == sorted(ids)
        assert ids != [plant.pseudonym(n) for n in range(1, 16)]


def test_a_pseudonym_is_the_same_each_time_and_another_in_each_factory(plant: Plant) -> None:
    plant.population.factory(DEFAULT, "hall-2")
    plant.work({"S1": range(1, 8)}, factory="hall-2")
    here = {row["worker_id"] for row in plant.user("viewer").data("/workers/")}
    there = {row["worker_id"] for row in plant.user("viewer", "hall-2").data("/workers/")}

    assert here == {row["name"] for row in plant.key("read").data("/workers/")}
    assert not here & there
    assert all(len(one) == 10 and one.startswith("P-") for one in here | there)


def test_a_pseudonym_is_made_with_the_whole_of_the_factorys_key() -> None:
    assert pseudonym(bytes(32), "W1") != pseudonym(bytes(31) + b"\1", "W1")
    assert pseudonym(bytes(32), "W1") == "P-F7W7J5RD"


def test_the_wall_screen_is_told_of_no_worker(plant: Plant) -> None:
    wall = plant.user("wall")
    now = wall.data("/metrics/now")

    assert now["workers"] == []
    assert [station["worker_ids"] for station in now["workstations"]] == [[]] * 4
    assert now["active_worker_count"] == plant.user("viewer").data("/metrics/now")["active_worker_count"]
    who = plant.pseudonym(1)
    for path in (
        "/workers/",
        f"/workers/{who}",
        "/metrics/workers",
        f"/metrics/workers/{who}",
        f"/metrics/workers/{who}/intervals",
        f"/metrics/timeseries?metric=event_count&entity=worker&id={who}&bucket=hour",
        "/metrics/timeline?entity=worker",
        "/events/",
    ):
        assert wall.refused(path) == (403, "not_allowed"), path


def test_the_wall_screen_is_told_of_no_worker_where_single_ones_are_shown(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(K_MIN="1")
    plant.work()
    wall = plant.user("wall")
    for row in wall.data("/metrics/workstations/S1/intervals", **WINDOW):
        assert row["worker_ids"] == []
    [drawn] = wall.data("/metrics/timeline", entity="workstation", id="S1", **WINDOW)
    assert set(map(len, drawn["workers"])) == {0}
    assert {tuple(row["worker_ids"]) for row in wall.data("/metrics/now")["workstations"]} == {()}


def test_what_one_reader_has_is_never_said_to_be_anothers(plant_of_days: Plant) -> None:
    plant = plant_of_days
    viewer, supervisor = plant.user("viewer"), plant.user("supervisor")
    for path in ("/workers/", "/metrics/workers", "/metrics/workstations", "/metrics/factory", "/metrics/now"):
        tags = [
            reader.get(path, query_string=WINDOW if "now" not in path and "metrics" in path else {}).headers["ETag"]
            for reader in (viewer, supervisor)
        ]
        again = [
            reader.get(
                path,
                query_string=WINDOW if "now" not in path and "metrics" in path else {},
                headers={"If-None-Match": tag},
            ).status_code
            for reader in (viewer, supervisor)
            for tag in tags
        ]
        assert again == [304, 200, 200, 304], path


def test_who_keeps_the_registry_does_so_by_real_ids_and_learns_no_pseudonym(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(PERSON_VIEWS="off")
    plant.work({"S1": range(1, 8)})
    manager = plant.user("manager")

    changed = manager.open("PATCH", f"/workers/{worker(1)}", json={"name": "Somebody"})
    assert changed.get_json()["data"] == {"worker_id": worker(1), "name": "Somebody"}
    assert manager.open("PATCH", f"/workers/{plant.pseudonym(1)}", json={"name": "x"}).status_code == 404


def test_a_pseudonym_is_understood_in_an_event_that_is_entered(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(PERSON_VIEWS="off", K_MIN="1")
    plant.work({"S1": range(1, 8)})
    supervisor = plant.user("supervisor")
    entered = {**working(1, "S1", "11:00"), "worker_id": plant.pseudonym(1)}

    assert supervisor.open("POST", "/events/", json=entered).status_code == 201
    assert len(supervisor.data("/workers/")) == 7
    assert supervisor.data(f"/metrics/workers/{plant.pseudonym(1)}")["event_count"] == 3


def test_who_sees_no_persons_enters_events_by_pseudonym_only(plant_with: Callable[..., Plant]) -> None:
    """A real id is refused in the words for an unknown one, in any state of the present and of what is stored."""
    plant = plant_with(PERSON_VIEWS="off")
    plant.work({"S1": range(1, 8)})
    manager = plant.user("manager")
    assert manager.open("DELETE", f"/workers/{worker(7)}").status_code == 200
    for role in ("supervisor", "manager", "admin"):
        reader = plant.user(role)
        refusals = []
        for who in (worker(1), worker(7), "nobody", "P-AAAAAAAA"):
            for event in (working(1, "S1"), working(1, "S1", confidence=0.5), working(1, "S1", "11:00")):
                answer = reader.open("POST", "/events/", json={**event, "worker_id": who})
                told = answer.get_json()
                refusals.append((answer.status_code, told["code"], told["error"], str(told["errors"])))
        assert set(refusals) == {
            (
                400,
                "unknown_worker",
                "worker_id: is not registered",
                "[{'field': 'worker_id', 'code': 'unknown_worker', 'message': 'is not registered'}]",
            )
        }
    assert len(plant.user("manager").data("/workers/")) == 7
    assert plant.audited("event.entered") == []


def test_an_entered_event_is_never_said_to_be_the_one_of_a_camera(plant_with: Callable[..., Plant]) -> None:
    """Else `duplicate` and `conflict` would say what a camera saw."""
    plant = plant_with(PERSON_VIEWS="off")
    plant.work({"S1": range(1, 8)})
    supervisor = plant.user("supervisor")
    seen = {**working(1, "S1"), "worker_id": plant.pseudonym(1)}

    first = supervisor.open("POST", "/events/", json=seen)
    again = supervisor.open("POST", "/events/", json=seen)
    other = supervisor.open("POST", "/events/", json=seen | {"confidence": 0.5})

    assert (first.status_code, first.get_json()["duplicate"]) == (201, False)
    assert (again.status_code, again.get_json()["duplicate"]) == (200, True), "a retry of the same person"
    assert other.status_code == 409
    assert plant.user("supervisor").open("POST", "/events/", json=seen).status_code == 201, "of another person"


def test_machines_send_events_by_real_ids_where_nobody_is_shown(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(PERSON_VIEWS="off")
    plant.work({"S1": range(1, 8)})
    for scope in ("ingest", "admin"):
        sensor = plant.key(scope)
        assert sensor.open("POST", "/events/", json=working(1, "S1")).status_code == 200
        assert sensor.open("POST", "/events/", json=working(8, "S1", event_id=scope)).status_code == 201
        batch = sensor.open("POST", "/events/batch", json=[working(9, "S1", event_id=scope)])
        assert batch.status_code == 201


def test_who_sees_persons_enters_events_by_real_ids(plant: Plant) -> None:
    supervisor = plant.user("supervisor")

    assert supervisor.open("POST", "/events/", json=working(1, "S1")).get_json()["duplicate"] is True
    assert supervisor.open("POST", "/events/", json=working(40, "S1", "11:00")).status_code == 201
