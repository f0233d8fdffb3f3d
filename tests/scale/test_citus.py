"""The tables keep Citus' documented rules, and `factory db distribute` calls its functions in an order that they allow.

Citus itself cannot be had where these tests run. Functions of the same names stand in for it: they check what its
documentation says of unique constraints, foreign keys, triggers and colocation on the real catalogue, and move nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.scale.postgres import Server

from factory.store.distribution import DISTRIBUTED, REFERENCE

_CITUS = """
CREATE TABLE pg_dist_node (groupid int);
CREATE TABLE pg_dist_partition (place serial, logicalrelid regclass PRIMARY KEY, kind text, colocation text);

CREATE FUNCTION refuse_what_citus_refuses(one regclass, key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    SELECT tgname INTO found FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN
        (SELECT one UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = one);
    IF found IS NOT NULL THEN RAISE EXCEPTION 'trigger % on %', found, one; END IF;
    SELECT conname INTO found FROM pg_constraint WHERE contype = 'f' AND conrelid = one AND confrelid <> one
        AND confrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition WHERE kind = 'reference');
    IF found IS NOT NULL THEN RAISE EXCEPTION 'foreign key % to what is no reference table', found; END IF;
    SELECT indexrelid::regclass INTO found FROM pg_index WHERE indrelid = one AND indisunique AND key IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = one AND attname = key AND attnum = ANY (indkey));
    IF found IS NOT NULL THEN RAISE EXCEPTION 'unique % without the distribution column', found; END IF;
END $$;

CREATE FUNCTION create_reference_table(one regclass) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    PERFORM refuse_what_citus_refuses(one, NULL);
    INSERT INTO pg_dist_partition (logicalrelid, kind) VALUES (one, 'reference');
END $$;

CREATE FUNCTION create_distributed_table(one regclass, key text, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    PERFORM refuse_what_citus_refuses(one, key);
    IF (SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = one AND attname = key) <> 'integer'::regtype
    THEN RAISE EXCEPTION 'another type of the distribution column'; END IF;
    IF colocate_with <> 'default' AND NOT EXISTS
        (SELECT FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass AND kind = 'hash')
    THEN RAISE EXCEPTION '% is not distributed', colocate_with; END IF;
    INSERT INTO pg_dist_partition (logicalrelid, kind, colocation)
    VALUES (one, 'hash', CASE colocate_with WHEN 'default' THEN one::text ELSE colocate_with END);
END $$;
"""


@pytest.fixture
def name(new_database: Callable[[], str], primary: Server) -> str:
    """Make a migrated database with the functions that stand in for Citus."""
    name = new_database()
    primary.ask("CREATE SCHEMA citus", name)
    primary.ask(f"ALTER DATABASE {name} SET search_path = citus, public", name)
    primary.ask(_CITUS, name)
    primary.ask(f"ALTER DATABASE {name} SET search_path = public, citus", name)
    primary.ask("INSERT INTO pg_dist_node VALUES (0)", name)
    return name


def run_distribute(url: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    command = [sys.executable, "-m", "factory.cli.main", "db", "distribute"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_every_table_of_a_factory_is_distributed_beside_the_others_and_a_second_time_nothing_is(
    name: str, primary: Server
) -> None:
    first, second = run_distribute(primary.url(name)), run_distribute(primary.url(name))

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"Distributed: {', '.join((*REFERENCE, *DISTRIBUTED))}.\n"
    assert (second.returncode, second.stdout) == (0, "All tables are distributed already.\n")
    colocated = "SELECT array_agg(DISTINCT colocation) FROM pg_dist_partition WHERE kind = 'hash'"
    assert primary.ask(colocated, name) == ["events_first"]
    with_key = """SELECT array_agg(table_name::text) FROM information_schema.columns JOIN information_schema.tables
        USING (table_schema, table_name) WHERE table_schema = 'public' AND column_name = 'factory_key'
        AND table_type = 'BASE TABLE'"""
    apart = {"factories", "memberships", "api_keys", "audit", "derivation_lock"}  # access, its trail, and one lock
    partitions = {"events_first_rows", "events_beside_rows"}
    assert set(primary.ask(with_key, name)) - apart - partitions == set(DISTRIBUTED)


def test_what_stays_on_the_coordinator_refers_to_reference_tables_and_others_that_stay(
    name: str, primary: Server
) -> None:
    run_distribute(primary.url(name))

    wrong = """SELECT array_agg(c.conname) FROM pg_constraint c JOIN pg_dist_partition d ON d.logicalrelid = c.confrelid
        WHERE c.contype = 'f' AND d.kind = 'hash' AND c.conrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition)"""
    assert primary.ask(wrong, name) is None


def test_settings_that_nodes_need_are_made(name: str, primary: Server) -> None:
    run_distribute(primary.url(name))

    assert primary.ask("SHOW citus.propagate_set_commands", name) == "local"
    assert primary.ask("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'factory_tenant'") is True
    assert primary.ask("SELECT count(*) FROM pg_trigger WHERE tgname = 'only_own_factory'", name) == 0
    primary.ask("ALTER ROLE factory_tenant NOLOGIN")


def test_a_table_that_breaks_a_rule_is_named_and_nothing_is_distributed(name: str, primary: Server) -> None:
    primary.ask("ALTER TABLE workers ADD UNIQUE (name)", name)
    primary.ask("ALTER TABLE workers RENAME CONSTRAINT workers_name_key TO too_wide", name)

    refused = run_distribute(primary.url(name))

    assert refused.returncode == 1
    assert primary.ask("SELECT count(*) FROM pg_dist_partition", name) == 0


@pytest.mark.parametrize("missing", ["extension", "coordinator", "postgresql"])
def test_what_is_missing_is_said_in_a_sentence(
    missing: str, name: str, primary: Server, new_database: Callable[[], str], fresh_database: Callable[[str], str]
) -> None:
    sentences = {
        "extension": "The Citus extension is not in this database",
        "coordinator": "Citus does not know its coordinator",
        "postgresql": "Only PostgreSQL with the Citus extension distributes tables",
    }
    primary.ask("DELETE FROM pg_dist_node", name)
    urls = {"extension": lambda: primary.url(new_database()), "coordinator": lambda: primary.url(name)}
    urls["postgresql"] = lambda: fresh_database("sqlite")

    refused = run_distribute(urls[missing]())

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: {sentences[missing]}")
