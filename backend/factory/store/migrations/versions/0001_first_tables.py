"""The first tables."""

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

identity = ("factory_key", "worker_key", "event_time", "event_type", "station_key", "source_key", "event_id")


def _create_events(name: str, *key: str, **options: Any) -> None:
    op.create_table(
        name,
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(precision=53), nullable=False),
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("worker_key", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("station_key", sa.SmallInteger(), nullable=False),
        sa.Column("event_type", sa.SmallInteger(), nullable=False),
        sa.Column("source_key", sa.SmallInteger(), nullable=False),
        sa.Column("model_key", sa.SmallInteger(), nullable=False),
        sa.Column("event_id", words, nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"{name}_pkey")),
        sqlite_with_rowid=False,
        **options,
    )


def _create_events_of_postgresql(name: str, *key: str) -> None:
    """Create a table under row-level security, and its partition of rows: COPY is not allowed into the former."""
    _create_events(name, *key, postgresql_partition_by="LIST (factory_key)")
    op.execute(f"CREATE TABLE {name}_rows PARTITION OF {name} DEFAULT")


def upgrade() -> None:
    op.create_table(
        "organisations",
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("organisation_id", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.PrimaryKeyConstraint("organisation_key", name=op.f("organisations_pkey")),
        sa.UniqueConstraint("organisation_id", name=op.f("organisations_organisation_id_key")),
    )
    op.create_table(
        "factories",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("factory_id", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.Column("time_zone", words, nullable=False),
        sa.Column("state_timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("shifts", words, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("building", sa.Integer(), nullable=True),
        sa.Column("building_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("registry_epoch", sa.Integer(), nullable=False),
        sa.Column("first_event_at", sa.BigInteger(), nullable=True),
        sa.Column("last_event_at", sa.BigInteger(), nullable=True),
        sa.Column("retained_from", sa.BigInteger(), nullable=True),
        sa.Column("person_views", sa.Boolean(), nullable=True),
        sa.Column("pseudonym_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("factories_organisation_key_fkey")
        ),
        sa.PrimaryKeyConstraint("factory_key", name=op.f("factories_pkey")),
        sa.UniqueConstraint("organisation_key", "factory_id", name=op.f("factories_organisation_key_factory_id_key")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _create_events_of_postgresql("events_first", *identity[:3])
        _create_events_of_postgresql("events_beside", *identity)
        op.execute(
            "CREATE VIEW events WITH (security_invoker = true) AS "
            "SELECT * FROM events_first UNION ALL SELECT * FROM events_beside"
        )
    else:
        _create_events("events", *identity)
    op.create_table(
        "intervals",
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("worker_key", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("station_key", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("factory_key", "generation", "worker_key", "start_at", name=op.f("intervals_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "derivation_lock",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("factory_key", name=op.f("derivation_lock_pkey")),
    )
    op.create_table(
        "pending",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("pending_key", sa.BigInteger(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("factory_key", "generation", "pending_key", name=op.f("pending_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollups",
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("page", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("factory_key", "generation", "kind", "level", "start_at", name=op.f("rollups_pkey")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # Pages are packed already: the database would only spend time on looking for more.
        op.execute("ALTER TABLE rollups ALTER COLUMN page SET STORAGE EXTERNAL")
    op.create_table(
        "model_versions",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("model_key", sa.SmallInteger(), nullable=False),
        sa.Column("model_version", words, nullable=False),
        sa.ForeignKeyConstraint(
            ["factory_key"], ["factories.factory_key"], name=op.f("model_versions_factory_key_fkey")
        ),
        sa.PrimaryKeyConstraint("factory_key", "model_key", name=op.f("model_versions_pkey")),
        sa.UniqueConstraint("factory_key", "model_version", name=op.f("model_versions_factory_key_model_version_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sources",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("source_key", sa.SmallInteger(), nullable=False),
        sa.Column("source_id", words, nullable=False),
        sa.ForeignKeyConstraint(["factory_key"], ["factories.factory_key"], name=op.f("sources_factory_key_fkey")),
        sa.PrimaryKeyConstraint("factory_key", "source_key", name=op.f("sources_pkey")),
        sa.UniqueConstraint("factory_key", "source_id", name=op.f("sources_factory_key_source_id_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workers",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("worker_key", sa.Integer(), nullable=False),
        sa.Column("worker_id", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.ForeignKeyConstraint(["factory_key"], ["factories.factory_key"], name=op.f("workers_factory_key_fkey")),
        sa.PrimaryKeyConstraint("factory_key", "worker_key", name=op.f("workers_pkey")),
        sa.UniqueConstraint("factory_key", "worker_id", name=op.f("workers_factory_key_worker_id_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workstations",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("station_key", sa.SmallInteger(), nullable=False),
        sa.Column("workstation_id", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.Column("type", words, nullable=False),
        sa.ForeignKeyConstraint(["factory_key"], ["factories.factory_key"], name=op.f("workstations_factory_key_fkey")),
        sa.PrimaryKeyConstraint("factory_key", "station_key", name=op.f("workstations_pkey")),
        sa.UniqueConstraint("factory_key", "workstation_id", name=op.f("workstations_factory_key_workstation_id_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erased_workers",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("factory_key", "digest", name=op.f("erased_workers_pkey")),
    )
    op.bulk_insert(
        sa.table("organisations", *map(sa.column, ("organisation_key", "organisation_id", "name"))),
        [
            {"organisation_key": 0, "organisation_id": "platform", "name": "Platform"},
            {"organisation_key": 1, "organisation_id": "default", "name": "Default organisation"},
        ],
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval('organisations_organisation_key_seq', 1)")
    op.bulk_insert(
        sa.table(
            "factories",
            *(
                sa.column(name)
                for name in (
                    "organisation_key",
                    "pseudonym_key",
                    "factory_id",
                    "name",
                    "time_zone",
                    "state_timeout_seconds",
                    "shifts",
                    "generation",
                    "registry_epoch",
                )
            ),
        ),
        [
            {
                "organisation_key": 1,
                "pseudonym_key": secrets.token_bytes(32),
                "factory_id": "default",
                "name": "Default factory",
                "time_zone": "UTC",
                "state_timeout_seconds": 3600,
                "shifts": (
                    '[{"name": "Early", "start": "06:00", "end": "14:00"}, '
                    '{"name": "Late", "start": "14:00", "end": "22:00"}, '
                    '{"name": "Night", "start": "22:00", "end": "06:00"}]'
                ),
                "generation": 1,
                "registry_epoch": 1,
            }
        ],
    )
