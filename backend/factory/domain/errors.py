"""The refusals of the product, by reason; api/http/errors.py maps each to an HTTP status."""

from __future__ import annotations

from typing import TypedDict


class FieldError(TypedDict):
    """One fault of an input: the field it is in, a machine-readable code, a sentence."""

    field: str
    code: str
    message: str


class FactoryError(Exception):
    """A refusal with a code for machines and a message for people.

    `errors` names the faulty fields of an input; `retry_after` is in seconds.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.errors = errors or []
        self.retry_after = retry_after


class InvalidInput(FactoryError):
    """The request cannot be understood or breaks a rule."""

    code = "invalid_input"


class Unauthenticated(FactoryError):
    """There is no credential, or none that is valid."""

    code = "unauthenticated"


class TooMany(FactoryError):
    """More requests or attempts than are allowed; the same request may be sent again later."""

    code = "too_many_requests"


class NotAllowed(FactoryError):
    """The caller is known and may not do this, or it is switched off here."""

    code = "not_allowed"


class NotFound(FactoryError):
    """Nothing of the name in the request exists."""

    code = "not_found"


class Conflict(FactoryError):
    """A contradiction to stored data."""

    code = "conflict"


class TooLarge(FactoryError):
    """More bytes or more events than one request may carry."""

    code = "too_large"


class UnsupportedMediaType(FactoryError):
    """A content type or encoding that is not accepted."""

    code = "unsupported_media_type"


class Unavailable(FactoryError):
    """Overloaded, or the database does not answer; the same request may be sent again."""

    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, code=code, retry_after=retry_after)
