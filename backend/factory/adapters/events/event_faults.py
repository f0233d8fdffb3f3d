"""Read one event field by field, to report every fault that it has (SPEC section 2)."""

from __future__ import annotations

from typing import Any

import msgspec

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import EVENT_TYPES, ID_RULE, MAX_COUNT, REQUIRED_FIELDS, EventRules, is_id, is_label
from factory.domain.timestamp import format_timestamp, parse_timestamp

LONGEST_LABELS = {"event_id": 128, "source_id": 64, "model_version": 64}
"""In characters."""
MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_text = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)
_number = msgspec.json.Decoder(float)


def require_utf8(body: bytes) -> None:
    """Raise UnicodeDecodeError; the decoder does not look at the texts that it skips."""
    if not body.isascii():
        body.decode("utf-8")


def refusal(faults: list[FieldError]) -> InvalidInput:
    """Return the error of an event with these faults."""
    missing = [fault["field"] for fault in faults if fault["code"] == "missing_field"]
    if missing:
        return InvalidInput("Missing required fields: " + ", ".join(missing), code="missing_fields", errors=faults)
    if not faults[0]["field"]:
        return InvalidInput(faults[0]["message"], code=faults[0]["code"])
    if len(faults) == 1:
        return InvalidInput(f"{faults[0]['field']}: {faults[0]['message']}", code=faults[0]["code"], errors=faults)
    return InvalidInput("Invalid fields: " + ", ".join(f["field"] for f in faults), errors=faults)


def read_fields(body: bytes, rules: EventRules) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the values of an event's fields that are given and valid, and every fault it has."""
    try:
        require_utf8(body)
        raw = _raw_fields.decode(body)
    except msgspec.ValidationError:
        return {}, [_fault("", "not_an_object", "Expected an event as a JSON object")]
    except MALFORMED:
        return {}, [_fault("", "invalid_json", "not valid JSON")]
    values: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name, read in _READERS.items():
        token = bytes(getattr(raw, name))
        if token in (b"", b"null"):
            if name in REQUIRED_FIELDS:
                faults.append(_fault(name, "missing_field", "is required"))
            continue
        try:
            values[name] = read(token, name, rules)
        except _Fault as fault:
            faults.append(_fault(name, fault.code, fault.message))
        except MALFORMED:
            faults.append(_fault(name, "wrong_type", f"must be {_EXPECTED[name]}"))
    return values, faults


def _fault(field: str, code: str, message: str) -> FieldError:
    return {"field": field, "code": code, "message": message}


class _Fault(Exception):
    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


def _read_timestamp(token: bytes, _name: str, rules: EventRules) -> str:
    text = _text.decode(token)
    try:
        us = parse_timestamp(text)
    except ValueError:
        raise _Fault("invalid_timestamp", "must be an RFC 3339 timestamp such as 2026-01-15T10:15:00Z") from None
    if us < rules.min_timestamp_us:
        raise _Fault("timestamp_too_old", f"must not be before {format_timestamp(rules.min_timestamp_us)}")
    if us > rules.now + rules.max_clock_skew_us:
        skew = rules.max_clock_skew_us // 1_000_000
        raise _Fault("timestamp_in_future", f"must not be more than {skew} seconds in the future")
    return text


def _read_id(token: bytes, _name: str, _rules: EventRules) -> str:
    text = _text.decode(token)
    if not is_id(text):
        raise _Fault("invalid_id", f"must be {ID_RULE}")
    return text


def _read_type(token: bytes, _name: str, _rules: EventRules) -> str:
    text = _text.decode(token)
    if text not in EVENT_TYPES:
        raise _Fault("invalid_event_type", "must be one of " + ", ".join(EVENT_TYPES))
    return text


def _read_count(token: bytes, _name: str, _rules: EventRules) -> int:
    if token.lstrip(b"-").isdigit() and not (len(token) <= 7 and 0 <= int(token) <= MAX_COUNT):
        raise _Fault("out_of_range", f"must be from 0 to {MAX_COUNT:,}")
    return _integer.decode(token)


def _read_confidence(token: bytes, _name: str, _rules: EventRules) -> float:
    try:
        number = _number.decode(token)
    except msgspec.ValidationError as error:
        if "out of range" in str(error):
            raise _Fault("out_of_range", "must be from 0 to 1") from None
        raise
    if not 0 <= number <= 1:
        raise _Fault("out_of_range", "must be from 0 to 1")
    return number


def _read_label(token: bytes, name: str, _rules: EventRules) -> str:
    text = _text.decode(token)
    if not is_label(text, LONGEST_LABELS[name]):
        raise _Fault("invalid_text", f"must be 1 to {LONGEST_LABELS[name]} characters without control characters")
    return text


_READERS: dict[str, Any] = {
    "timestamp": _read_timestamp,
    "worker_id": _read_id,
    "workstation_id": _read_id,
    "event_type": _read_type,
    "count": _read_count,
    "confidence": _read_confidence,
    "event_id": _read_label,
    "source_id": _read_label,
    "model_version": _read_label,
}
_EXPECTED = dict.fromkeys(_READERS, "a string") | {"count": "an integer", "confidence": "a number"}
_RawFields = msgspec.defstruct("_RawFields", [(name, msgspec.Raw, msgspec.Raw()) for name in _READERS])
_raw_fields = msgspec.json.Decoder(_RawFields)
