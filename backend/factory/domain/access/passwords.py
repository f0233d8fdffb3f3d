"""The rule for passwords: the guesses that zxcvbn expects somebody to need who knows the person and the product.

A rule about kinds of characters would only make passwords alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from factory.domain.errors import FieldError

MAX_LENGTH = 1000
"""More only costs time to hash."""

LEAST_SCORE = 3
"""zxcvbn's scale is 0 to 4; 3 is 10^8 guesses or more."""

_JUDGED = 72
"""The characters that are judged; the time grows with the square of them."""

_PRODUCT = """
    factory productivity factoryproductivity plant production workstation worker shift camera sensor machine manager
    fabrik werk produktion produktivität arbeitsplatz schicht schichtleiter meister kamera maschine monteur werkstatt
"""
_GERMAN = """
    passwort kennwort willkommen hallo geheim schatz frühling sommer herbst winter januar februar märz april mai juni
    juli august september oktober november dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
    deutschland österreich schweiz berlin hamburg münchen köln frankfurt stuttgart wien zürich fussball bayern
    qwertz qwertzuiop yxcvbnm changeme correcthorsebatterystaple
"""
_SPELLINGS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
# zxcvbn's own lists are of English words.
_WORDS = list(
    dict.fromkeys(form for word in (_PRODUCT + _GERMAN).split() for form in (word, word.translate(_SPELLINGS)))
)


def fault_of_password(
    password: str, *, min_length: int, email: str, name: str, organisation: Iterable[str] = ()
) -> FieldError | None:
    """Why a password is not taken, or None; `email` and `name` are its user's, `organisation` the names of theirs."""
    if len(password) < min_length or len(password) > MAX_LENGTH:
        return _fault("invalid_length", f"must have {min_length} to {MAX_LENGTH} characters")
    if _score(password, _WORDS) < LEAST_SCORE:
        return _fault("common_password", "is easy to guess; take several words that do not belong together")
    known = _words_of([email, name, *organisation])
    if _score(password, known + _WORDS) < LEAST_SCORE:
        return _fault("personal_password", "is easy to guess for who knows your name, address or organisation")
    return None


def _score(password: str, words: list[str]) -> int:
    """Return the lowest score of the password and of what it is without repeated characters, or without separators."""
    from zxcvbn import zxcvbn  # its word lists take longer to load than a command does

    judged = password.strip()[:_JUDGED]
    forms = {judged, re.sub(r"(.)\1+", r"\1", judged, flags=re.DOTALL)}
    joined = re.sub(r"[\W_]+", "", judged)
    if 4 * len(joined) >= 3 * len(judged):  # else it consists of such characters
        forms.add(joined)
    return min(int(zxcvbn(form, user_inputs=words)["score"]) if form else 0 for form in forms)


def _words_of(texts: Iterable[str]) -> list[str]:
    """Return each text whole, without its separators, and its words, with umlauts also in two letters."""
    found: dict[str, None] = {}
    for lower in [form for text in texts for form in (text.lower(), text.casefold())]:
        parts = re.split(r"[\W_]+", lower)
        for word in (lower, lower.partition("@")[0], "".join(parts), *parts):
            if len(word) > 2:
                found[word] = found[word.translate(_SPELLINGS)] = None
    return list(found)


def _fault(code: str, message: str) -> FieldError:
    return {"field": "new_password", "code": code, "message": message}
