"""A request while its bytes arrive: whether all of it is there, and whether that is worth waiting for."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from factory.api.http.body import SMALL_BODY_BYTES

HEAD_BYTES = 64 * 1024
"""Longest head that is waited for."""

_LINE_BYTES = 8192
_END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(rb"[^ ]+ ([^ ]+) HTTP/\d\.\d")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_ASKS_FIRST = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class Arrival:
    """The bytes of one connection from the first byte of a request on."""

    def __init__(self, received: bytes = b"") -> None:
        self.received = bytearray()
        self.path = ""
        """The path of the request, when its head has arrived."""
        self.goes_on = False
        """Whether more of the body comes than is waited for."""
        self._target: bytes | None = None
        self._whole: int | None = None
        self.add(received)

    def add(self, received: bytes) -> None:
        unseen = max(len(self.received) - len(_END), 0)
        self.received += received
        if self._target is None:
            self._read_line()
        if self._target is not None and self._whole is None and (end := self.received.find(_END, unseen)) >= 0:
            self.path = _path_of(self._target)
            self._whole = end + len(_END) + self._body_to_wait_for(end)

    @property
    def has_head(self) -> bool:
        return self._whole is not None

    @property
    def is_too_long(self) -> bool:
        """Whether the head is longer than any that is read."""
        return self._whole is None and len(self.received) > HEAD_BYTES

    @property
    def is_ready(self) -> bool:
        """Whether a thread can take it on without waiting for the client, but for a body that goes on."""
        return self._whole is not None and len(self.received) >= self._whole

    @property
    def asks_first(self) -> bool:
        """Whether the client waits for `100 Continue`; told once."""
        if not self.has_head or self.is_ready:
            return False
        found = _ASKS_FIRST.search(self.received, 0, self._end_of_head())
        if found is None:
            return False
        # Our answer is enough: gunicorn would send another.
        del self.received[found.start() : found.end()]
        assert self._whole is not None
        self._whole -= found.end() - found.start()
        return True

    def _end_of_head(self) -> int:
        return self.received.find(_END) + 2

    def _read_line(self) -> None:
        if self.received.startswith(b"\r\n"):  # one empty line before a request is allowed
            del self.received[:2]
        end = self.received.find(b"\r\n")
        line = _REQUEST_LINE.fullmatch(self.received[:end]) if end >= 0 else None
        if line is not None:
            self._target = line[1]
        elif end >= 0 or len(self.received) > _LINE_BYTES:
            self._whole = 0  # gunicorn refuses it at once

    def _body_to_wait_for(self, end_of_head: int) -> int:
        length = _LENGTH.search(self.received, 0, end_of_head + 2)
        size = int(length[1]) if length else 0
        if size > SMALL_BODY_BYTES or b"\r\ntransfer-encoding:" in self.received[:end_of_head].lower():
            self.goes_on = True
            return 0
        return size


def _path_of(target: bytes) -> str:
    text = target.decode("latin-1")
    try:
        path = text.partition("?")[0] if text.startswith("/") else urlsplit(text).path
    except ValueError:
        return ""
    return unquote(path)
