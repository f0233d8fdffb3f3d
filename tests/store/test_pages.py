"""A page reads as it was written, whatever its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from factory.domain.states.totals import OCCUPANCY, PRESENCE
from factory.store.derived.rollups import OCCUPANCIES, PRESENCES, Pages, decode, encode

NUMBERS = st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(0, 2**33), st.integers(0, 2**62))
KEYS = st.integers(1, 2**31 - 1)


def pages_of(dtype: np.dtype[Any], keys: int) -> st.SearchStrategy[Any]:
    amounts = [NUMBERS] * (len(dtype.names or ()) - keys)
    rows = st.lists(st.tuples(*[KEYS] * keys, *amounts), min_size=1, max_size=20, unique_by=lambda row: row[:keys])
    return rows.map(lambda found: np.array(sorted(found), dtype))


@given(pages_of(PRESENCE, 2))
def test_a_page_of_workers_is_what_was_encoded(page: Any) -> None:
    assert decode(encode(page), PRESENCES).tolist() == page.tolist()


@given(pages_of(OCCUPANCY, 1))
def test_a_page_of_stations_is_what_was_encoded(page: Any) -> None:
    assert decode(encode(page), OCCUPANCIES).tolist() == page.tolist()


@given(st.lists(pages_of(PRESENCE, 2), max_size=5))
def test_columns_of_several_pages_stand_one_behind_the_other_in_the_order_of_their_starts(pages: list[Any]) -> None:
    stored = [(start, encode(page)) for start, page in enumerate(pages)]

    read = Pages(PRESENCES, reversed(stored))

    assert read.rows.tolist() == [len(page) for page in pages]
    for name in PRESENCE.names or ():
        assert read[name].tolist() == [value for page in pages for value in page[name].tolist()]


def test_dense_keys_and_equal_numbers_take_no_room_but_the_head() -> None:
    page = np.zeros(500, PRESENCE)
    page["worker"], page["absent"] = np.arange(1, 501), 3_600_000_000

    assert len(encode(page)) == len(encode(page[:1]))
