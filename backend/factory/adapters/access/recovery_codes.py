"""Recovery codes: each serves once in the place of a one-time code. 50 bits, for people to write down."""

from __future__ import annotations

import hmac
import secrets

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is read as another
HOW_MANY = 10


def new_codes() -> list[str]:
    """Return ten codes such as `k3m9x-7bqpd`."""
    return ["-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(2)) for _ in range(HOW_MANY)]


def hash_of_code(key: bytes, code: str) -> bytes:
    """Return what a code is stored under: without the key its 50 bits cannot be tried out. Typed as people type."""
    plain = "".join(code.lower().replace("-", "").split())
    return hmac.digest(key, plain.encode(errors="surrogatepass"), "sha256")
