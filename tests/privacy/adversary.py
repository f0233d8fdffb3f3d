"""A reader who sees no persons and wants to know what each of them did, and one who only guesses.

The adversary asks everything that the role may ask, with windows of its own choice, and takes differences. It is given
the roster besides: it knows who was where in which shift, so that whatever is told of a place and a time is told of a
person. A method returns its estimates of hours worked and units by person and day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.conftest import Clock
from tests.privacy.crews import DAYS, FIRST, Crew, Turn, person
from tests.privacy.plant import Reader
from tests.strategies import WHOLE

PersonDay = tuple[int, int]
Estimates = dict[PersonDay, float]
HOURS, UNITS = "hours", "units"
MEASURES = (HOURS, UNITS)
STATION_FIELDS = {HOURS: "productive_time_hours", UNITS: "total_units_produced"}
FACTORY_FIELDS = {HOURS: "total_productive_time_hours", UNITS: "total_production_count"}
WORKER_FIELDS = {HOURS: "total_active_time_hours", UNITS: "total_units_produced"}
END = FIRST + timedelta(days=DAYS)
STEP_MINUTES = 10 if WHOLE else 20


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def bounds(turn: Turn) -> tuple[datetime, datetime]:
    start = FIRST + timedelta(days=turn.day, hours=turn.start_hour)
    return start, start + timedelta(hours=turn.hours)


def truth(reader: Reader, crew: Crew) -> dict[str, Estimates]:
    """Return what each person did on each day they were there, by a reader who sees persons."""
    found: dict[str, Estimates] = {HOURS: {}, UNITS: {}}
    there = {(turn.person, turn.day) for turn in crew.turns}
    window = {"from": instant(FIRST), "to": instant(END)}
    metric = ",".join(WORKER_FIELDS.values())
    for number in range(crew.persons):
        asked = {"entity": "worker", "id": person(number), "metric": metric, "bucket": "day", **window}
        for day, row in enumerate(reader.data("/metrics/timeseries", **asked)):
            for measure, field in WORKER_FIELDS.items():
                if (number, day) in there:
                    found[measure][number, day] = row["values"][field]
    return found


def guesses(known: Mapping[PersonDay, float]) -> list[Estimates]:
    """Return the guesses of who knows the calendar, the head count and the factory's totals: of the days, of all."""
    days: dict[int, list[float]] = defaultdict(list)
    for (_, day), value in known.items():
        days[day].append(value)
    by_day = {key: sum(days[key[1]]) / len(days[key[1]]) for key in known}
    return [by_day, dict.fromkeys(known, sum(known.values()) / len(known))]


