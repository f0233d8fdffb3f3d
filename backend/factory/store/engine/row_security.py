"""Row-level security on PostgreSQL: the rows that a transaction of an organisation can read and change.

Such a transaction runs as the role `factory_tenant`, which owns nothing and cannot bypass a policy, with the
organisation's key in the setting `factory.organisation` (postgresql.act_for). The statements below belong to a
migration. Each new table has to be added to a list here; a test checks it.
"""

from __future__ import annotations

from collections.abc import Iterator

from factory.store.engine.postgresql import TENANT

_FIRST_OF_A_FACTORY = (
    "workers",
    "workstations",
    "sources",
    "model_versions",
    "erased_workers",
    "events_first",
    "events_beside",
    "pending",
    "intervals",
    "rollups",
)
OF_A_FACTORY = (*_FIRST_OF_A_FACTORY, "registrations")
"""Tables whose rows belong to a factory of the organisation."""

_FIRST_OF_AN_ORGANISATION = ("organisations", "factories", "users", "memberships", "sessions", "api_keys")
OF_AN_ORGANISATION = (*_FIRST_OF_AN_ORGANISATION, "recovery_codes", "openid_links")
"""Tables whose rows name their organisation."""

OF_THE_TRAIL = {"audit": "SELECT, INSERT", "audit_heads": "SELECT, UPDATE"}
"""The same, with the privileges of a tenant: it can append to its chain, but neither change nor begin one."""

NOT_FOR_TENANTS = ("sign_in_failures", "alembic_version")
"""Tables that only system transactions read; a test checks that each table is in one of the lists."""

_CREATE_ROLE = f"""DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{TENANT}') THEN
        CREATE ROLE {TENANT} NOLOGIN NOINHERIT;
    END IF;
    -- Before version 16 each member may act as the role.
    IF NOT pg_has_role(current_user, '{TENANT}',
        CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
        EXECUTE format('GRANT {TENANT} TO %I', current_user);
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database did it at once
END $$"""

_MINE = "organisation_key = NULLIF(current_setting('factory.organisation', true), '')::int"
# A subquery without reference to the row is evaluated once per statement.
_OUR_FACTORIES = f"factory_key = ANY ((SELECT array_agg(f.factory_key) FROM factories f WHERE f.{_MINE})::int[])"

_REFUSE = """CREATE FUNCTION refuse_foreign_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'an event of a factory that this transaction does not write';
END $$"""


def statements() -> Iterator[str]:
    """Yield all statements of the first tables in order; the role that owns the tables runs them."""
    yield _CREATE_ROLE
    yield f"GRANT USAGE ON SCHEMA public TO {TENANT}"
    for table in _FIRST_OF_A_FACTORY:  # the others came with later migrations
        yield from of_a_factory(table)
    for table in _FIRST_OF_AN_ORGANISATION:
        yield from of_an_organisation(table)
    for table, allowed in OF_THE_TRAIL.items():
        yield from _protect(table, _MINE, allowed)
    yield f"GRANT SELECT ON events TO {TENANT}"
    yield f"GRANT SELECT, UPDATE, DELETE ON derivation_lock TO {TENANT}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {TENANT}"
    yield _REFUSE
    for table in ("events_first_rows", "events_beside_rows"):
        # The role may only insert here, and the trigger checks the factory of each row.
        yield f"GRANT INSERT ON {table} TO {TENANT}"
        yield (
            f"CREATE TRIGGER only_own_factory AFTER INSERT ON {table} FOR EACH ROW WHEN "
            "(NEW.factory_key IS DISTINCT FROM NULLIF(current_setting('factory.writes', true), '')::int) "
            "EXECUTE FUNCTION refuse_foreign_event()"
        )


def of_a_factory(table: str) -> Iterator[str]:
    """Yield the statements for a table whose rows belong to a factory."""
    yield from _protect(table, _OUR_FACTORIES)


def of_an_organisation(table: str) -> Iterator[str]:
    """Yield the statements for a table whose rows name their organisation."""
    yield from _protect(table, _MINE)


def _protect(table: str, condition: str, allowed: str = "SELECT, INSERT, UPDATE, DELETE") -> Iterator[str]:
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"CREATE POLICY of_the_organisation ON {table} TO {TENANT} USING ({condition}) WITH CHECK ({condition})"
    yield f"GRANT {allowed} ON {table} TO {TENANT}"
