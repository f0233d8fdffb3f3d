"""The rules of time zones: one source for all that the product computes, and the name of their version.

The rules of a zone are its file of the IANA database (TZif, RFC 9636). They are found where `zoneinfo` finds them: in
the directories of `zoneinfo.TZPATH`, of which `factory/__init__.py` leaves none, then in the package tzdata. A test
that needs other rules puts its directory there with `zoneinfo.reset_tzpath`.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from hashlib import sha256
from importlib import metadata, resources
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from factory.domain.timestamp import EPOCH, to_us

_PACKAGE = "tzdata"
_STEP = timedelta(days=1)


@dataclass(frozen=True)
class ZoneRules:
    """The rules of one time zone.

    `name` is what derived rows are marked with: the zone, the version of the data (2026c) and a digest of the rules.
    """

    name: str
    data: bytes = field(compare=False, repr=False)
    tz: ZoneInfo = field(compare=False, repr=False)

    @staticmethod
    def of(name: str, data: bytes) -> ZoneRules:
        """Return the rules of a name and the content of their file."""
        return ZoneRules(name, data, ZoneInfo.from_file(BytesIO(data), key=name.split(" ")[0]))

    @property
    def zone(self) -> str:
        """The zone's name in the IANA database."""
        return self.name.split(" ")[0]

    @property
    def version(self) -> str:
        """The version of the data, such as 2026c."""
        return self.name.split(" ")[1]

    def replace(self, other: str | None) -> bool:
        """Whether rows made under the rules of another name, or nobody knows which, are to follow these.

        Of one zone the newer version counts, so that processes with different data do not undo each other's work.
        """
        if other is None:
            return True
        if other == self.name:
            return False
        zone, version, _ = other.split(" ")
        return zone != self.zone or version <= self.version


def rules_of(zone: str) -> ZoneRules:
    """Return this machine's rules of a zone; raises ZoneInfoNotFoundError."""
    return _rules_of(zone, zoneinfo.TZPATH)


@lru_cache(maxsize=1024)
def _rules_of(zone: str, directories: tuple[str, ...]) -> ZoneRules:
    for directory in directories:
        path = Path(directory) / zone
        if path.is_file():
            return _named(zone, _version_in(directory), path.read_bytes())
    try:
        data = resources.files(_PACKAGE).joinpath("zoneinfo", *zone.split("/")).read_bytes()
    except (OSError, ValueError):
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {zone}") from None
    return _named(zone, _version_of_package(), data)


def _named(zone: str, version: str, data: bytes) -> ZoneRules:
    return ZoneRules.of(f"{zone} {version} {sha256(data).hexdigest()[:16]}", data)


@lru_cache(maxsize=1)
def _version_of_package() -> str:
    """Return IANA's name of the package's version: 2026.3 is 2026c."""
    year, number = metadata.version(_PACKAGE).split(".")[:2]
    return f"{year}{chr(ord('a') + int(number) - 1)}"


def _version_in(directory: str) -> str:
    """Return the version that the first line of tzdata.zi names: `# version 2026c`."""
    try:
        with (Path(directory) / "tzdata.zi").open(encoding="ascii") as file:
            return file.readline().split()[-1]
    except (OSError, IndexError):
        return "unknown"


@dataclass(frozen=True)
class Offset:
    """The offset from UTC that a zone has from an instant on, and its abbreviation; both in microseconds."""

    start: int
    offset: int
    abbreviation: str


@lru_cache(maxsize=256)
def offsets_between(rules: ZoneRules, first_year: int, last_year: int) -> tuple[Offset, ...]:
    """Return the offsets of the years, each with the instant at which it begins.

    The first is the one at the beginning of the first year, in UTC.
    """
    at, end = datetime(first_year, 1, 1, tzinfo=timezone.utc), datetime(last_year + 1, 1, 1, tzinfo=timezone.utc)
    found = [_offset_at(at, rules.tz)]
    while at < end:
        following = min(at + _STEP, end)
        if not _alike(_offset_at(following, rules.tz), found[-1]):
            change = _first_other(at, following, rules.tz)
            if change < end:
                found.append(_offset_at(change, rules.tz))
            following = change
        at = following
    return tuple(found)


def _offset_at(at: datetime, tz: ZoneInfo) -> Offset:
    local = at.astimezone(tz)
    offset = local.utcoffset() or timedelta()
    return Offset(to_us(at), offset // timedelta(microseconds=1), local.tzname() or "")


def _alike(one: Offset, other: Offset) -> bool:
    return (one.offset, one.abbreviation) == (other.offset, other.abbreviation)


def _first_other(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    """Return the first second after `low`, until `high`, with another offset than `low` has."""
    before = _offset_at(low, tz)
    first, end = ((at - EPOCH) // timedelta(seconds=1) for at in (low, high))
    while end - first > 1:
        middle = (first + end) // 2
        if _alike(_offset_at(EPOCH + timedelta(seconds=middle), tz), before):
            first = middle
        else:
            end = middle
    return EPOCH + timedelta(seconds=end)