@dataclass
class Adversary:
    """`reader` asks; `clock` is moved for questions about the present."""

    reader: Reader
    crew: Crew
    clock: Clock
    pseudonyms: Mapping[str, int]

    def ask(self, path: str, **query: Any) -> Any:
        """Return the data of an answer, or None where it is refused."""
        answer = self.reader.get(path, query_string=query)
        assert answer.status_code in (200, 400, 403, 404), (path, answer.text)
        return answer.get_json()["data"] if answer.status_code == 200 else None

    def methods(self) -> Iterator[tuple[str, dict[str, Estimates]]]:
        yield "a window for each shift", self._by_turn(self._windows())
        yield "differences of windows that grow by a shift", self._by_turn(self._differences())
        for bucket in ("15m", "hour"):
            yield f"series by {bucket}", self._by_turn(self._series(bucket))
            yield f"timeline by {bucket}", self._by_turn(self._timeline(bucket))
        yield "exact timeline", self._by_turn(self._exact())
        yield "intervals of stations", self._intervals()
        yield "the present, asked again and again", self._present()
        yield "the factory, shift by shift", self._factory_by_shift()
        yield "days of stations", self._days_of_stations("day")
        yield "weeks of stations", self._days_of_stations("week")
        yield "windows that grow by a day", self._growing_days()
        yield "what the others leave of the factory", self._remainders()

    def _by_turn(self, told: Mapping[tuple[str, Turn], float]) -> dict[str, Estimates]:
        """Give what is told of a place and a shift to whoever had it; several had it in equal parts."""
        heads: dict[tuple[str, int, int], int] = defaultdict(int)
        for turn in self.crew.turns:
            heads[turn.station, turn.day, turn.start_hour] += 1
        found: dict[str, Estimates] = {HOURS: defaultdict(float), UNITS: defaultdict(float)}
        for (measure, turn), value in told.items():
            found[measure][turn.person, turn.day] += value / heads[turn.station, turn.day, turn.start_hour]
        return found

    def _told_of(self, rows: Any) -> dict[tuple[str, str], float]:
        """Return the figures of a list of workstations that are told, by measure and station."""
        return {
            (measure, row["workstation_id"]): row[field]
            for row in rows or []
            for measure, field in STATION_FIELDS.items()
            if row[field] is not None
        }

    def _windows(self) -> dict[tuple[str, Turn], float]:
        found, asked = {}, {}
        for turn in self.crew.turns:
            start, end = bounds(turn)
            key = (start, end)
            if key not in asked:
                window = {"from": instant(start), "to": instant(end)}
                asked[key] = self._told_of(self.ask("/metrics/workstations", **window))
            for measure in MEASURES:
                if (measure, turn.station) in asked[key]:
                    found[measure, turn] = asked[key][measure, turn.station]
        return found

    def _cumulated(self, at: datetime) -> dict[tuple[str, str], float]:
        """Return what is told of the time from the first day to an instant."""
        window = {"from": instant(FIRST - timedelta(days=7)), "to": instant(at)}
        return self._told_of(self.ask("/metrics/workstations", **window))

    def _differences(self) -> dict[tuple[str, Turn], float]:
        edges = sorted({edge for turn in self.crew.turns for edge in bounds(turn)})
        told = {edge: self._cumulated(edge) for edge in edges}
        found = {}
        for turn in self.crew.turns:
            before, after = (told[edge] for edge in bounds(turn))
            for measure in MEASURES:
                key = (measure, turn.station)
                if key in before and key in after and after[key] != before[key]:
                    found[measure, turn] = after[key] - before[key]
        return found

    def _shares(self, values: list[tuple[datetime, str, str, float]]) -> dict[tuple[str, Turn], float]:
        """Add up values by instant, measure and station to the shifts in which they lie."""
        found: dict[tuple[str, Turn], float] = defaultdict(float)
        for at, measure, station, value in values:
            for turn in self.crew.turns:
                start, end = bounds(turn)
                if turn.station == station and start <= at < end:
                    found[measure, turn] += value
        return found

    def _series(self, bucket: str) -> dict[tuple[str, Turn], float]:
        values = []
        metric = ",".join(STATION_FIELDS.values())
        for station in self.crew.stations:
            asked = {"entity": "workstation", "id": station, "metric": metric, "bucket": bucket}
            rows = self.ask("/metrics/timeseries", **asked, **{"from": instant(FIRST), "to": instant(END)})
            for row in rows or []:
                for measure, field in STATION_FIELDS.items():
                    if row["values"][field]:
                        values.append(
                            (
                                datetime.fromisoformat(row["start"][:19] + "+00:00"),
                                measure,
                                station,
                                row["values"][field],
                            )
                        )
        return self._shares(values)

    def _timeline(self, bucket: str) -> dict[tuple[str, Turn], float]:
        values = []
        window = {"from": instant(FIRST), "to": instant(END)}
        answer = self.reader.get(
            "/metrics/timeline", query_string={"entity": "workstation", "bucket": bucket, **window}
        )
        body = answer.get_json()
        for row in body["data"]:
            if row.get("withheld"):
                continue
            for ms, productive, units in zip(body["columns"], row["productive"], row["units"], strict=True):
                at = datetime.fromtimestamp(ms / 1000, FIRST.tzinfo)
                values += [(at, HOURS, row["id"], (productive or 0) / 3600), (at, UNITS, row["id"], units or 0)]
        return self._shares([value for value in values if value[3]])

    def _exact(self) -> dict[tuple[str, Turn], float]:
        values = []
        for half in (0, 7):
            start = FIRST + timedelta(days=half)
            window = {"from": instant(start), "to": instant(start + timedelta(days=7))}
            answer = self.reader.get("/metrics/timeline", query_string={"entity": "workstation", **window})
            body = answer.get_json()
            for row in body["data"]:
                if row.get("withheld"):
                    continue
                ends = [*row["start"][1:], int((start + timedelta(days=7)).timestamp() * 1000)]
                for begin, end, state in zip(row["start"], ends, row["state"], strict=True):
                    if body["states"][state] == "productive":
                        at = datetime.fromtimestamp(begin / 1000, FIRST.tzinfo)
                        values.append((at, HOURS, row["id"], (end - begin) / 3_600_000))
                for ms, units in zip(row["units_at"], row["units"], strict=True):
                    values.append((datetime.fromtimestamp(ms / 1000, FIRST.tzinfo), UNITS, row["id"], units))
        return self._shares(values)

    def _intervals(self) -> dict[str, Estimates]:
        """Add up the stretches in which a pseudonym is alone at a station."""
        found: dict[str, Estimates] = {HOURS: defaultdict(float), UNITS: {}}
        for station in self.crew.stations:
            window = {"from": instant(FIRST), "to": instant(END)}
            for row in self.ask(f"/metrics/workstations/{station}/intervals", **window) or []:
                if row["state"] == "productive" and len(row["worker_ids"]) == 1:
                    day = (datetime.fromisoformat(row["start"][:19] + "+00:00") - FIRST).days
                    key = (self.pseudonyms[row["worker_ids"][0]], day)
                    found[HOURS][key] += row["duration_seconds"] / 3600
        return found

    def _present(self) -> dict[str, Estimates]:
        """Ask through a day, again and again, and take each state for all of the time between."""
        found: dict[str, Estimates] = {HOURS: defaultdict(float), UNITS: {}}
        was = self.clock.now
        day = 8
        for n in range(24 * 60 // STEP_MINUTES):
            at = FIRST + timedelta(days=day, minutes=STEP_MINUTES * n)
            self.clock.now = int(at.timestamp()) * 1_000_000
            now = self.ask("/metrics/now")
            for row in now["workers"]:
                if row["state"] == "working":
                    found[HOURS][self.pseudonyms[row["worker_id"]], day] += STEP_MINUTES / 60
            productive = {row["workstation_id"] for row in now["workstations"] if row["state"] == "productive"}
            for turn in self.crew.turns if not now["workers"] else ():
                start, end = bounds(turn)
                if turn.station in productive and start <= at < end:
                    found[HOURS][turn.person, day] += STEP_MINUTES / 60
        self.clock.now = was
        return found

    def _factory_by_shift(self) -> dict[str, Estimates]:
        found: dict[str, Estimates] = {HOURS: defaultdict(float), UNITS: defaultdict(float)}
        heads: dict[tuple[datetime, datetime], list[Turn]] = defaultdict(list)
        for turn in self.crew.turns:
            heads[bounds(turn)].append(turn)
        for (start, end), turns in heads.items():
            row = self.ask("/metrics/factory", **{"from": instant(start), "to": instant(end)})
            for measure, field in FACTORY_FIELDS.items():
                for turn in turns if row[field] is not None else []:
                    found[measure][turn.person, turn.day] += row[field] / len(turns)
        return found

    def _days_of_stations(self, bucket: str) -> dict[str, Estimates]:
        """Divide what is told of a station by the shifts that people had there."""
        found: dict[str, Estimates] = {HOURS: defaultdict(float), UNITS: defaultdict(float)}
        metric = ",".join(STATION_FIELDS.values())
        for station in self.crew.stations:
            asked = {"entity": "workstation", "id": station, "metric": metric, "bucket": bucket}
            for row in self.ask("/metrics/timeseries", **asked, **{"from": instant(FIRST), "to": instant(END)}) or []:
                start = datetime.fromisoformat(row["start"][:19] + "+00:00")
                end = datetime.fromisoformat(row["end"][:19] + "+00:00")
                turns = [turn for turn in self.crew.turns if turn.station == station and start <= bounds(turn)[0] < end]
                for measure, field in STATION_FIELDS.items():
                    for turn in turns if row["values"][field] else []:
                        found[measure][turn.person, turn.day] += row["values"][field] / len(turns)
        return found

    def _growing_days(self) -> dict[str, Estimates]:
        """Take the differences of windows that end a day later each."""
        found: dict[str, Estimates] = {HOURS: defaultdict(float), UNITS: defaultdict(float)}
        told = [self._cumulated(FIRST + timedelta(days=day)) for day in range(DAYS + 1)]
        for turn in self.crew.turns:
            for measure in MEASURES:
                key = (measure, turn.station)
                if key in told[turn.day] and key in told[turn.day + 1]:
                    heads = sum(one.day == turn.day and one.station == turn.station for one in self.crew.turns)
                    found[measure][turn.person, turn.day] += (told[turn.day + 1][key] - told[turn.day][key]) / heads
        return found

    def _remainders(self) -> dict[str, Estimates]:
        """Take the stations that are told from the factory's day: the rest is of who was anywhere else."""
        found: dict[str, Estimates] = {HOURS: {}, UNITS: {}}
        for day in range(DAYS):
            start = FIRST + timedelta(days=day)
            window = {"from": instant(start), "to": instant(start + timedelta(days=1))}
            row = self.ask("/metrics/factory", **window)
            told = self._told_of(self.ask("/metrics/workstations", **window))
            stations = {station for _, station in told}
            rest = [turn for turn in self.crew.turns if turn.day == day and turn.station not in stations]
            value = row[FACTORY_FIELDS[UNITS]]
            if value is not None and rest:
                left = value - sum(told[UNITS, station] for station in stations)
                found[UNITS].update({(turn.person, day): left / len(rest) for turn in rest})
        return found


Judge = Callable[[float, float], bool]


def is_near(estimate: float, true: float) -> bool:
    return abs(estimate - true) <= 0.1 * true


def is_exact(estimate: float, true: float) -> bool:
    return abs(estimate - true) < 0.0006


def share(estimates: Mapping[PersonDay, float], known: Mapping[PersonDay, float], judge: Judge) -> float:
    """Return the part of person-days, in percent, of which the estimate is good."""
    return 100 * sum(key in estimates and judge(estimates[key], value) for key, value in known.items()) / len(known)
