"""Exact totals as the numbers that are shown (SPEC section 4).

Times enter as whole microseconds and leave as hours rounded half-even to 4 decimals; rates and
percentages are computed from the exact values and rounded half-even to 2. An undefined ratio is None.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from factory.domain.timestamp import HOUR

Ints = npt.NDArray[np.int64]


def rounded(numerator: int, denominator: int, digits: int) -> float:
    """numerator / denominator rounded half-even to `digits` decimals, exactly."""
    scale: int = 10**digits
    quotient, rest = divmod(numerator * scale, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        quotient += 1
    return quotient / scale


def hours(us: int) -> float:
    """Microseconds as hours."""
    return rounded(us, HOUR, 4)


def percentage(part: int, whole: int) -> float | None:
    """part of whole in percent."""
    return rounded(100 * part, whole, 2) if whole else None


def per_hour(units: int, us: int) -> float | None:
    """Units by the hours that the microseconds are."""
    return rounded(units * HOUR, us, 2) if us else None


def mean_percentages(parts: Ints, wholes: Ints, bucket: Ints, buckets: int) -> list[float | None]:
    """Return the unweighted mean of part / whole in each bucket, over rows with a whole, in percent, exactly rounded.

    The rows are ordered by bucket. Floating point decides unless the mean is so near to a half that its
    error could matter.
    """
    defined = wholes > 0
    parts, wholes, bucket = parts[defined], wholes[defined], bucket[defined]
    means: list[float | None] = [None] * buckets
    first = np.searchsorted(bucket, np.arange(buckets + 1))
    filled = np.flatnonzero(first[1:] > first[:-1])
    if len(filled) == 0:
        return means
    sums = np.add.reduceat(parts / wholes, first[filled])
    for n, total in zip(filled.tolist(), sums.tolist(), strict=True):
        low, high = int(first[n]), int(first[n + 1])
        mean = total / (high - low) * 10_000
        if abs(mean % 1 - 0.5) > 1e-11 * (high - low + 100):
            means[n] = round(mean) / 100
            continue
        pairs = zip(parts[low:high].tolist(), wholes[low:high].tolist(), strict=True)
        exact = sum((Fraction(part, whole) for part, whole in pairs), Fraction()) / (high - low)
        means[n] = rounded(100 * exact.numerator, exact.denominator, 2)
    return means
