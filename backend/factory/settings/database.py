"""Database connections, pools and timeouts."""

from dataclasses import dataclass

from factory.settings.types import boolean, database_url, integer, one_of, option, replica_url, seconds


@dataclass(frozen=True, kw_only=True)
class DatabaseOptions:
    """Database."""

    database_url: str = option(
        "sqlite:///var/factory.db",
        "The database: sqlite:///path or postgresql://user:password@host:port/name. Of several hosts, "
        "postgresql://user:password@/name?host=a:5432&host=b:5432, the one that accepts writes is used.",
        database_url,
        secret=True,
    )
    database_replica_url: str | None = option(
        "",
        "A streaming replica of the PostgreSQL database, for heavy reads; empty: all reads go to DATABASE_URL.",
        replica_url,
        secret=True,
    )
    trusted_network: bool = option(
        "false",
        "In production PostgreSQL and Redis on other hosts are reached by TLS only. true: nobody else reads the "
        "network between.",
        boolean,
    )
    db_pooler: str = option(
        "none",
        "transaction: PgBouncer or the like is before PostgreSQL in transaction mode. none: direct connections.",
        one_of("none", "transaction"),
    )
    db_pool_size: int = option("5", "Database connections each server process keeps open.", integer(1, 500))
    db_max_overflow: int = option(
        "5", "Further connections each process may open for a while under load.", integer(0, 500)
    )
    db_pool_timeout_seconds: float = option(
        "5", "How long a request waits for a free connection before it is answered 503.", seconds(0.1, 600)
    )
    db_statement_timeout_seconds: float = option(
        "30",
        "How long one database statement may run before the request is answered 503; 0 means no limit.",
        seconds(0, 86_400),
    )
    db_lock_timeout_seconds: float = option(
        "10", "How long a request waits for a database lock before it is answered 503.", seconds(0.1, 600)
    )
    db_slow_statement_ms: int = option(
        "500", "Database statements slower than this many milliseconds are logged; 0 logs none.", integer(0, 3_600_000)
    )
    auto_migrate: bool = option("true", "Bring the database schema up to date when the server starts.", boolean)
