"""Sample data that looks like a real factory: two weeks of what its cameras would have sent.

The content depends on the seed, the time zone and the calendar day of `until` alone; a later
`until` on the same day only adds events at the end. In the days before, one camera fails for
hours, one station jams for an hour, and one person goes home ill and stays away a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from factory.domain.sample.sample_roster import SATURDAY, SMALL, Person, Planned, Plant, Shift, Station
from factory.domain.timestamp import DAY, EPOCH, HOUR, MINUTE, format_timestamp, to_us

MILLISECOND = 1_000
_NEW_MODEL_DAYS = 6


class SampleEvent(NamedTuple):
    """Sorted as a tuple, so by time, then worker."""

    timestamp: int
    worker_id: str
    event_type: str
    workstation_id: str
    confidence: float
    units: int | None


class Stay(NamedTuple):
    """A stretch `[start, end)` of one person at one station, without a break."""

    start: int
    end: int
    station: Station


@dataclass(frozen=True)
class Trouble:
    """Something wrong at one station during `[start, end)`."""

    workstation_id: str
    start: int
    end: int

    def covers(self, workstation_id: str, at: int) -> bool:
        return workstation_id == self.workstation_id and self.start <= at < self.end


@dataclass(frozen=True)
class Incidents:
    outages: tuple[Trouble, ...]
    jams: tuple[Trouble, ...]
    falls_ill: tuple[str, date] | None


def _any_covers(troubles: tuple[Trouble, ...], workstation_id: str, at: int) -> bool:
    return any(trouble.covers(workstation_id, at) for trouble in troubles)


def sample_registry(plant: Plant = SMALL) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the workers (`worker_id`, `name`) and the workstations (`workstation_id`, `name`, `type`)."""
    workers = [{"worker_id": person.worker_id, "name": person.name} for person in plant.people]
    stations = [
        {"workstation_id": station.workstation_id, "name": station.name, "type": station.type}
        for station in plant.stations
    ]
    return workers, stations


def sample_events(
    *, seed: int, until_us: int, time_zone: str, days: int | None = None, plant: Plant = SMALL
) -> Iterator[dict[str, Any]]:
    """Events as a camera would post them, in order of time, of the `days` local days up to `until_us`.

    `timestamp` is RFC 3339 in UTC with milliseconds. The last day ends before `until_us`. Without `days` they are
    those of the plant.
    """
    days = plant.days if days is None else days
    zone = ZoneInfo(time_zone)
    today = (EPOCH + timedelta(microseconds=until_us)).astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    begins = to_us(datetime(first.year, first.month, first.day, tzinfo=zone))
    incidents = _incidents(plant, today, days, zone)
    model_change = to_us(datetime(today.year, today.month, today.day, tzinfo=zone)) - _NEW_MODEL_DAYS * 24 * HOUR

    events: list[SampleEvent] = []
    for offset in range(-1, days):  # the night before the first day reaches into it
        day = first + timedelta(days=offset)
        for person in plant.people:
            random = Random(f"{seed}/{day.isoformat()}/{person.worker_id}")
            events.extend(_day_of(plant, person, day, zone, incidents, random))
    events.sort(key=lambda event: event[:4])
    for event in events:
        if begins <= event.timestamp < until_us:
            yield _posted(event, "vision-4.2" if event.timestamp >= model_change else "vision-4.1")


def _posted(event: SampleEvent, model_version: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "timestamp": format_timestamp(event.timestamp),
        "worker_id": event.worker_id,
        "workstation_id": event.workstation_id,
        "event_type": event.event_type,
        "confidence": event.confidence,
        "source_id": f"cam-{event.workstation_id}",
        "model_version": model_version,
    }
    if event.units is not None:
        body["count"] = event.units
    return body


def _incidents(plant: Plant, today: date, days: int, zone: ZoneInfo) -> Incidents:
    """Choose the incidents: each on its own working day before today, as far as there are such days."""
    past = [today - timedelta(days=back) for back in range(1, days)]
    working_days = [day for day in past if day.weekday() < SATURDAY]
    person = {person.home: person for person in reversed(plant.people)}

    def troubles(planned: tuple[Planned, ...]) -> Iterator[Trouble]:
        for one in planned:
            if one.back >= len(working_days):
                continue
            shift = plant.shift_of(person[one.station], working_days[one.back], zone)
            if shift is not None:
                start = shift.start + one.after * MINUTE
                lasts = days * DAY if one.lasts is None else one.lasts * MINUTE
                yield Trouble(one.station, start, start + lasts)

    home, back = plant.falls_ill or ("", len(working_days))
    return Incidents(
        outages=tuple(troubles(plant.outages)),
        jams=tuple(troubles(plant.jams)),
        falls_ill=(person[home].worker_id, working_days[back]) if back < len(working_days) else None,
    )


