"""JSON bodies looked at as bytes, before anything is decoded."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SIGN = re.compile(rb'\\.|["\[\]{},]', re.DOTALL)
_COMMAS_OF_ONE = 64
"""An event with more commas is unusual; a body of such is looked at more closely."""


def without_lone_surrogates(body: bytes) -> bytes:
    r"""Return the body with `\u0000` in place of each escaped half of a surrogate pair.

    The grammar of JSON allows such a half, no decoder here takes it, and no field of ours takes NUL: so
    one bad text is a fault of its event, not of the whole body.
    """
    if rb"\ud" not in body and rb"\uD" not in body:
        return body
    return _ESCAPE.sub(lambda match: rb"\u0000" if match[1] else match[0], body)


def has_more_items(body: bytes, most: int) -> bool:
    """Return whether a JSON list has more than `most` items. Reads no further than needed, and keeps nothing.

    16 MiB of `0,0,0` would be 600 MiB as a list. Below `most` times 64 commas the list is small enough
    to be made and counted, and the answer is no.
    """
    if np.count_nonzero(np.frombuffer(body, np.uint8) == ord(",")) < most * _COMMAS_OF_ONE:
        return False
    depth = commas = 0
    in_text = False
    for match in _SIGN.finditer(body):
        sign = match[0]
        if sign == b'"':
            in_text = not in_text
        elif in_text or len(sign) == 2:
            continue
        elif sign == b",":
            commas += depth == 1
            if commas >= most:
                return True
        else:
            depth += 1 if sign in b"[{" else -1
    return False


def first_lines(body: bytes, most: int) -> list[bytes]:
    """Return the non-empty lines, but no more than one beyond `most`."""
    lines: list[bytes] = []
    for line in BytesIO(body):
        if line.strip(b" \t\r\n"):
            lines.append(line)
            if len(lines) > most:
                break
    return lines
