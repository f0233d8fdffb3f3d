"""The time zone rules by which a factory's derived rows are made, and their replacement by newer ones.

The rules that a factory's rows follow are noted with the factory, and every process computes by them. A process that
has newer ones makes anew what they change, and notes them, before its first answer. One with older data computes by the
newer rules that are noted: two releases may serve one database.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from factory.domain.states.calendar import Calendar
from factory.domain.states.zone_rules import ZoneRules, rules_of
from factory.domain.timestamp import format_timestamp
from factory.operations.derive.regrid import follows, regrid
from factory.operations.derive.rows import Generation
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.factories import Factory

log = logging.getLogger("factory.refresh")

_MOST_KEPT = 256
_kept: dict[str, ZoneRules] = {}


def rules_in_use(tx: Connection, factory: Factory) -> ZoneRules:
    """Return the rules by which a factory's rows are made, or will be where that is still to be done."""
    own = rules_of(factory.time_zone)
    name = factory.zone_rules
    if name is None or name == own.name or own.replace(name):
        return own
    if name not in _kept:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[name] = ZoneRules.of(name, factories.zone_file(tx, factory.factory_key))
    return _kept[name]


def calendar_in_use(tx: Connection, factory: Factory) -> Calendar:
    """Return the calendar of a factory's rows."""
    return Calendar(rules_in_use(tx, factory))


def rows_outdated(factory: Factory) -> bool:
    """Whether this process has other rules than those that a factory's rows follow, and theirs are not newer."""
    return factory.first_event_at is not None and rules_of(factory.time_zone).replace(factory.zone_rules)


def noted(rules: ZoneRules) -> dict[str, str | bytes]:
    """Return the columns of a factory whose rows follow the rules."""
    return {"zone_rules": rules.name, "zone_file": rules.data}


def follow_rules(store: Store, tx: Connection, factory: Factory) -> Factory:
    """Make a factory's rows follow this process's rules, unless they follow newer ones; the factory afterwards.

    The caller holds the derivation lock in a writing snapshot.
    """
    own = rules_of(factory.time_zone)
    if not own.replace(factory.zone_rules):
        return factory
    if factory.first_event_at is not None:
        remake_by(store, tx, factory, own)
    factories.change(tx, factory.factory_key, noted(own))
    return factory._replace(zone_rules=own.name)


def remake_by(store: Store, tx: Connection, factory: Factory, rules: ZoneRules) -> bool:
    """Make the rows anew that do not follow the rules; whether there were any. The caller holds the derivation lock."""
    generation = _generation(factory, rules)
    with store.span("follow time zone rules"):
        stretches = regrid(store, tx, generation)
    if stretches:
        log.warning(
            "time zone data %s give %s other days: %d stretches from %s to %s are derived anew",
            rules.version,
            rules.zone,
            len(stretches),
            format_timestamp(stretches[0][0]),
            format_timestamp(stretches[-1][1]),
            extra={"fields": {"factory": factory.factory_id, "before": factory.zone_rules, "now": rules.name}},
        )
    return bool(stretches)


def follow_already(store: Store, tx: Connection, factory: Factory) -> bool:
    """Whether all rows of a factory follow the rules that are noted for it."""
    return follows(_generation(factory, rules_in_use(tx, factory)).rows(store, tx))


def _generation(factory: Factory, rules: ZoneRules) -> Generation:
    return Generation(factory.factory_key, factory.generation, factory.timeout, Calendar(rules), factory.retained_from)
