"""One-time codes of an authenticator app (TOTP, RFC 6238): six digits, a new one every 30 seconds."""

from __future__ import annotations

import base64
import hmac
import re

import pyotp
from cryptography.fernet import Fernet, InvalidToken

from factory.adapters.access.secret_text import derived_key

_STEP = 30_000_000  # microseconds
_DRIFT = 1  # steps that a phone's clock may be off
_CODE = re.compile("[0-9]{6}")


class OneTimeCodes:
    """Makes secrets, as they are stored, and checks codes. The server has to know a secret: it is encrypted.

    A phone shows the codes of the real time, by which the clock that `now` is read from is `clock_ahead` microseconds.
    """

    def __init__(self, secret_key: str, *, issuer: str, clock_ahead: int = 0) -> None:
        self._cipher = Fernet(base64.urlsafe_b64encode(derived_key(secret_key, "one-time codes")))
        self._issuer = issuer
        self._clock_ahead = clock_ahead

    def new_secret(self) -> tuple[str, bytes]:
        """Return a secret in base32, and the same encrypted."""
        secret = pyotp.random_base32()
        return secret, self._cipher.encrypt(secret.encode())

    def uri(self, secret: str, *, account: str) -> str:
        """Return the address that an authenticator app reads from a picture."""
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=self._issuer)

    def step_of(self, encrypted: bytes, code: str, *, now: int) -> int | None:
        """Return the 30-second step of a code, counted from the epoch, one early or late allowed; None for no code.

        A secret that was encrypted with another SECRET_KEY has no codes.
        """
        if not _CODE.fullmatch(code):
            return None
        try:
            codes = pyotp.TOTP(self._cipher.decrypt(encrypted).decode())
        except InvalidToken:
            return None
        present = (now - self._clock_ahead) // _STEP
        steps = range(present - _DRIFT, present + _DRIFT + 1)
        return next((step for step in steps if hmac.compare_digest(codes.generate_otp(step), code)), None)
