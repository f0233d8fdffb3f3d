"""Record of data exports in the audit trail."""

from __future__ import annotations

from typing import Any

from factory.domain.access.permissions import Actor
from factory.domain.form import Form
from factory.operations.audit_trail import record
from factory.store import factories
from factory.store.engine.database import Store

FORMATS = ("csv", "xlsx", "ndjson")
MAX_VIEW = 64
MAX_ROWS = 2**31 - 1


def record_export(*, store: Store, factory_id: str, values: Any, by: Actor) -> dict[str, Any]:
    """Record that a file of a view is made: `view`, `format` and the number of `rows`.

    Return the recorded values. Raises InvalidInput, NotFound.
    """
    form = Form(values)
    form.require("view", "format", "rows")
    form.text("view", longest=MAX_VIEW)
    form.choice("format", FORMATS, code="invalid_format")
    form.integer("rows", 0, MAX_ROWS, kind="an integer")
    exported = form.done()
    record_file(store=store, factory_id=factory_id, by=by, **exported)
    return exported


def record_file(*, store: Store, factory_id: str, view: str, format: str, rows: int | None, by: Actor) -> None:
    """Record an export whose values are valid; `rows` is None before they are counted. Raises NotFound."""
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        detail = {"view": view, "format": format, "rows": rows}
        record(tx, by, "export.made", factory_key=factory.factory_key, detail=detail)
