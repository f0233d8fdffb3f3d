"""Changes that an organisation makes at once wait for each other, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import text
from tests.conftest import make_settings

from factory.domain.access.permissions import DEFAULT_ORGANISATION, Actor
from factory.domain.errors import Unavailable
from factory.operations.audit_trail import record
from factory.store import open_store
from factory.store.access import users


def test_who_changes_users_does_not_keep_others_from_the_audit_trail(fresh_database: Callable[[str], str]) -> None:
    settings = make_settings(fresh_database("postgresql"), DB_LOCK_TIMEOUT_SECONDS="1")
    with closing(open_store(settings)) as store, store.writing() as changing:
        users.lock_users(changing, DEFAULT_ORGANISATION)

        with store.writing() as tx:  # holds the end of the chain, for which the other one is about to wait
            record(tx, Actor("somebody", DEFAULT_ORGANISATION, 0), "test.done")


def test_who_loses_against_another_hears_that_the_database_is_busy(fresh_database: Callable[[str], str]) -> None:
    settings = make_settings(fresh_database("postgresql"))
    with closing(open_store(settings)) as store, pytest.raises(Unavailable) as refusal, store.writing() as tx:
        tx.execute(text("DO $$ BEGIN RAISE deadlock_detected; END $$"))

    assert refusal.value.code == "database_busy"
    assert refusal.value.retry_after == 1
