"""Record of data exports in the audit trail."""

from __future__ import annotations

from typing import Any

from factory.domain.access.permissions import Actor
from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import is_label
from factory.operations.audit_trail import record
from factory.store import factories
from factory.store.engine.database import Store

FORMATS = ("csv", "xlsx", "ndjson")
MAX_VIEW = 64
MAX_ROWS = 2**31 - 1


def record_export(*, store: Store, factory: str, values: Any, by: Actor) -> dict[str, Any]:
    """Record that a file of a view is made: `view`, `format` and the number of `rows`.

    Return the recorded values. Raises InvalidInput, NotFound.
    """
    made = _checked(values)
    record_file(store=store, factory=factory, by=by, **made)
    return made


def record_file(*, store: Store, factory: str, view: str, format: str, rows: int | None, by: Actor) -> None:
    """Record an export whose values are valid; `rows` is None before they are counted. Raises NotFound."""
    with store.writing() as tx:
        site = factories.find(tx, factory)
        detail = {"view": view, "format": format, "rows": rows}
        record(tx, by, "export.made", factory_key=site.factory_key, detail=detail)


def _checked(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise InvalidInput("Expected a JSON object", code="not_an_object")
    view, form, rows = values.get("view"), values.get("format"), values.get("rows")
    missing = [name for name in ("view", "format", "rows") if values.get(name) is None]
    if missing:
        absent: list[FieldError] = [{"field": n, "code": "missing_field", "message": "is required"} for n in missing]
        raise InvalidInput("Missing required fields: " + ", ".join(missing), code="missing_fields", errors=absent)
    faults: list[FieldError] = []
    if not (isinstance(view, str) and is_label(view, MAX_VIEW)):
        message = f"must be 1 to {MAX_VIEW} characters without control characters"
        faults.append({"field": "view", "code": "invalid_text", "message": message})
    if form not in FORMATS:
        faults.append({"field": "format", "code": "invalid_format", "message": "must be one of " + ", ".join(FORMATS)})
    if not (type(rows) is int and 0 <= rows <= MAX_ROWS):
        faults.append({"field": "rows", "code": "out_of_range", "message": f"must be an integer from 0 to {MAX_ROWS}"})
    if faults:
        message = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
        raise InvalidInput(message, code=faults[0]["code"], errors=faults)
    return {"view": view, "format": form, "rows": rows}
