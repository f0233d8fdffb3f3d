"""Tables of columns: rows are chosen, joined and added up as plain Python would."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.derived import ints

from factory.domain.states.intervals import Changes
from factory.domain.states.lazy_table import Column
from factory.domain.states.ranges import expand_ranges, pack, run_starts, take, unpack
from factory.domain.states.totals import OccupancyRows, PresenceRows, sum_by_key

Row = tuple[int, int, int, int]
AMOUNTS = st.integers(0, 2**61)
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), AMOUNTS, AMOUNTS), max_size=8)
SMALL = st.lists(st.tuples(st.integers(-3, 6), st.integers(-3, 6)), max_size=6)


def table(rows: list[Row]) -> OccupancyRows:
    bucket, station, occupied, productive = ints(n for row in rows for n in row).reshape(-1, 4).T
    return OccupancyRows.of(bucket=bucket, station=station, occupied=occupied, productive=productive)


def rows_of(found: OccupancyRows) -> list[tuple[int, ...]]:
    columns = (found.bucket, found.station, found.occupied, found.productive)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(ROWS, ROWS)
def test_rows_are_joined_and_chosen_in_their_order(some: list[Row], others: list[Row]) -> None:
    both = OccupancyRows.concat([table(some), table(others)])

    assert rows_of(both) == some + others
    assert rows_of(both.where(both.station == 1)) == [row for row in some + others if row[1] == 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), *[st.integers(0, 2**58)] * 2), max_size=8))
def test_rows_of_one_key_add_up(rows: list[Row]) -> None:
    occupied, productive = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for bucket, station, *amounts in rows:
        occupied[bucket, station] += amounts[0]
        productive[bucket, station] += amounts[1]
    found = table(rows)

    added = [(*key, occupied[key], productive[key]) for key in sorted({row[:2] for row in rows})]
    assert rows_of(found.sum_by(found.bucket, found.station)) == added
    assert rows_of(found.sum_by(pack(found.bucket, found.station))) == added
    wanted = ints((3, 0, 7))
    sums = found.sums_for(wanted, found.station)
    expected = [sum(amount for (_, where), amount in occupied.items() if where == station) for station in (3, 0, 7)]
    assert sums.occupied.tolist() == expected


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3, *[st.integers(0, 2**58)] * 5), max_size=8))
def test_a_worker_at_two_stations_has_two_rows_of_a_bucket(rows: list[tuple[int, ...]]) -> None:
    names = ("bucket", "worker", "station", "active", "idle", "absent", "units", "events")
    columns = ints(n for row in rows for n in row).reshape(-1, 8).T
    amounts: dict[tuple[int, ...], list[int]] = {}
    for row in rows:
        held = amounts.setdefault(row[:3], [0] * 5)
        amounts[row[:3]] = [one + more for one, more in zip(held, row[3:], strict=True)]

    found = sum_by_key(PresenceRows.of(**dict(zip(names, columns, strict=True))))

    told = list(zip(*(getattr(found, name).tolist() for name in names), strict=True))
    assert told == [(*key, *amounts[key]) for key in sorted(amounts)]


def test_a_column_is_made_when_it_is_read_and_once() -> None:
    made = []

    def make(column: Column) -> np.ndarray:
        made.append(column.name)
        return ints((1, 2))

    found = OccupancyRows(make)
    assert made == []
    assert found.occupied.tolist() == found.occupied.tolist() == [1, 2]
    assert found.where(ints((1,))).productive.tolist() == [2]
    assert made == ["occupied", "productive"]


@given(SMALL)
def test_the_numbers_of_ranges_stand_one_behind_the_other(ranges: list[tuple[int, int]]) -> None:
    first, end = ints(n for row in ranges for n in row).reshape(-1, 2).T

    row, number = expand_ranges(first, end)

    numbers = list(zip(row.tolist(), number.tolist(), strict=True))
    assert numbers == [(at, n) for at, (low, high) in enumerate(ranges) for n in range(low, high)]


@given(SMALL)
def test_a_run_starts_where_a_row_differs_from_the_one_before(rows: list[tuple[int, int]]) -> None:
    columns = ints(n for row in rows for n in row).reshape(-1, 2).T

    assert run_starts(*columns).tolist() == [n == 0 or row != rows[n - 1] for n, row in enumerate(rows)]


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1)), max_size=6))
def test_packed_numbers_come_back_and_keep_their_order(pairs: list[tuple[int, int]]) -> None:
    high, low = ints(n for pair in pairs for n in pair).reshape(-1, 2).T
    code = pack(high, low)

    assert [column.tolist() for column in unpack(code)] == [high.tolist(), low.tolist()]
    assert [pairs[n] for n in np.argsort(code, kind="stable").tolist()] == sorted(pairs)


def test_rows_are_taken_by_place_or_by_mask() -> None:
    changes = Changes(*(ints((n, n + 10, n + 20)) for n in range(4)))

    assert [column.tolist() for column in take(changes, ints((2, 0)))] == [[n + 20, n] for n in range(4)]
    assert [c.tolist() for c in take(changes, np.array([False, True, False]))] == [[n + 10] for n in range(4)]