def _day_of(
    plant: Plant, person: Person, day: date, zone: ZoneInfo, incidents: Incidents, random: Random
) -> Iterator[SampleEvent]:
    shift = plant.shift_of(person, day, zone)
    if shift is None:
        return
    leaves = shift.end + _minutes(random, -8, 4)
    if incidents.falls_ill is not None and incidents.falls_ill[0] == person.worker_id:
        if day == incidents.falls_ill[1]:
            leaves = shift.start + 140 * MINUTE
        elif day == incidents.falls_ill[1] + timedelta(days=1):
            return
    for stay in _stays(plant, person, shift, leaves, random):
        for event in _stay(plant, person, shift, stay, incidents.jams, random):
            if not _any_covers(incidents.outages, event.workstation_id, event.timestamp):
                yield event


def _stays(plant: Plant, person: Person, shift: Shift, leaves: int, random: Random) -> Iterator[Stay]:
    """Return the stretches between arrival, breaks, moves to the relief station, and leaving."""
    place = {station.workstation_id: station for station in plant.stations}
    station = place[person.home]
    at = shift.start + _minutes(random, -6, 4)
    relief = random.choice((None, None, 1, 2))  # after which break the person helps out elsewhere
    for number, (after, minutes) in enumerate(((120, 15), (245, 30), (375, 15))):
        pause = shift.start + after * MINUTE + _minutes(random, -6, 6)
        if pause + HOUR // 2 >= leaves:
            break
        yield Stay(at, pause, station)
        at = pause + minutes * MINUTE + _minutes(random, -2, 4)
        station = place[person.relief if relief == number else person.home]
    if at < leaves:
        yield Stay(at, leaves, station)


def _stay(
    plant: Plant, person: Person, shift: Shift, stay: Stay, jams: tuple[Trouble, ...], random: Random
) -> Iterator[SampleEvent]:
    """Sightings at the plant's intervals, in spells of work and of waiting; counts while working; then gone."""
    where = stay.station.workstation_id

    def seen(at: int, kind: str, low: float, high: float, units: int | None = None) -> SampleEvent:
        return SampleEvent(at, person.worker_id, kind, where, round(random.uniform(low, high), 2), units)

    at, works = stay.start, random.random() < 0.8
    while at < stay.end:
        slow = shift.slow_start and at < shift.start + 45 * MINUTE
        if works:
            spell = _minutes(random, 5, 12) if slow else _minutes(random, 12, 45)
        else:
            waiting = stay.station.waiting
            spell = _minutes(random, 3, 7) if slow else _minutes(random, waiting, 6 * waiting)
        ends = min(at + spell, stay.end)
        sighting = at
        while sighting < ends:
            jammed = _any_covers(jams, where, sighting)
            if works and not jammed:
                yield seen(sighting, "working", 0.86, 0.99)
            else:
                yield seen(sighting, "idle", 0.74, 0.95)
            sighting += _minutes(random, *plant.sightings)
        if works:
            pace = stay.station.units_per_hour * person.pace * (0.6 if slow else 1.0)
            cycle = HOUR / pace * stay.station.units_per_count / MINUTE
            made = at + _minutes(random, 0.3 * cycle, cycle)
            while made < ends:
                if not _any_covers(jams, where, made):
                    yield seen(made, "product_count", 0.9, 0.99, stay.station.units_per_count)
                made += _minutes(random, 0.7 * cycle, 1.3 * cycle)
        at, works = ends, not works
    if not plant.unseen or random.random() >= plant.unseen:
        yield seen(stay.end, "absent", 0.8, 0.97)


def _minutes(random: Random, low: float, high: float) -> int:
    """Return a random length of time between two numbers of minutes, in whole milliseconds."""
    return round(random.uniform(low, high) * MINUTE) // MILLISECOND * MILLISECOND
