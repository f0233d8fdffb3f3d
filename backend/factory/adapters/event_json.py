"""JSON bodies to typed events: one, a list, or a line each (SPEC section 2).

The straight way decodes all events into structs and checks whole columns at once. Only events that
fail it are read again one by one, field by field, to say precisely what is wrong; that second reading
also decides, so that the two cannot disagree about what is valid.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from factory.adapters.json_text import first_lines, has_more_items, without_lone_surrogates
from factory.domain.errors import FieldError, InvalidInput, TooLarge
from factory.domain.event import (
    EVENT_TYPES,
    ID_RULE,
    MAX_COUNT,
    NO_CONFIDENCE,
    PRODUCT_COUNT,
    REQUIRED_FIELDS,
    EventRules,
    Failure,
    ParsedEvents,
    is_id,
    is_label,
)
from factory.domain.timestamp import format_timestamp, parse_timestamp, parse_timestamps


class EventFields(msgspec.Struct, gc=False):
    """The fields of an event as they are sent."""

    timestamp: str
    worker_id: str
    workstation_id: str
    event_type: str
    count: int | None = None
    confidence: float | None = None
    event_id: str | None = None
    source_id: str | None = None
    model_version: str | None = None


_FIELDS = EventFields.__struct_fields__
_RawFields = msgspec.defstruct("_RawFields", [(name, msgspec.Raw, msgspec.Raw()) for name in _FIELDS])
_one = msgspec.json.Decoder(EventFields)
_many = msgspec.json.Decoder(list[EventFields])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_fields = msgspec.json.Decoder(_RawFields)
_text = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)
_number = msgspec.json.Decoder(float)

_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LABELS = {"event_id": 128, "source_id": 64, "model_version": 64}


def parse_event(body: bytes, rules: EventRules) -> ParsedEvents:
    """The event of a body that holds one; raises InvalidInput with an error a field."""
    body = without_lone_surrogates(body)
    _require_json(body, "the body is not valid JSON")
    fields, faults = _read_one(body, rules)
    if fields is None:
        raise _refusal(faults)
    return _columns([fields], rules, 1)


def parse_array(body: bytes, rules: EventRules) -> ParsedEvents:
    """The events of a JSON list. Raises InvalidInput for another body, TooLarge for too many."""
    if has_more_items(body, rules.max_events):
        raise _too_many(rules)
    try:
        body.decode("utf-8")
        return _columns(_limited(_many.decode(body), rules), rules, None)
    except _MALFORMED:
        body = without_lone_surrogates(body)
    _require_json(body, "the body is not valid JSON")
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        raise InvalidInput("Expected a list of events", code="not_a_list")
    return _each(_limited(_raw_list.decode(body), rules), rules)


def parse_lines(body: bytes, rules: EventRules) -> ParsedEvents:
    """The events of an NDJSON body, a non-empty line each. Raises TooLarge for too many."""
    lines = _limited(first_lines(body, rules.max_events), rules)
    try:
        body.decode("utf-8")
        return _columns([_one.decode(line) for line in lines], rules, None)
    except _MALFORMED:
        return _each(list(map(without_lone_surrogates, lines)), rules)


def _require_json(body: bytes, message: str) -> None:
    try:
        body.decode("utf-8")
        msgspec.json.decode(body, type=msgspec.Raw)
    except RecursionError:
        raise InvalidInput("the body is nested too deeply", code="invalid_json") from None
    except _MALFORMED:
        raise InvalidInput(message, code="invalid_json") from None


def _limited(events: list[Any], rules: EventRules) -> list[Any]:
    if len(events) > rules.max_events:
        raise _too_many(rules)
    return events


def _too_many(rules: EventRules) -> TooLarge:
    return TooLarge(f"more than {rules.max_events} events in one request", code="too_many_events")


def _refusal(faults: list[FieldError]) -> InvalidInput:
    missing = [fault["field"] for fault in faults if fault["code"] == "missing_field"]
    if missing:
        return InvalidInput("Missing required fields: " + ", ".join(missing), code="missing_fields", errors=faults)
    if not faults[0]["field"]:
        return InvalidInput(faults[0]["message"], code=faults[0]["code"])
    if len(faults) == 1:
        return InvalidInput(f"{faults[0]['field']}: {faults[0]['message']}", code=faults[0]["code"], errors=faults)
    return InvalidInput("Invalid fields: " + ", ".join(f["field"] for f in faults), errors=faults)


def _each(bodies: list[Any], rules: EventRules) -> ParsedEvents:
    """Read the events one by one, keeping the good and naming the faults of the others."""
    good: list[EventFields] = []
    index: list[int] = []
    failures: list[Failure] = []
    for i, body in enumerate(bodies):
        fields, faults = _read_one(bytes(body), rules)
        if fields is not None:
            good.append(fields)
            index.append(i)
        failures.extend(Failure(i, f["field"] or None, f["code"], f["message"]) for f in faults)
    parsed = _columns(good, rules, len(bodies))
    parsed.index = np.array(index, dtype=np.int64)
    parsed.failures = failures
    return parsed


def _columns(events: list[EventFields], rules: EventRules, known_good: int | None) -> ParsedEvents:
    """Turn structs into checked columns; `known_good` is the total when they are checked already."""
    types = np.fromiter((EVENT_TYPES.get(e.event_type, 0) for e in events), np.int64, len(events))
    counts = [e.count for e in events]
    try:
        count = np.array([1 if c is None else c for c in counts], dtype=np.int64)
    except OverflowError:
        count = np.array([c if c is not None and 0 <= c <= MAX_COUNT else 1 if c is None else -1 for c in counts])
    confidence = np.array([NO_CONFIDENCE if e.confidence is None else e.confidence + 0.0 for e in events], np.float64)
    parsed = ParsedEvents(
        total=len(events) if known_good is None else known_good,
        index=np.arange(len(events)),
        timestamp=parse_timestamps([e.timestamp for e in events]),
        event_type=types,
        count=np.where(types == PRODUCT_COUNT, count, 0),
        confidence=confidence,
        worker_id=[e.worker_id for e in events],
        workstation_id=[e.workstation_id for e in events],
        source_id=[e.source_id or "" for e in events],
        model_version=[e.model_version or "" for e in events],
        event_id=[e.event_id or "" for e in events],
        failures=[],
    )
    if known_good is not None:
        return parsed
    given = np.array([e.confidence is not None for e in events], dtype=bool)
    valid = (types > 0) & (count >= 0) & (count <= MAX_COUNT)
    valid &= ~given | ((confidence >= 0) & (confidence <= 1))
    valid &= parsed.timestamp >= rules.min_timestamp_us
    valid &= parsed.timestamp <= rules.now + rules.max_clock_skew_us
    if valid.all() and _texts_are_valid(events, parsed):
        return parsed
    return _each([msgspec.json.encode(e) for e in events], rules)


def _texts_are_valid(events: list[EventFields], parsed: ParsedEvents) -> bool:
    """Check each distinct text once; a batch names few workers and stations."""
    if not all(map(is_id, {*parsed.worker_id, *parsed.workstation_id})):
        return False
    for name, longest in _LABELS.items():
        distinct = {getattr(e, name) for e in events} - {None}
        if not all(is_label(text, longest) for text in distinct):
            return False
    return True


def _read_one(body: bytes, rules: EventRules) -> tuple[EventFields | None, list[FieldError]]:
    """Read one event field by field: the event, or every fault it has."""
    try:
        body.decode("utf-8")
        raw = _raw_fields.decode(body)
    except msgspec.ValidationError:
        return None, [_fault("", "not_an_object", "Expected an event as a JSON object")]
    except _MALFORMED:
        return None, [_fault("", "invalid_json", "not valid JSON")]
    values: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name in _FIELDS:
        token = bytes(getattr(raw, name))
        if token in (b"", b"null"):
            if name in REQUIRED_FIELDS:
                faults.append(_fault(name, "missing_field", "is required"))
            continue
        try:
            values[name] = _READERS[name](token, name, rules)
        except _Fault as fault:
            faults.append(_fault(name, fault.code, fault.message))
        except _MALFORMED:
            faults.append(_fault(name, "wrong_type", f"must be {_EXPECTED[name]}"))
    return (None, faults) if faults else (EventFields(**values), [])


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
    if not is_label(text, _LABELS[name]):
        raise _Fault("invalid_text", f"must be 1 to {_LABELS[name]} characters without control characters")
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
_EXPECTED = dict.fromkeys(_FIELDS, "a string") | {"count": "an integer", "confidence": "a number"}
