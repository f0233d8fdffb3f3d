"""Factories and their settings."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import ID_RULE, is_id, is_label
from factory.domain.shifts import DEFAULT_SHIFTS, shifts_of
from factory.domain.states.calendar import is_time_zone
from factory.operations.audit_trail import record
from factory.operations.derive.generation import build_generation
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.factories import Factory

MAX_NAME = 200
MAX_STATE_TIMEOUT_SECONDS = 604_800
_DEFAULTS = {"time_zone": "UTC", "state_timeout_seconds": 3600, "shifts": json.dumps(DEFAULT_SHIFTS)}
_DERIVED_FROM = ("time_zone", "state_timeout_seconds")


def list_factories(*, store: Store) -> list[dict[str, Any]]:
    """List all factories by id."""
    with store.snapshot() as tx:
        return [_rendered(site) for site in factories.list_factories(tx)]


def get_factory(*, store: Store, factory: str) -> dict[str, Any]:
    """Return one factory; raises NotFound."""
    with store.snapshot() as tx:
        return _rendered(factories.find(tx, factory))


def create_factory(*, store: Store, values: Any, by: Actor) -> dict[str, Any]:
    """Add a factory with `factory_id` and, where the default does not fit, further settings.

    These are `name` (the id), `time_zone` (UTC), `state_timeout_seconds` (3600; 0 for no limit), `shifts` (three of
    eight hours) and `person_views` (null: the option PERSON_VIEWS). Raises InvalidInput, and Conflict if the id is
    taken.
    """
    settings = _checked(values, required=True)
    row = {"name": settings["factory_id"], **_DEFAULTS, **settings}
    with store.writing() as tx:
        factories.add(tx, row)
        site = factories.find(tx, row["factory_id"])
        record(tx, by, "factory.created", factory_key=site.factory_key, subject=site.factory_id, detail=_rendered(site))
        return _rendered(site)


def update_factory(*, store: Store, factory: str, values: Any, by: Actor) -> dict[str, Any]:
    """Change `name`, `time_zone`, `state_timeout_seconds`, `shifts` or `person_views`.

    Once it returns, every number follows the new settings; until then every number follows the old ones.
    Raises InvalidInput, NotFound, Unavailable while another change is under way.
    """
    settings = _checked(values, required=False)
    with store.snapshot() as tx:
        site = factories.find(tx, factory)
    if settings.pop("factory_id", factory) != factory:
        fault: FieldError = {"field": "factory_id", "code": "read_only", "message": "cannot be changed"}
        raise InvalidInput("factory_id: cannot be changed", code="read_only", errors=[fault])
    settings = {name: value for name, value in settings.items() if getattr(site, name) != value}

    def note(tx: Connection, before: Factory) -> None:
        was, is_now = _rendered(before), _rendered(before._replace(**settings))
        detail = {name: {"before": was[name], "after": is_now[name]} for name in settings}
        record(tx, by, "factory.changed", factory_key=site.factory_key, subject=factory, detail=detail)

    if any(name in settings for name in _DERIVED_FROM):
        build_generation(store=store, factory=factory, settings=settings, now=by.now, on_switch=note)
    elif settings:
        with store.writing() as tx:
            before = factories.find(tx, factory)
            factories.change(tx, site.factory_key, settings)
            note(tx, before)
    return get_factory(store=store, factory=factory)


def _rendered(site: Factory) -> dict[str, Any]:
    return {
        "factory_id": site.factory_id,
        "name": site.name,
        "time_zone": site.time_zone,
        "state_timeout_seconds": site.state_timeout_seconds,
        "shifts": json.loads(site.shifts),
        "person_views": site.person_views,
    }


def _checked(values: Any, *, required: bool) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise InvalidInput("Expected a JSON object", code="not_an_object")
    faults: list[FieldError] = []
    settings: dict[str, Any] = {}

    def check(field: str, code: str, message: str, valid: bool) -> None:
        if valid:
            settings[field] = values[field]
        else:
            faults.append({"field": field, "code": code, "message": message})

    given = {field: value for field, value in values.items() if value is not None}
    if "factory_id" in given:
        value = given["factory_id"]
        check("factory_id", "invalid_id", f"must be {ID_RULE}", isinstance(value, str) and is_id(value))
    elif required:
        raise InvalidInput(
            "Missing required fields: factory_id",
            code="missing_fields",
            errors=[{"field": "factory_id", "code": "missing_field", "message": "is required"}],
        )
    if "name" in given:
        message = f"must be 1 to {MAX_NAME} characters without control characters"
        check("name", "invalid_text", message, isinstance(given["name"], str) and is_label(given["name"], MAX_NAME))
    if "time_zone" in given:
        value = given["time_zone"]
        message = "must be an IANA time zone such as Europe/Berlin"
        check("time_zone", "invalid_time_zone", message, isinstance(value, str) and is_time_zone(value))
    if "state_timeout_seconds" in given:
        value = given["state_timeout_seconds"]
        message = f"must be an integer from 0 to {MAX_STATE_TIMEOUT_SECONDS}"
        valid = type(value) is int and 0 <= value <= MAX_STATE_TIMEOUT_SECONDS
        check("state_timeout_seconds", "out_of_range", message, valid)
    if "person_views" in values:  # null is a value here: the option PERSON_VIEWS
        value = values["person_views"]
        check("person_views", "invalid_boolean", "must be true, false or null", value is None or type(value) is bool)
    if "shifts" in given:
        try:
            settings["shifts"] = json.dumps(shifts_of(given["shifts"]))
        except ValueError as error:
            faults.append({"field": "shifts", "code": "invalid_shifts", "message": str(error)})
    if faults:
        raise InvalidInput(
            "; ".join(f"{f['field']}: {f['message']}" for f in faults), code=faults[0]["code"], errors=faults
        )
    return settings
