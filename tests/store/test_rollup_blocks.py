"""A roll-up block reads as it was written, whatever its numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from factory.domain.states.totals import PresenceRows
from factory.store.derived.rollups import OCCUPANCIES, PRESENCES, RollupBlocks, decode_block, encode_block

Rows = list[tuple[int, ...]]
NUMBERS = st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(0, 2**33), st.integers(0, 2**62))
KEYS = st.integers(1, 2**31 - 1)


def rows_of(keys: int, amounts: int) -> st.SearchStrategy[Rows]:
    row = st.tuples(*[KEYS] * keys, *[NUMBERS] * amounts)
    return st.lists(row, min_size=1, max_size=20, unique_by=lambda found: found[:keys]).map(sorted)


def encoded(rows: Rows) -> bytes:
    columns: list[npt.NDArray[np.int64]] = list(np.array(rows, dtype=np.int64).T)
    return encode_block(columns)


@given(rows_of(2, 5))
def test_a_block_of_workers_is_what_was_encoded(rows: Rows) -> None:
    assert decode_block(encoded(rows), PRESENCES) == rows


@given(rows_of(1, 2))
def test_a_block_of_stations_is_what_was_encoded(rows: Rows) -> None:
    assert decode_block(encoded(rows), OCCUPANCIES) == rows


@given(st.lists(rows_of(2, 5), max_size=5))
def test_columns_of_several_blocks_stand_one_behind_the_other_in_the_order_of_their_starts(blocks: list[Rows]) -> None:
    stored = [(start, encoded(rows)) for start, rows in enumerate(blocks)]

    read = RollupBlocks(PRESENCES, reversed(stored))

    assert read.rows.tolist() == [len(rows) for rows in blocks]
    table = read.table(PresenceRows)
    found = zip(*(column.of(table).tolist() for column in PresenceRows.columns()), strict=True)
    assert list(found) == [(start, *row) for start, rows in enumerate(blocks) for row in rows]


def test_dense_keys_and_equal_numbers_take_no_room_but_the_head() -> None:
    columns = [np.zeros(500, dtype=np.int64) for _ in range(7)]
    columns[0], columns[4] = np.arange(1, 501), np.full(500, 3_600_000_000)

    assert len(encode_block(columns)) == len(encode_block([column[:1] for column in columns]))
