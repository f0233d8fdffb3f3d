"""The rule of K_MIN, against a naive reading of it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from factory.domain.withheld import Shares, of_nobody, shared, told

CELLS = 3
PERSON_IN_CELL = st.tuples(
    st.integers(0, CELLS - 1), st.booleans(), *([st.sampled_from((0, 0, 1, 9, 10, 11, 99, 100, 1000))] * 2)
)


def shares_of(rows: list[tuple[int, bool, int, int]]) -> Shares:
    cell, counts, *amounts = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    return Shares(
        np.array(cell, dtype=np.int64), np.array(counts, dtype=bool), [np.array(one, dtype=np.int64) for one in amounts]
    )


@given(st.lists(PERSON_IN_CELL, max_size=30), st.integers(2, 5))
def test_a_cell_is_told_if_enough_persons_share_each_amount(rows: list[tuple[int, bool, int, int]], k_min: int) -> None:
    by_cell = defaultdict(list)
    for cell, counts, *amounts in rows:
        by_cell[cell].append((counts, amounts))

    def is_shared(cell: int) -> bool:
        for n in range(2):
            most = max((amounts[n] for _, amounts in by_cell[cell]), default=0)
            hiding = [1 for counts, amounts in by_cell[cell] if counts and amounts[n] and 10 * amounts[n] >= most]
            if most and len(hiding) < k_min:
                return False
        return True

    def has_any(cell: int) -> bool:
        return any(sum(amounts) for _, amounts in by_cell[cell])

    shares = shares_of(rows)
    assert shared(shares, CELLS, k_min).tolist() == [is_shared(cell) for cell in range(CELLS)]
    assert told(shares, CELLS, k_min).tolist() == [is_shared(cell) and has_any(cell) for cell in range(CELLS)]


@given(st.lists(PERSON_IN_CELL, min_size=1, max_size=30), st.integers(2, 5))
def test_a_cell_that_is_told_has_no_amount_of_a_few(rows: list[tuple[int, bool, int, int]], k_min: int) -> None:
    shares = shares_of(rows)
    for cell in np.flatnonzero(told(shares, CELLS, k_min)).tolist():
        for amount in shares.amounts:
            of_cell = amount[shares.cell == cell]
            assert of_cell.sum() == 0 or (of_cell > 0).sum() >= k_min
            assert of_cell.max() <= 0.96 * of_cell.sum() or of_cell.sum() == 0


def test_the_time_in_which_anybody_is_there_is_not_that_of_one() -> None:
    """In the first place one opens and closes, in the second nobody does, in the third all five do."""
    cell = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    time = np.array([8, 5, 6, 5, 5, 8, 8, 8, 8, 8])

    assert of_nobody(cell, time, np.array([8, 8, 8]), 5).tolist() == [False, True, True]
    assert of_nobody(cell, time, np.array([8, 8, 8]), 6).tolist() == [False, True, False]
    assert of_nobody(cell, 0 * time, np.array([0, 0, 0]), 5).tolist() == [True, True, True]
