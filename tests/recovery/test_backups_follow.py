"""The primary's host is gone; Barman goes on at the new one and can restore what both had."""

from __future__ import annotations

from tests.recovery.barman_host import backups
from tests.recovery.patroni_cluster import Node, patroni_cluster, wait_until


def restart_lsn(node: Node) -> object:
    return node.ask("SELECT max(restart_lsn) FROM pg_replication_slots WHERE slot_name = 'barman'")


def test_backups_go_on_at_the_new_primary_without_a_gap_in_the_log() -> None:
    with patroni_cluster() as cluster, backups(cluster) as barman:
        cluster.make_database()
        before = cluster.primary()
        assert before is not None
        [heir] = cluster.synchronous()
        barman.run("full")
        before.ask("CREATE TABLE written (at_timeline int)", "factory")
        before.ask("INSERT INTO written SELECT 1 FROM generate_series(1, 1000)", "factory")
        wait_until(lambda: restart_lsn(heir) is not None, "the heir kept Barman's place in the log", cluster, 30)

        before.kill()
        promoted = "SELECT NOT pg_is_in_recovery()"
        wait_until(lambda: heir.ask(promoted), "the synchronous standby took over", cluster, 60)
        heir.ask("INSERT INTO written SELECT 2 FROM generate_series(1, 10)", "factory")

        barman.receive_all_of(heir)
        count = "SELECT array_agg(n ORDER BY n) FROM (SELECT count(*)::int FROM written GROUP BY at_timeline) AS _ (n)"
        assert barman.restored(count) == [10, 1000]
