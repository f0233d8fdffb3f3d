"""The reference's last step: exact values to what an answer shows (section 4 of the specification)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tests.reference_states import HOUR, Event, rfc3339


def ratio(numerator: Fraction | int, denominator: Fraction | int) -> Fraction | None:
    return None if denominator == 0 else Fraction(numerator) / Fraction(denominator)


def percent(numerator: Fraction | int, denominator: Fraction | int) -> Fraction | None:
    return ratio(100 * Fraction(numerator), denominator)


def hours(us: int) -> Fraction:
    return Fraction(us, HOUR)


def rendered(name: str, value: Any) -> Any:
    """Hours with 4 decimals, rates and percentages with 2, half-even (as Fraction rounds); the rest as it is."""
    if isinstance(value, Fraction):
        return float(round(value, 4 if name.endswith("_hours") else 2))
    return value


def render(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rendered(name, value) for name, value in values.items()}


WORKER_METRICS = (
    "total_active_time_hours", "total_idle_time_hours", "total_absent_time_hours", "unknown_time_hours",
    "utilization_percentage", "utilization_lower_percentage", "utilization_upper_percentage",
    "coverage_percentage", "total_units_produced", "units_per_hour", "event_count",
)  # fmt: skip
WORKSTATION_METRICS = (
    "occupancy_time_hours", "productive_time_hours", "utilization_percentage", "productive_percentage",
    "total_units_produced", "throughput_rate", "event_count",
)  # fmt: skip
FACTORY_METRICS = (
    "total_productive_time_hours", "total_idle_time_hours", "total_absent_time_hours", "unknown_time_hours",
    "total_production_count", "average_production_rate", "average_utilization_percentage",
    "pooled_utilization_percentage", "pooled_utilization_lower_percentage", "pooled_utilization_upper_percentage",
    "coverage_percentage", "total_events",
)  # fmt: skip
METRICS = {"factory": FACTORY_METRICS, "worker": WORKER_METRICS, "workstation": WORKSTATION_METRICS}
BUCKETS = ("15m", "hour", "day", "week", "month")


UNKNOWN_TYPE = ""
"""The type of a workstation that was registered on sight."""


def shown(event: Event | None) -> dict[str, Any] | None:
    """Return the event of an interval, as much of it as the sender said."""
    if event is None:
        return None
    return {
        "timestamp": rfc3339(event.timestamp),
        "worker_id": event.worker_id,
        "workstation_id": event.workstation_id,
        "event_type": event.event_type,
        "confidence": event.confidence,
        "event_id": event.event_id,
        "source_id": event.source_id,
        "model_version": event.model_version,
    }
