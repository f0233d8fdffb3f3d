"""JSON bodies to typed events: one, a list, or a line each (SPEC section 2).

The fast path decodes all events into structs and checks whole columns at once. Where that fails, the events are read
again one by one, field by field, to report precisely what is wrong; the second reading decides, so that the two cannot
disagree about validity.
"""

from __future__ import annotations

from math import nan
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from factory.adapters.events.event_faults import LONGEST_LABELS, MALFORMED, read_fields, refusal, require_utf8
from factory.adapters.events.json_text import first_lines, has_more_items, without_lone_surrogates
from factory.domain.errors import InvalidInput, TooLarge
from factory.domain.event import (
    EVENT_TYPES,
    MAX_COUNT,
    NO_CONFIDENCE,
    PRODUCT_COUNT,
    EventRules,
    EventType,
    Failure,
    ParsedEvents,
    are_labels,
    is_id,
)
from factory.domain.timestamp import parse_timestamps


class EventFields(msgspec.Struct, gc=False):
    """The fields of an event as they are sent. No JSON number is NaN, which stands for no confidence."""

    timestamp: str
    worker_id: str
    workstation_id: str
    event_type: EventType
    count: int | None = 1
    confidence: float | None = nan
    event_id: str | None = None
    source_id: str | None = None
    model_version: str | None = None


_one = msgspec.json.Decoder(EventFields)
_many = msgspec.json.Decoder(list[EventFields])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


def parse_event(body: bytes, rules: EventRules) -> ParsedEvents:
    """Return the event of a body that holds one; raises InvalidInput with an error per field."""
    try:
        require_utf8(body)
        parsed, valid = _columns([_one.decode(body)], rules)
        if valid:
            return parsed
    except MALFORMED:
        body = without_lone_surrogates(body)
    _require_json(body, "the body is not valid JSON")
    values, faults = read_fields(body, rules)
    if faults:
        raise refusal(faults)
    return _columns([EventFields(**values)], rules)[0]


def parse_array(body: bytes, rules: EventRules) -> ParsedEvents:
    """Return the events of a JSON list. Raises InvalidInput for another body, TooLarge for too many."""
    if has_more_items(body, rules.max_events):
        raise _too_many(rules)
    try:
        require_utf8(body)
        events = _limited(_many.decode(body), rules)
    except MALFORMED:
        body = without_lone_surrogates(body)
    else:
        return _all(events, rules)
    _require_json(body, "the body is not valid JSON")
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        raise InvalidInput("Expected a list of events", code="not_a_list")
    return _each(_limited(_raw_list.decode(body), rules), rules)


def parse_lines(body: bytes, rules: EventRules) -> ParsedEvents:
    """Return the events of an NDJSON body, one per non-empty line. Raises TooLarge for too many."""
    lines = _limited(first_lines(body, rules.max_events), rules)
    try:
        require_utf8(body)
        events = [_one.decode(line) for line in lines]
    except MALFORMED:
        return _each(list(map(without_lone_surrogates, lines)), rules)
    return _all(events, rules)


def _require_json(body: bytes, message: str) -> None:
    try:
        require_utf8(body)
        msgspec.json.decode(body, type=msgspec.Raw)
    except RecursionError:
        raise InvalidInput("the body is nested too deeply", code="invalid_json") from None
    except MALFORMED:
        raise InvalidInput(message, code="invalid_json") from None


def _limited(events: list[Any], rules: EventRules) -> list[Any]:
    if len(events) > rules.max_events:
        raise _too_many(rules)
    return events


def _too_many(rules: EventRules) -> TooLarge:
    return TooLarge(f"more than {rules.max_events} events in one request", code="too_many_events")


def _each(bodies: list[Any], rules: EventRules) -> ParsedEvents:
    """Read the events one by one, keeping the good and naming the faults of the others."""
    good: list[EventFields] = []
    index: list[int] = []
    failures: list[Failure] = []
    for i, body in enumerate(bodies):
        values, faults = read_fields(bytes(body), rules)
        if not faults:
            good.append(EventFields(**values))
            index.append(i)
        failures.extend(Failure(i, f["field"] or None, f["code"], f["message"]) for f in faults)
    parsed, _ = _columns(good, rules)
    parsed.total = len(bodies)
    parsed.index = np.array(index, dtype=np.int64)
    parsed.failures = failures
    return parsed


def _all(events: list[EventFields], rules: EventRules) -> ParsedEvents:
    parsed, valid = _columns(events, rules)
    return parsed if valid else _each([msgspec.json.encode(e) for e in events], rules)


def _columns(events: list[EventFields], rules: EventRules) -> tuple[ParsedEvents, bool]:
    """Structs as columns, and whether all the events are valid. Each distinct name is looked at once."""
    total = len(events)
    types = np.fromiter([EVENT_TYPES[e.event_type] for e in events], np.int64, total)
    count = _counts([e.count for e in events])
    confidence = _confidences([e.confidence for e in events])
    timestamp = parse_timestamps([e.timestamp for e in events])
    workers = [e.worker_id for e in events]
    stations = [e.workstation_id for e in events]
    labels = {
        "event_id": [e.event_id for e in events],
        "source_id": [e.source_id for e in events],
        "model_version": [e.model_version for e in events],
    }
    faulty = (count < 0) | (count > MAX_COUNT) | (confidence < 0) | (confidence > 1)
    faulty |= (timestamp < rules.min_timestamp_us) | (timestamp > rules.now + rules.max_clock_skew_us)
    valid = not faulty.any() and all(map(is_id, {*workers, *stations}))
    texts: dict[str, list[str]] = {}
    for name, given in labels.items():
        if given.count(None) == total:
            texts[name] = [""] * total
            continue
        texts[name] = [text or "" for text in given]
        valid = valid and are_labels({text for text in given if text is not None}, LONGEST_LABELS[name])
    parsed = ParsedEvents(
        total=total,
        index=np.arange(total),
        timestamp=timestamp,
        event_type=types,
        count=np.where(types == PRODUCT_COUNT, count, 0),
        confidence=np.where(np.isnan(confidence), NO_CONFIDENCE, confidence + 0.0),
        worker_id=workers,
        workstation_id=stations,
        failures=[],
        **texts,
    )
    return parsed, valid


def _counts(given: list[int | None]) -> npt.NDArray[np.int64]:
    """One for a missing count, as for one not sent; what cannot be valid is cut to what is not either."""
    try:
        return np.fromiter(given, np.int64, len(given))
    except (TypeError, OverflowError):
        return np.array([1 if n is None else max(-1, min(n, MAX_COUNT + 1)) for n in given], np.int64)


def _confidences(given: list[float | None]) -> npt.NDArray[np.float64]:
    """NaN for a missing confidence."""
    try:
        return np.fromiter(given, np.float64, len(given))
    except TypeError:
        return np.array([nan if number is None else number for number in given], np.float64)
