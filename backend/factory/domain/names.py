"""Names that people read: of workers, workstations, shifts, factories, organisations, users and keys.

Two names that look alike are alike: what cannot be seen, or turns the order of what is beside it, is refused (Unicode
Standard Annex 9, Technical Report 36), and the rest is stored in Normalization Form C.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

# Controls, soft hyphen, marks of direction, zero-width and other invisible characters, separators of lines, surrogates.
_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
)
NAME_PATTERN = rf"^[^{_UNSEEN}]*[^{_UNSEEN}\s\u200c\u200d\ufe0e\ufe0f][^{_UNSEEN}]*$"
"""As a JSON Schema has it."""

_NAME = re.compile(NAME_PATTERN)
# A joiner joins letters of scripts that write so, and parts of emoji, which a selector chooses; elsewhere both are only
# unseen.
_IDLE = re.compile(
    "(?<![\u0590-\U0010ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0590-\U0010ffff])|(?<![\u2000-\U0010ffff])[\ufe0e\ufe0f]"
)


def name_of(value: Any, longest: int) -> str:
    """Return a name as it is stored: in NFC, without blanks around it. Raises ValueError with the rule."""
    if not isinstance(value, str) or not _NAME.search(value):
        raise ValueError(rule(longest))
    name = unicodedata.normalize("NFC", _IDLE.sub("", value.strip()))
    if len(name) > longest:
        raise ValueError(rule(longest))
    return name


def rule(longest: int) -> str:
    return f"must be 1 to {longest} characters that can be seen, without control or invisible characters"
