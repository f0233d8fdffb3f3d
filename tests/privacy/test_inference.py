"""Who sees no persons learns of none: neither from one answer nor from all answers together."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import mean

import pytest
from tests.conftest import Clock
from tests.privacy.adversary import END, Adversary, guesses, instant, is_exact, is_near, share, truth
from tests.privacy.crews import DAYS, FIRST, Crew, events_of, lone, teams, uneven
from tests.privacy.plant import DEFAULT, Plant
from tests.strategies import WHOLE

MOST = 2.0
"""So many percentage points more person-days than a guesser an adversary may come near to."""
CREWS = {make.__name__: make() for make in (lone, teams, uneven)}
ROLES = ("viewer", "wall")
PACES = range(1, 13) if WHOLE else (13,)
"""Seeds of what people do; each is a factory of its own."""


@dataclass
class Score:
    """Percentages of person-days, one of each factory: how many an estimate is near to, and exactly is."""

    near: list[float] = field(default_factory=list)
    exact: list[float] = field(default_factory=list)
    estimated: int = 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", CREWS)
def test_an_adversary_comes_no_nearer_to_a_person_than_a_guesser(
    plant_with: Callable[..., Plant], clock: Clock, capsys: pytest.CaptureFixture[str], name: str, role: str
) -> None:
    crew, plant = CREWS[name], plant_with()
    guessers: dict[str, Score] = defaultdict(Score)
    scores: dict[tuple[str, str], Score] = defaultdict(Score)
    for seed in PACES:
        factory = f"pace-{seed}"
        at_work(plant, crew, factory, seed)
        known = truth(plant.user("admin", factory), crew)
        pseudonyms = {plant.pseudonym(n, factory): n for n in range(crew.persons)}
        found = list(Adversary(plant.user(role, factory), crew, clock, pseudonyms).methods())
        for measure, of in known.items():
            guessed = guesses(of)
            fallback = max(guessed, key=lambda one: share(one, of, is_near))
            guessers[measure].near.append(share(fallback, of, is_near))
            guessers[measure].exact.append(max(share(one, of, is_exact) for one in guessed))
            for method, estimates in found:
                score, told = scores[measure, method], estimates[measure]
                score.near.append(share({**fallback, **told}, of, is_near))
                score.exact.append(share(told, of, is_exact))
                score.estimated += len(told)

    lines = []
    for measure, guesser in guessers.items():
        lines.append(
            f"{name} {role} {measure}: guesser {mean(guesser.near):.1f} % near, {mean(guesser.exact):.1f} % exact"
        )
        for (of_measure, method), score in scores.items():
            if of_measure == measure and score.estimated:
                more = mean(score.near) - mean(guesser.near)
                lines.append(
                    f"  {method}: {more:+.1f} points near, {mean(score.exact):.1f} % exact, {score.estimated} told"
                )
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    for (measure, method), score in scores.items():
        assert mean(score.near) - mean(guessers[measure].near) <= MOST, (method, lines)
        assert mean(score.exact) <= mean(guessers[measure].exact), (method, lines)


def at_work(plant: Plant, crew: Crew, factory: str, seed: int) -> None:
    plant.population.factory(DEFAULT, factory)
    events = sorted(events_of(crew, seed), key=lambda event: str(event["timestamp"]))
    assert plant.key("ingest", factory).open("POST", "/events/batch", json=events).status_code == 201


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_read_key_is_told_what_a_viewer_is(plant_with: Callable[..., Plant]) -> None:
    plant, crew = plant_with(), CREWS["uneven"]
    at_work(plant, crew, "pace", 13)
    window = {"from": instant(FIRST), "to": instant(END)}
    of_wall = {"/metrics/now": "workers"}
    for path, query in [
        ("/metrics/factory", window),
        ("/metrics/organisation", window),
        ("/metrics/workstations", window),
        ("/metrics/workstations/T", window),
        ("/metrics/timeline", {"entity": "workstation", "bucket": "day", **window}),
        ("/metrics/timeseries", {"entity": "factory", "metric": "total_events", "bucket": "day", **window}),
        ("/metrics/now", {}),
    ]:
        viewer, wall, key = (
            reader.get(path, query_string=query).get_json()
            for reader in (plant.user("viewer", "pace"), plant.user("wall", "pace"), plant.key("read", "pace"))
        )
        assert viewer["data"] == key["data"], path
        hidden = {of_wall[path]: []} if path in of_wall else {}
        assert wall["data"] == (viewer["data"] | hidden if hidden else viewer["data"]), path
    row = plant.user("viewer", "pace").data("/metrics/factory", **window)
    assert row["total_production_count"] > 0, "what is told is told"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", CREWS)
def test_any_window_is_the_sum_of_its_told_days(plant_with: Callable[..., Plant], name: str) -> None:
    """So no difference of two windows is of less than a told day."""
    plant, crew, chance = plant_with(), CREWS[name], random.Random(13)
    at_work(plant, crew, "pace", 13)
    viewer = plant.user("viewer", "pace")
    whole = {"from": instant(FIRST), "to": instant(END)}
    fields = ("total_production_count", "total_productive_time_hours", "total_events")
    days = viewer.data("/metrics/timeseries", entity="factory", metric=",".join(fields), bucket="day", **whole)
    stations = viewer.get(
        "/metrics/timeline", query_string={"entity": "workstation", "bucket": "day", **whole}
    ).get_json()
    told = {row["id"]: row.get("units", [None] * DAYS) for row in stations["data"]}
    assert any("withheld" not in day for day in days)
    for _ in range(12):
        first, last = sorted(chance.sample(range(DAYS * 24 * 4 + 1), 2))
        start, end = (FIRST + timedelta(minutes=15 * n) for n in (first, last))
        window = {"from": instant(start), "to": instant(end)}
        inside = range(-(-first // 96), last // 96)
        expected = [days[n] for n in inside if "withheld" not in days[n]]
        row = viewer.data("/metrics/factory", **window)
        for one in fields:
            values = [day["values"][one] for day in expected]
            assert row[one] == (pytest.approx(sum(values), abs=0.001) if values else None)
        for station in viewer.data("/metrics/workstations", **window):
            units = [told[station["workstation_id"]][n] for n in inside]
            shown = [one for one in units if one is not None]
            assert station["total_units_produced"] == (sum(shown) if shown else None)
