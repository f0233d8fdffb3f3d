"""Known devices: a browser in which a user has signed in before keeps a mark of that, which holds no name.

Failed sign-ins from there are counted by themselves, so that nobody elsewhere can lock it out. A mark opens nothing.
"""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple

from factory.adapters.access.secret_text import random_id
from factory.operations.access.services import AuthServices

MOST_USERS = 8
"""Users who are remembered on one device; the one who has been away longest is forgotten."""

_TEXT = re.compile(rf"[a-z2-7]{{12}}(?:\.[0-9a-f]{{32}}){{0,{MOST_USERS}}}")


class Device(NamedTuple):
    """A browser: its random id, and a mark for each user who signed in there, the last one first."""

    device_id: str
    marks: tuple[str, ...]

    def text(self) -> str:
        """Return the text for the cookie."""
        return ".".join((self.device_id, *self.marks))

    def knows(self, services: AuthServices, user_id: str) -> bool:
        """Return whether the user has signed in here before."""
        return any(hmac.compare_digest(mark, _mark(services, self.device_id, user_id)) for mark in self.marks)

    def remembering(self, services: AuthServices, user_id: str) -> Device:
        """Return this device after a sign-in of the user."""
        mark = _mark(services, self.device_id, user_id)
        return Device(self.device_id, (mark, *(one for one in self.marks if one != mark))[:MOST_USERS])


def device_of(text: str | None) -> Device:
    """Return the device of a cookie; a new one where the cookie is missing or not ours."""
    if text is None or not _TEXT.fullmatch(text):
        return Device(random_id(), ())
    device_id, *marks = text.split(".")
    return Device(device_id, tuple(marks))


def _mark(services: AuthServices, device_id: str, user_id: str) -> str:
    return hmac.digest(services.device_key, f"{device_id}.{user_id}".encode(), "sha256").hex()[:32]
