"""Erasure of a person: id, name and event ids are removed, figures stay."""

from __future__ import annotations

import hmac
import secrets

from factory.adapters.access.secret_text import random_id
from factory.domain.access.permissions import Actor
from factory.operations.audit_trail import record, subject_of
from factory.operations.visible_workers import registered_worker
from factory.store import factories
from factory.store.access import erasure
from factory.store.engine.database import Store

ERASED_NAME = "Erased"
_EVENTS_A_STATEMENT = 5_000


def erase_worker(*, store: Store, factory_id: str, worker_id: str, by: Actor) -> str:
    """Replace a worker's id, name and event ids by random ones, in one transaction; return the new id.

    No figure changes: figures use the worker's key, a number that identifies nobody. Deliveries wait meanwhile; then
    deliveries of the old id are refused until it is registered again. Raises NotFound, Unavailable.
    """
    return store.retry(lambda: _erase(store, factory_id, worker_id, by))


def _erase(store: Store, factory_id: str, worker_id: str, by: Actor) -> str:
    with store.writing() as tx:
        # A delivery that has resolved the old id commits before this; a later one finds another registry epoch.
        store.dialect.lock_factory(tx, factories.find(tx, factory_id).factory_key)
        factory = factories.find(tx, factory_id)
        worker = registered_worker(tx, factory, worker_id)
        new_id, key = f"{erasure.PREFIX}{random_id()[:8]}", secrets.token_bytes(32)
        erasure.rename(tx, factory, worker.worker_key, new_id, ERASED_NAME)
        # The new id is marked too, so that no delivery adds events to an erased person.
        erasure.mark_erased(tx, factory, [worker_id, new_id], by.now)

        def unreadable(event_id: str) -> str:
            """Replace an event id by a keyed digest: different ids stay different, and the key is not stored."""
            return hmac.digest(key, event_id.encode(), "sha256").hex()[:32]

        erasure.replace_event_ids(store, tx, factory, worker.worker_key, unreadable, _EVENTS_A_STATEMENT)
        factories.change(tx, factory.factory_key, {"registry_epoch": factory.registry_epoch + 1})
        record(tx, by, "worker.erased", factory_key=factory.factory_key, subject=subject_of(worker.worker_key))
    return new_id
