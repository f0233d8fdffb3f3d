"""An export reads time in slices, and each event is in one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory.domain.timestamp import HOUR
from factory.operations.events.export_file import _EVENTS_A_SLICE, _slices


@given(st.dictionaries(st.integers(0, 50), st.integers(1, 3 * _EVENTS_A_SLICE)))
def test_slices_cover_every_hour_with_events_once_and_in_order(counts: dict[int, int]) -> None:
    hours = sorted(counts.items())
    slices = list(_slices(hours))
    assert all(start < end for start, end in slices)
    assert all(before[1] <= after[0] for before, after in zip(slices, slices[1:], strict=False))
    for hour, _ in hours:
        covered = sum(max(0, min(end, (hour + 1) * HOUR) - max(start, hour * HOUR)) for start, end in slices)
        assert covered == HOUR
    for start, end in slices:
        # Evenly spread events: no slice holds more than its share.
        held = sum(
            count * max(0, min(end, (hour + 1) * HOUR) - max(start, hour * HOUR)) / HOUR for hour, count in hours
        )
        assert held <= _EVENTS_A_SLICE + 1
