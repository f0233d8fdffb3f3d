"""Numbers are rounded half-even from exact values, never from rounded ones."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.domain.derived import ints

from factory.domain.metrics.rounding import hours, mean_percentages, per_hour, percentage, rounded
from factory.domain.timestamp import HOUR

AMOUNTS = st.integers(0, 2**62) | st.integers(0, 400) | st.integers(0, 40).map(lambda n: n * HOUR // 400)


@given(AMOUNTS, AMOUNTS.filter(bool), st.sampled_from((2, 4)))
def test_a_ratio_is_rounded_half_even(numerator: int, denominator: int, digits: int) -> None:
    assert rounded(numerator, denominator, digits) == float(round(Fraction(numerator, denominator), digits))


@given(AMOUNTS, AMOUNTS)
def test_hours_percentages_and_rates_are_exact_before_they_are_rounded(part: int, whole: int) -> None:
    assert hours(part) == float(round(Fraction(part, HOUR), 4))
    assert percentage(part, whole) == (float(round(Fraction(100 * part, whole), 2)) if whole else None)
    assert per_hour(part, whole) == (float(round(Fraction(part * HOUR, whole), 2)) if whole else None)


def test_a_half_goes_to_the_even_neighbour() -> None:
    assert [rounded(n, 1000, 2) for n in (5, 15, 25, 35)] == [0.0, 0.02, 0.02, 0.04]


PAIRS = st.tuples(st.integers(0, 3), AMOUNTS, AMOUNTS).filter(lambda row: row[1] <= row[2])


@given(st.lists(PAIRS | st.tuples(st.integers(0, 3), st.integers(0, 8), st.just(8)), max_size=8))
def test_a_mean_of_percentages_is_that_of_the_defined_ones_exactly_rounded(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows)
    bucket, parts, wholes = ints(n for row in rows for n in row).reshape(-1, 3).T

    means = mean_percentages(parts, wholes, bucket, 4)

    for n in range(4):
        defined = [Fraction(100 * part, whole) for where, part, whole in rows if where == n and whole]
        assert means[n] == (float(round(sum(defined, Fraction()) / len(defined), 2)) if defined else None)
