"""Other time zone data for a test: a zone of its own choosing gets the rules of another."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

Use = Callable[[str, str, str], None]


@contextmanager
def other_data(directory: Path) -> Iterator[Use]:
    """Yield a function: (version, zone, the zone whose rules it has); afterwards the package's data count again."""
    numbers = count()

    def use(version: str, zone: str, rules_of: str) -> None:
        root = directory / f"{next(numbers)}"  # never one that was read before: its rules are cached
        path = root / zone
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((resources.files("tzdata") / "zoneinfo" / rules_of).read_bytes())
        (root / "tzdata.zi").write_text(f"# version {version}\n")
        zoneinfo.reset_tzpath((str(root),))
        ZoneInfo.clear_cache()

    try:
        yield use
    finally:
        zoneinfo.reset_tzpath(())
        ZoneInfo.clear_cache()
