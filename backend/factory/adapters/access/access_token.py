"""Access tokens: short-lived JSON Web Tokens (RFC 7519) that name a session, signed with HMAC-SHA256.

A token says who, not what is allowed: roles are looked up, so that a change counts at once.
"""

from __future__ import annotations

from typing import NamedTuple

import jwt
from jwt.types import Options

from factory.adapters.access.secret_text import derived_key
from factory.domain.errors import Unauthenticated

_ALGORITHM = "HS256"
_AUDIENCE = "factory-api"
_SECOND = 1_000_000
_CLAIMS = ["sub", "sid", "exp", "iat", "aud"]


class AccessToken(NamedTuple):
    """The content of a token: ids of a user and a session, and its end (microseconds since the epoch)."""

    user_id: str
    session_id: str
    expires_at: int


class AccessTokens:
    """Signs and reads tokens with a key of their own, derived from SECRET_KEY."""

    def __init__(self, secret_key: str) -> None:
        self._key = derived_key(secret_key, "access token")

    def sign(self, *, user_id: str, session_id: str, now: int, expires_at: int) -> str:
        """Return a token; instants in microseconds, kept as whole seconds."""
        claims = {
            "sub": user_id,
            "sid": session_id,
            "aud": _AUDIENCE,
            "iat": now // _SECOND,
            "exp": expires_at // _SECOND,
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, token: str, *, now: int) -> AccessToken:
        """Return the token's content; raises Unauthenticated for one that is expired, unsigned or not ours."""
        # The caller's clock decides what has expired, not the library's.
        unchecked: Options = {"verify_exp": False, "verify_iat": False, "require": _CLAIMS}
        try:
            claims = jwt.decode(token, self._key, [_ALGORITHM], options=unchecked, audience=_AUDIENCE)
            content = AccessToken(str(claims["sub"]), str(claims["sid"]), int(claims["exp"]) * _SECOND)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated("The access token is not valid", code="invalid_token") from None
        if content.expires_at <= now:
            raise Unauthenticated("The access token has expired", code="token_expired")
        return content
