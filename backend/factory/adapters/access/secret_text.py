"""Secrets as texts: made, hashed, and keys for single purposes derived from SECRET_KEY."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def random_id() -> str:
    """Twelve letters and digits that nobody guesses twice (60 bits); for ids, not for secrets."""
    return "".join(secrets.choice(_BASE32) for _ in range(12))


def random_secret() -> str:
    """A secret of 256 bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored of a random secret. It has 256 bits already, so that a slow hash would add nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def same(one: bytes, other: bytes) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def derived_key(secret_key: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, so that nothing signed for one is taken for another."""
    return hmac.digest(secret_key.encode(), purpose.encode(), "sha256")
