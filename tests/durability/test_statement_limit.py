"""A statement that runs too long is ended, on either store, and its connection serves on."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from sqlalchemy import text
from tests.conftest import make_settings

from factory.domain.errors import Unavailable
from factory.store import open_store

_ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT 1 FROM c) SELECT count(*) FROM c"


def test_a_statement_without_end_is_told_to_be_too_slow(database_url: str) -> None:
    settings = make_settings(database_url, DB_STATEMENT_TIMEOUT_SECONDS="0.3", DB_POOL_SIZE="1", DB_MAX_OVERFLOW="0")
    with closing(open_store(settings)) as store:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(Unavailable) as refused, store.snapshot() as tx:
                tx.execute(text(_ENDLESS)).all()
            assert refused.value.code == "query_too_slow"
            assert 0.2 < time.monotonic() - began < 3
            store.ping()
        # The limit is one of each statement, not of the time between two.
        with store.snapshot() as tx:
            time.sleep(0.4)
            assert tx.execute(text("SELECT 1")).scalar_one() == 1
