"""The rule for passwords. Length counts; a rule about kinds of characters would only make them alike."""

from __future__ import annotations

from factory.domain.errors import FieldError

MAX_LENGTH = 1000
"""More only costs time to hash."""

_COMMON = """
    password passw0rd password1 password12 password123 password1234 password12345 password123456 passwordpassword
    12345678 123456789 1234567890 12345678910 123456789012 1234567891011 123123123123 112233445566 012345678901
    qwertyuiop qwertyuiopas qwerty123456 qwerty1234567 qwertzuiopas 1q2w3e4r5t6y 1qaz2wsx3edc q1w2e3r4t5y6 asdfghjkl123
    abcdefghijkl abcd1234abcd abc123abc123 iloveyou1234 letmein12345 welcome12345 welcome123456 changeme1234
    changemechangeme admin1234567 administrator administrator1 superadmin123 trustno1trustno1 baseball1234 football1234
    passwort passwort1234 passwort12345 hallo1234567 correcthorsebatterystaple factoryfactory factory12345
"""


def fault_of_password(password: str, *, min_length: int, email: str, name: str) -> FieldError | None:
    """Why a password is not taken, or None; `email` and `name` are those of its user."""
    plain = password.casefold().strip()
    if len(password) < min_length or len(password) > MAX_LENGTH:
        return _fault("invalid_length", f"must have {min_length} to {MAX_LENGTH} characters")
    if plain in _COMMON.split() or len(set(plain)) < 4:
        return _fault("common_password", "is one of those that everybody tries first")
    if plain in {email.casefold(), email.casefold().partition("@")[0], name.casefold()}:
        return _fault("personal_password", "must not be the name or the e-mail address")
    return None


def _fault(code: str, message: str) -> FieldError:
    return {"field": "new_password", "code": code, "message": message}
