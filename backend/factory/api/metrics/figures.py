"""The schemas of figures: the fields of each entity's metrics, and what marks them as withheld."""

from __future__ import annotations

from factory.api.http.schemas import COUNT, Schema, an_object, nullable
from factory.domain.metrics.window import WHOLE_DAYS

VALUE: Schema = {"type": ["number", "null"]}
HOURS: Schema = {"type": "number", "minimum": 0}
FIGURE_HOURS, FIGURE_COUNT = nullable(HOURS), nullable(COUNT)
WITHHELD: Schema = {"type": "boolean", "enum": [True], "description": "Not shown: it would tell of single persons."}
WITHHELD_HOURS: Schema = {
    **HOURS,
    "description": "So many hours of the window are withheld; the figures are those of the others.",
}
LEFT_OUT: dict[str, Schema] = {
    "left_out": {**COUNT, "description": "So many rows are left out: an answer has at most 2,000."}
}
CUT_TO: Schema = {
    "type": "string",
    "enum": [WHOLE_DAYS],
    "description": "From and to were cut to whole days of the factory's calendar, as for all who see no persons.",
}
RATE: Schema = {"type": ["number", "null"], "minimum": 0}
PERCENTAGE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 100}

METRIC_FIELDS: dict[str, dict[str, Schema]] = {
    "worker": {
        "total_active_time_hours": FIGURE_HOURS,
        "total_idle_time_hours": FIGURE_HOURS,
        "total_absent_time_hours": FIGURE_HOURS,
        "unknown_time_hours": FIGURE_HOURS,
        "utilization_percentage": PERCENTAGE,
        "utilization_lower_percentage": PERCENTAGE,
        "utilization_upper_percentage": PERCENTAGE,
        "coverage_percentage": PERCENTAGE,
        "total_units_produced": FIGURE_COUNT,
        "units_per_hour": RATE,
        "event_count": FIGURE_COUNT,
    },
    "workstation": {
        "occupancy_time_hours": FIGURE_HOURS,
        "productive_time_hours": FIGURE_HOURS,
        "utilization_percentage": PERCENTAGE,
        "productive_percentage": PERCENTAGE,
        "total_units_produced": FIGURE_COUNT,
        "throughput_rate": RATE,
        "event_count": FIGURE_COUNT,
    },
    "factory": {
        "total_productive_time_hours": FIGURE_HOURS,
        "total_idle_time_hours": FIGURE_HOURS,
        "total_absent_time_hours": FIGURE_HOURS,
        "unknown_time_hours": FIGURE_HOURS,
        "total_production_count": FIGURE_COUNT,
        "average_production_rate": RATE,
        "average_utilization_percentage": PERCENTAGE,
        "pooled_utilization_percentage": PERCENTAGE,
        "pooled_utilization_lower_percentage": PERCENTAGE,
        "pooled_utilization_upper_percentage": PERCENTAGE,
        "coverage_percentage": PERCENTAGE,
        "total_events": FIGURE_COUNT,
    },
}
"""The fields that a series can be asked for, by entity; null where they are withheld."""


def figures(properties: dict[str, Schema]) -> Schema:
    """Return a row of figures, which can be withheld."""
    return an_object(
        {**properties, "withheld": WITHHELD, "withheld_hours": WITHHELD_HOURS}, optional=("withheld", "withheld_hours")
    )
