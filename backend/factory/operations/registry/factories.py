"""Factories and their settings."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.form import Form, invalid_field
from factory.domain.shifts import DEFAULT_SHIFTS, shifts_of
from factory.domain.states.calendar import is_time_zone
from factory.domain.states.zone_rules import ZoneRules, offsets_between
from factory.domain.timestamp import SECOND, format_timestamp, to_datetime
from factory.operations.audit_trail import record
from factory.operations.derive.generation import build_generation
from factory.operations.derive.zone_rules import rules_in_use
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
        return [_rendered(factory) for factory in factories.list_factories(tx)]


def get_factory(*, store: Store, factory_id: str) -> dict[str, Any]:
    """Return one factory; raises NotFound."""
    with store.snapshot() as tx:
        return _rendered(factories.find(tx, factory_id))


def get_time_zone(*, store: Store, factory_id: str, now: int) -> dict[str, Any]:
    """Return the rules of a factory's time zone: its offsets in seconds from 1970 to ten years after `now`.

    Each holds until the next one begins. Raises NotFound.
    """
    with store.snapshot() as tx:
        rules = rules_in_use(tx, factories.find(tx, factory_id))
    return zone_answer(rules, to_datetime(now).year + 10)


def zone_answer(rules: ZoneRules, last_year: int) -> dict[str, Any]:
    """Return the rules of a zone from 1970 through the last year, as the route answers them."""
    return {
        "time_zone": rules.zone,
        "version": rules.version,
        "offsets": [
            {
                "from": format_timestamp(one.start),
                "offset_seconds": one.offset // SECOND,
                "abbreviation": one.abbreviation,
            }
            for one in offsets_between(rules, 1970, last_year)
        ],
    }


def create_factory(*, store: Store, values: Any, by: Actor) -> dict[str, Any]:
    """Add a factory with `factory_id` and, where the default does not fit, further settings.

    These are `name` (the id), `time_zone` (UTC), `state_timeout_seconds` (3600; 0 for no limit), `shifts` (three of
    eight hours), `person_views` (null: the option PERSON_VIEWS) and `live_states` (false). Raises InvalidInput, and
    Conflict if the id is taken.
    """
    settings = _checked(values, required=True)
    row = {"name": settings["factory_id"], **_DEFAULTS, **settings}
    with store.writing() as tx:
        factories.add(tx, row)
        factory = factories.find(tx, row["factory_id"])
        record(
            tx,
            by,
            "factory.created",
            factory_key=factory.factory_key,
            subject=factory.factory_id,
            detail=_rendered(factory),
        )
        return _rendered(factory)


def update_factory(*, store: Store, factory_id: str, values: Any, by: Actor) -> dict[str, Any]:
    """Change `name`, `time_zone`, `state_timeout_seconds`, `shifts`, `person_views` or `live_states`.

    Once it returns, every number follows the new settings; until then every number follows the old ones.
    Raises InvalidInput, NotFound, Unavailable while another change is under way.
    """
    settings = _checked(values, required=False)
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
    if settings.pop("factory_id", factory_id) != factory_id:
        raise invalid_field("factory_id", "read_only", "cannot be changed")
    settings = {name: value for name, value in settings.items() if getattr(factory, name) != value}

    def note(tx: Connection, before: Factory) -> None:
        was, is_now = _rendered(before), _rendered(before._replace(**settings))
        detail = {name: {"before": was[name], "after": is_now[name]} for name in settings}
        record(tx, by, "factory.changed", factory_key=factory.factory_key, subject=factory_id, detail=detail)

    if any(name in settings for name in _DERIVED_FROM):
        build_generation(store=store, factory_id=factory_id, settings=settings, now=by.now, on_switch=note)
    elif settings:
        with store.writing() as tx:
            before = factories.find(tx, factory_id)
            factories.change(tx, factory.factory_key, settings)
            note(tx, before)
    return get_factory(store=store, factory_id=factory_id)


def _rendered(factory: Factory) -> dict[str, Any]:
    return {
        "factory_id": factory.factory_id,
        "name": factory.name,
        "time_zone": factory.time_zone,
        "state_timeout_seconds": factory.state_timeout_seconds,
        "shifts": json.loads(factory.shifts),
        "person_views": factory.person_views,
        "live_states": factory.live_states,
    }


def _checked(values: Any, *, required: bool) -> dict[str, Any]:
    form = Form(values)
    if required:
        form.require("factory_id")
    form.identity("factory_id")
    form.name("name", longest=MAX_NAME)
    form.read("time_zone", "invalid_time_zone", _time_zone)
    form.integer("state_timeout_seconds", 0, MAX_STATE_TIMEOUT_SECONDS, kind="an integer")
    form.boolean("person_views", or_null=True)  # null leaves it to PERSON_VIEWS
    form.boolean("live_states")
    form.read("shifts", "invalid_shifts", lambda value: json.dumps(shifts_of(value)))
    return form.done()


def _time_zone(value: Any) -> str:
    if not isinstance(value, str) or not is_time_zone(value):
        raise ValueError("must be an IANA time zone such as Europe/Berlin")
    return value
