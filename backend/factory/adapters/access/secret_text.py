"""Make and hash secrets as texts, and derive keys for single purposes from SECRET_KEY."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is read as another


def random_id() -> str:
    """Twelve letters and digits (60 bits), unlikely to be made twice; for ids, not for secrets."""
    return "".join(secrets.choice(_BASE32) for _ in range(12))


def random_secret() -> str:
    """Return a secret of 256 bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return the hash of a random secret, to be stored. With 256 bits in the secret a slow hash would add nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def same(one: bytes, other: bytes) -> bool:
    """Return whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)


def derived_key(secret_key: str, purpose: str) -> bytes:
    """Return a key of 32 bytes for one purpose, so that nothing signed for one is taken for another."""
    return hmac.digest(secret_key.encode(), purpose.encode(), "sha256")


def initial_password() -> str:
    """Return a password to be shown once and changed at the first sign-in: 100 bits, for people to type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
