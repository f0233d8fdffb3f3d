"""Instants: RFC 3339 text to whole microseconds since the Unix epoch (UTC), and back.

`parse_timestamps` does for a column of texts at once what `parse_timestamp` does for one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt

MILLISECOND = 1000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
INVALID = np.iinfo(np.int64).min

_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?",
)


def parse_timestamp(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 timestamp; without an offset it is UTC.

    The separator may be `T`, `t` or a space; digits past the microsecond are truncated; second 60
    and hour 24 are invalid. Raises ValueError.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 timestamp")
    year, month, day, hour, minute, second, fraction, _, sign, off_hour, off_minute = match.groups()
    instant = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=timezone.utc)
    us = to_us(instant) + int((fraction or "0")[:6].ljust(6, "0"))
    if sign:
        hours, minutes = int(off_hour), int(off_minute)
        if hours > 23 or minutes > 59:
            raise ValueError("offset out of range")
        offset = hours * HOUR + minutes * MINUTE
        us += -offset if sign == "+" else offset
    if not _FIRST <= us <= _LAST:
        raise ValueError("outside the years 0001 to 9999 in UTC")
    return us


def to_us(instant: datetime) -> int:
    """Microseconds since the epoch of an aware datetime."""
    return (instant - EPOCH) // timedelta(microseconds=1)


_FIRST = to_us(datetime.min.replace(tzinfo=timezone.utc))
_LAST = to_us(datetime.max.replace(tzinfo=timezone.utc))


def to_datetime(us: int) -> datetime:
    """Return the aware UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=us)


def format_timestamp(us: int) -> str:
    """RFC 3339 in UTC with `Z`; microseconds only where there are any."""
    return to_datetime(us).isoformat().replace("+00:00", "Z")


# Column form. Most senders write one of a few layouts of fixed width, so texts of one length are
# read as a matrix of characters; whatever has not the common layout goes through parse_timestamp.

_FEW = 10
_LAYOUTS = {
    len(fraction) + 20: np.frombuffer(f"0000-00-00T00:00:00{fraction}Z\n".encode(), np.uint8)
    for fraction in ("", ".0", ".00", ".000", ".0000", ".00000", ".000000")
}
"""The common layout by its length, with 0 for each digit and the line break that is put behind it."""
_PAIRS = np.array([0, 2, 5, 8, 11, 14, 17, 20, 22, 24])
"""Where two digits stand: century, year of it, month, day, hour, minute, second, and three of the fraction."""
_DAYS_BEFORE_MONTH = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int64)
_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def parse_timestamps(texts: list[str]) -> npt.NDArray[np.int64]:
    """Return the instants of many texts, INVALID where parse_timestamp would raise."""
    if len(texts) < _FEW:
        return _parse_each(texts)
    result, common = _read_common_layout(texts, len(texts[0]))
    if common.all():
        return result
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        result[rows], common[rows] = _read_common_layout([texts[n] for n in rows.tolist()], length)
    odd = np.flatnonzero(~common)
    result[odd] = _parse_each([texts[n] for n in odd.tolist()])
    return result


def _parse_each(texts: list[str]) -> npt.NDArray[np.int64]:
    def parse(text: str) -> int:
        try:
            return parse_timestamp(text)
        except ValueError:
            return int(INVALID)

    return np.fromiter(map(parse, texts), dtype=np.int64, count=len(texts))


def _read_common_layout(texts: list[str], length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read texts of `length` characters; the second array says which have the layout `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`.

    It is true of all only where all have that length: the layout ends with the line break between two texts.
    """
    lines, layout = "\n".join([*texts, ""]), _LAYOUTS.get(length)
    if layout is None or len(lines) != len(texts) * len(layout) or not lines.isascii():
        return np.full(len(texts), INVALID), np.zeros(len(texts), dtype=bool)
    cells = np.frombuffer(lines.encode("ascii"), np.uint8).reshape(len(texts), len(layout))
    # A row a place in the text. Missing digits of the fraction are the zeros behind.
    digits = np.zeros((max(_LAYOUTS) + 1, len(texts)), np.uint8)
    np.subtract(cells.T, layout[:, None], out=digits[: len(layout)])
    common = (digits[: len(layout)] <= np.where(layout == ord("0"), np.uint8(9), np.uint8(0))[:, None]).all(axis=0)
    pairs = (digits[_PAIRS] * 10 + digits[_PAIRS + 1]).astype(np.int64)
    century, year, month, day, hour, minute, second, *fraction = pairs
    leap = np.where(year, year, century) % 4 == 0
    year += century * 100
    common &= (year >= 1) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    month[~common] = 1
    common &= (day >= 1) & (day <= _DAYS_IN_MONTH[month] + (leap & (month == 2)))
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 - 719162
    days += _DAYS_BEFORE_MONTH[month] + (leap & (month > 2)) + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return ((seconds * 100 + fraction[0]) * 100 + fraction[1]) * 100 + fraction[2], common
