"""Services for authentication: keys that are derived from SECRET_KEY, hashes, tokens, codes, and durations."""

from __future__ import annotations

from dataclasses import dataclass

from factory.adapters.access.access_token import AccessTokens
from factory.adapters.access.one_time_codes import OneTimeCodes
from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.access.secret_text import derived_key
from factory.domain.timestamp import DAY, MINUTE


@dataclass(frozen=True)
class AuthServices:
    """One object per process, safe to share between threads. Durations are in microseconds."""

    passwords: PasswordHashes
    tokens: AccessTokens
    codes: OneTimeCodes
    failures_key: bytes
    refresh_key: bytes
    csrf_key: bytes
    device_key: bytes
    recovery_key: bytes
    token_lasts: int
    session_lasts: int
    session_ends: int
    password_min_length: int


def auth_services(
    *,
    secret_key: str,
    access_token_minutes: int,
    session_days: int,
    session_max_days: int,
    password_min_length: int,
    issuer: str,
    clock_ahead: int,
    passwords: PasswordHashes,
) -> AuthServices:
    """Make the services from settings; `issuer` is the name of the product in an authenticator app."""
    return AuthServices(
        passwords=passwords,
        tokens=AccessTokens(secret_key),
        codes=OneTimeCodes(secret_key, issuer=issuer, clock_ahead=clock_ahead),
        failures_key=derived_key(secret_key, "sign-in failures"),
        refresh_key=derived_key(secret_key, "refresh tokens"),
        csrf_key=derived_key(secret_key, "forged requests"),
        device_key=derived_key(secret_key, "known devices"),
        recovery_key=derived_key(secret_key, "recovery codes"),
        token_lasts=access_token_minutes * MINUTE,
        session_lasts=session_days * DAY,
        session_ends=session_max_days * DAY,
        password_min_length=password_min_length,
    )
