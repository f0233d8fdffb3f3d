"""Passwords as they are stored: argon2id (RFC 9106), which costs a guesser memory as well as time."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from factory.adapters.access.secret_text import random_secret

_AT_ONCE = 4


class PasswordHashes:
    """Make and check hashes; safe to share between threads.

    Each takes 64 MiB while it is computed: a few at a time, so that many sign-ins at once wait rather than fill the
    memory. The parameters are those of RFC 9106 for little memory unless given.
    """

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        """Return the text to store for a password; it holds the parameters and the salt."""
        with self._turns:
            return self._hasher.hash(_normal(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether the password is right; without a stored hash it is wrong, and takes as long."""
        with self._turns:
            if self._nobodys is None:
                self._nobodys = self._hasher.hash(random_secret())
            try:
                return self._hasher.verify(stored or self._nobodys, _normal(password)) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)


def _normal(password: str) -> str:
    # One keyboard composes an umlaut, another sends it in one piece.
    return unicodedata.normalize("NFC", password)
