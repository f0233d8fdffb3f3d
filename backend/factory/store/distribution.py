"""Distribution of the tables on Citus by the factory's key, so that a factory's data is on one node.

It follows Citus' documentation, and tests hold it to those rules; it has not run on Citus itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from factory.domain.errors import FactoryError
from factory.store import migrations
from factory.store.engine.database import Store
from factory.store.engine.postgresql import TENANT
from factory.store.engine.row_security import OF_A_FACTORY

REFERENCE = ("organisations", "factories")
"""On every node, since policies and foreign keys refer to them. In the order of their foreign keys."""

DISTRIBUTED = ("events_first", *(table for table in OF_A_FACTORY if table != "events_first"))
"""By the factory's key, all in one group: rows of a factory are on one node. The first one makes the group.

Users, keys, sessions and the audit trail stay on the coordinator, and so does the lock of those who derive.
"""

_GUARDED = ("events_first_rows", "events_beside_rows")


class NotDistributed(FactoryError):
    """The tables cannot be distributed; the message says what is missing."""

    code = "not_distributed"


def distribute(store: Store) -> list[str]:
    """Distribute the tables that are not distributed yet; return their names. Raises NotDistributed, Unavailable.

    Run it on the coordinator while no server runs: it moves all rows, in one transaction.
    """
    if store.engine.dialect.name != "postgresql":
        raise NotDistributed("Only PostgreSQL with the Citus extension distributes tables; this database is SQLite")
    migrations.upgrade(store)
    with store.system().writing() as tx:
        _require_citus(tx)
        store.dialect.lock_schema(tx)
        done = {row[0] for row in tx.execute(text("SELECT logicalrelid::regclass::text FROM pg_dist_partition"))}
        steps = [(table, statement) for table, statement in _steps() if table not in done]
        if steps:
            for statement in _preparations():
                tx.execute(text(statement))
        for _, statement in steps:
            tx.execute(text(statement))
    return [table for table, _ in steps]


def _require_citus(tx: Connection) -> None:
    if tx.execute(text("SELECT to_regproc('create_reference_table')")).scalar() is None:
        raise NotDistributed("The Citus extension is not in this database: CREATE EXTENSION citus comes first")
    if tx.execute(text("SELECT count(*) FROM pg_dist_node WHERE groupid = 0")).scalar_one() == 0:
        raise NotDistributed("Citus does not know its coordinator: SELECT citus_set_coordinator_host(...) comes first")


def _preparations() -> Iterator[str]:
    # Foreign keys to reference tables require that all shards are made over one connection per node.
    yield "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
    # SET LOCAL, with the organisation of a transaction, is propagated to nodes; connections to them use that role.
    yield """DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local''', current_database());
    END $$"""
    yield f"ALTER ROLE {TENANT} LOGIN"
    # The triggers compare with a setting of set_config(), which is not propagated: nodes would refuse every event.
    for table in _GUARDED:
        yield f"DROP TRIGGER IF EXISTS only_own_factory ON {table}"


def _steps() -> Iterator[tuple[str, str]]:
    for table in REFERENCE:
        yield table, f"SELECT create_reference_table('{table}')"
    for table in DISTRIBUTED:
        group = "default" if table == DISTRIBUTED[0] else DISTRIBUTED[0]
        yield table, f"SELECT create_distributed_table('{table}', 'factory_key', colocate_with => '{group}')"
