"""Instants: RFC 3339 text to whole microseconds since the Unix epoch (UTC), and back.

`parse_timestamps` does for a column of texts at once what `parse_timestamp` does for one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt

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
    """The aware UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=us)


def format_timestamp(us: int) -> str:
    """RFC 3339 in UTC with `Z`; microseconds only where there are any."""
    return to_datetime(us).isoformat().replace("+00:00", "Z")


# Column form. Most senders write one of a few layouts of fixed width, so texts of one length are
# read as a matrix of digits; whatever does not fit the common layout goes through parse_timestamp.

_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_DAYS_BEFORE_MONTH = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int64)
_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def parse_timestamps(texts: list[str]) -> npt.NDArray[np.int64]:
    """The instants of many texts, INVALID where parse_timestamp would raise."""
    result = np.full(len(texts), INVALID, dtype=np.int64)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        chosen = [texts[i] for i in rows] if len(rows) != len(texts) else texts
        result[rows] = _parse_one_length(chosen, length)
    return result


def _parse_one_length(texts: list[str], length: int) -> npt.NDArray[np.int64]:
    joined = "".join(texts)
    if not 20 <= length <= 27 or length == 21 or not joined.isascii():
        return _parse_each(texts)
    cells = np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(len(texts), length)
    us, common = _read_common_layout(cells, length)
    if not common.all():
        odd = np.flatnonzero(~common)
        us[odd] = _parse_each([texts[i] for i in odd])
    return us


def _parse_each(texts: list[str]) -> npt.NDArray[np.int64]:
    def parse(text: str) -> int:
        try:
            return parse_timestamp(text)
        except ValueError:
            return int(INVALID)

    return np.fromiter(map(parse, texts), dtype=np.int64, count=len(texts))


def _read_common_layout(
    cells: npt.NDArray[np.uint8], length: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`; the second array says which rows have that layout."""
    fraction = list(range(20, length - 1))
    digits = cells[:, [*_DIGITS, *fraction]].astype(np.int64) - ord("0")
    common = ((digits >= 0) & (digits <= 9)).all(axis=1)
    for position, character in ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (length - 1, "Z")):
        common &= cells[:, position] == ord(character)
    if fraction:
        common &= cells[:, 19] == ord(".")
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month, day, hour, minute, second = (digits[:, i] * 10 + digits[:, i + 1] for i in (4, 6, 8, 10, 12))
    common &= (year >= 1) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    month = np.where(common, month, 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    common &= (day >= 1) & (day <= _DAYS_IN_MONTH[month] + (leap & (month == 2)))
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 - 719162
    days += _DAYS_BEFORE_MONTH[month] + (leap & (month > 2)) + day - 1
    micros: npt.NDArray[np.int64] = np.zeros(len(cells), dtype=np.int64)
    for column in range(14, 14 + len(fraction)):
        micros = micros * 10 + digits[:, column]
    micros *= 10 ** (6 - len(fraction))
    return days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + micros, common
