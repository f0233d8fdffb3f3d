"""The options: what they come to, and what stops a start."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from factory.settings import Settings, SettingsError, declared_options, load_settings

SECRET = "an example of a secret key, long enough to sign with"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://factory:secret@db/factory?sslmode=require",
    "SECRET_KEY": SECRET,
    "METRICS_TOKEN": "a token for Prometheus",
}

PRIMARY = {"DATABASE_URL": "postgresql://factory:secret@db/factory?sslmode=require"}
OPENID = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "factory", "OIDC_CLIENT_SECRET": "hush"}


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})

    assert settings == Settings()
    assert settings.environment == "development"
    assert settings.database_url == "sqlite:///var/factory.db"
    assert settings.min_timestamp_us == 1_420_070_400_000_000
    assert settings.refresh_interval_seconds == 1.0
    assert settings.prometheus_multiproc_dir is None
    assert Path(settings.frontend_dir).name == "frontend"


def test_an_empty_value_is_the_default() -> None:
    assert load_settings({name.name: "" for name in declared_options().values()}) == Settings()


def test_values_are_read_by_type() -> None:
    settings = load_settings(
        {
            "PORT": "8080",
            "DEMO_MODE": "yes",
            "AUTO_MIGRATE": "False",
            "LOG_LEVEL": "warning",
            "REFRESH_INTERVAL_SECONDS": "0.25",
            "MIN_TIMESTAMP": "2020-01-01T01:00:00+01:00",
            "UNKNOWN_ENTITY_POLICY": "reject",
        }
    )

    assert settings.port == 8080
    assert settings.demo_mode is True
    assert settings.auto_migrate is False
    assert settings.log_level == "WARNING"
    assert settings.refresh_interval_seconds == 0.25
    assert settings.min_timestamp_us == 1_577_836_800_000_000
    assert settings.unknown_entity_policy == "reject"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("ENVIRONMENT", "prod", "ENVIRONMENT must be one of development, staging, production."),
        ("PORT", "http", "PORT must be a whole number from 1 to 65535."),
        ("PORT", "70000", "PORT must be a whole number from 1 to 65535."),
        ("WEB_WORKERS", "0", "WEB_WORKERS must be a whole number from 1 to 256."),
        ("WEB_WORKERS", "2.5", "WEB_WORKERS must be a whole number from 1 to 256."),
        ("AUTO_MIGRATE", "maybe", "AUTO_MIGRATE must be true or false."),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of auto, json, text."),
        ("DATABASE_URL", "mysql://h/d", "DATABASE_URL must begin with sqlite:/// or postgresql://."),
        ("DATABASE_URL", "factory.db", "DATABASE_URL must begin with sqlite:/// or postgresql://."),
        ("DATABASE_URL", "postgresql://[::1/d", "DATABASE_URL is not a URL."),
        ("DATABASE_REPLICA_URL", "sqlite:///a.db", "DATABASE_REPLICA_URL must begin with postgresql://."),
        ("DB_POOLER", "session", "DB_POOLER must be one of none, transaction."),
        ("MIN_TIMESTAMP", "2015", "MIN_TIMESTAMP must be a timestamp such as 2015-01-01T00:00:00Z."),
        ("CLOCK_AT", "noon", "CLOCK_AT must be a timestamp such as 2015-01-01T00:00:00Z."),
        ("REFRESH_INTERVAL_SECONDS", "nan", "REFRESH_INTERVAL_SECONDS must be a number of seconds from 0 to 3600."),
        ("REFRESH_INTERVAL_SECONDS", "soon", "REFRESH_INTERVAL_SECONDS must be a number of seconds from 0 to 3600."),
        ("UNKNOWN_ENTITY_POLICY", "ignore", "UNKNOWN_ENTITY_POLICY must be one of register, reject."),
    ],
)
def test_a_bad_value_stops_the_start_with_a_sentence(name: str, text: str, sentence: str) -> None:
    assert problems_of({name: text}) == [sentence]


def test_the_clock_is_moved_for_sample_data_only() -> None:
    moved = {"CLOCK_AT": "2026-11-30T07:00:00+01:00", "CLOCK_SINCE": "2026-01-15T12:00:00.5Z"}

    settings = load_settings({**moved, "DEMO_MODE": "true"})

    assert (settings.clock_at, settings.clock_since) == (1_796_018_400_000_000, 1_768_478_400_500_000)
    assert (load_settings({}).clock_at, load_settings({}).clock_since) == (None, None)
    assert problems_of({"CLOCK_AT": moved["CLOCK_AT"]}) == [
        "CLOCK_AT is for sample data only: set DEMO_MODE=true with it."
    ]
    assert problems_of({"CLOCK_SINCE": moved["CLOCK_SINCE"]}) == [
        "CLOCK_SINCE says when the clock of CLOCK_AT began: set CLOCK_AT with it."
    ]
    assert problems_of({**PRODUCTION, **moved, "DEMO_MODE": "true"}) == [
        "DEMO_MODE must be false in production: a request could replace real data with samples."
    ]


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of({"PORT": "x", "WEB_WORKERS": "x", "LOG_FORMAT": "x"})

    assert [problem.split()[0] for problem in problems] == ["PORT", "WEB_WORKERS", "LOG_FORMAT"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_a_postgresql_url_names_the_driver_that_is_installed(scheme: str) -> None:
    url = load_settings({"DATABASE_URL": f"{scheme}://u:p@h:5432/d"}).database_url

    assert url == "postgresql+psycopg2://u:p@h:5432/d"


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://u:p@/d?host=a:5432&host=b:5433",
        "postgresql://u:p@a:5432,b:5433/d",
        "postgresql://u:p@/d?host=a:5432&host=b:5433&target_session_attrs=read-write",
        "postgresql://u:p@a:5432,b:5433/d?target_session_attrs=read-write",
    ],
)
def test_of_several_hosts_the_one_that_takes_writes_is_meant(given: str) -> None:
    url = make_url(load_settings({"DATABASE_URL": given}).database_url)

    _, arguments = create_engine(url).dialect.create_connect_args(url)
    assert arguments == {
        "user": "u",
        "password": "p",
        "dbname": "d",
        "host": "a,b",
        "port": "5432,5433",
        "target_session_attrs": "read-write",
    }


def test_of_several_hosts_for_reading_a_standby_is_meant() -> None:
    environ = {"DATABASE_URL": "postgresql://u:p@a/d", "DATABASE_REPLICA_URL": "postgresql://u:p@b:5432,c:5432/d"}

    url = load_settings(environ).database_replica_url

    assert url == "postgresql+psycopg2://u:p@/d?host=b:5432&host=c:5432&target_session_attrs=standby"


def test_what_a_url_with_several_hosts_says_of_them_is_kept() -> None:
    url = "postgresql://u:p@/d?host=a&host=b&target_session_attrs=any"

    assert load_settings({"DATABASE_URL": url}).database_url.endswith("?host=a&host=b&target_session_attrs=any")


def test_a_replica_needs_a_primary() -> None:
    assert problems_of({"DATABASE_REPLICA_URL": "postgresql://u:p@b/d"}) == [
        "DATABASE_REPLICA_URL is a replica of a PostgreSQL database: set DATABASE_URL to its primary."
    ]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    secret.write_text("postgresql://u:p@h/d\n")

    assert load_settings({"DATABASE_URL_FILE": str(secret)}).database_url == "postgresql+psycopg2://u:p@h/d"


def test_a_secret_given_twice_or_in_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")

    assert "given twice" in problems_of({"DATABASE_URL": "sqlite:///a.db", "DATABASE_URL_FILE": missing})[0]
    assert "cannot be read" in problems_of({"DATABASE_URL_FILE": missing})[0]


def test_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.write_text("8080")

    assert load_settings({"PORT_FILE": str(port)}).port == 5000


def test_a_secret_is_shown_neither_with_the_settings_nor_in_a_complaint() -> None:
    assert "hush" not in repr(load_settings({"DATABASE_URL": "postgresql://u:hush@h/d"}))
    assert "hush" not in str(problems_of({"DATABASE_URL": "mysql://u:hush@h/d"}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"DEMO_MODE": "true"}, "DEMO_MODE must be false"),
        ({"LOG_LEVEL": "DEBUG"}, "LOG_LEVEL must not be DEBUG"),
        ({"DATABASE_URL": "sqlite://"}, "must not be an in-memory database"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "must not be an in-memory database"),
        ({"DATABASE_URL": "postgresql://factory@db/factory?sslmode=require"}, "needs a password"),
        (
            {**PRIMARY, "DATABASE_REPLICA_URL": "postgresql://factory@db/factory?sslmode=require"},
            "DATABASE_REPLICA_URL needs a password",
        ),
        ({"DATABASE_URL": "postgresql://factory:secret@db/factory"}, "DATABASE_URL reaches another host without TLS"),
        ({"DATABASE_URL": "postgresql://u:p@db/d?sslmode=prefer"}, "end it with ?sslmode=verify-full"),
        ({"DATABASE_URL": "postgresql://u:p@localhost:5432,db2:5432/d"}, "TRUSTED_NETWORK=true"),
        ({"DATABASE_URL": "postgresql://u:p@/d?host=/run/postgresql&hostaddr=10.0.0.5"}, "reaches another host"),
        (
            {**PRIMARY, "DATABASE_REPLICA_URL": "postgresql://u:p@db2/d?sslmode=disable"},
            "DATABASE_REPLICA_URL reaches another host",
        ),
        ({"RATE_LIMIT_STORAGE_URL": "redis://:p@redis:6379/0"}, "begin it with rediss://"),
        (OPENID, "PUBLIC_URL must begin with https://"),
        ({**OPENID, "PUBLIC_URL": "http://factory.example.org"}, "PUBLIC_URL must begin with https://"),
        ({"ACCESS": "open"}, "ACCESS must not be open"),
        ({"CORS_ORIGINS": "https://a.example, *"}, "CORS_ORIGINS must name origins"),
        ({"METRICS_TOKEN": ""}, "METRICS_TOKEN must be set"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN must have 16 characters"),
    ],
)
def test_production_refuses_what_is_unsafe_and_development_does_not(change: dict[str, str], sentence: str) -> None:
    [problem] = problems_of({**PRODUCTION, **change})

    assert sentence in problem
    load_settings({**change, "ENVIRONMENT": "development"})
    load_settings({"SECRET_KEY": SECRET, **change, "ENVIRONMENT": "staging"})


@pytest.mark.parametrize(
    "change",
    [
        {"DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/d"},
        {"DATABASE_URL": "postgresql://u:p@[::1]/d"},
        {"DATABASE_URL": "postgresql:///d?host=/run/postgresql"},
        {"DATABASE_URL": "postgresql://u:p@db/d?sslmode=verify-full&sslrootcert=/ca.pem"},
        {"DATABASE_URL": "postgresql:///d?service=factory"},
        {"DATABASE_URL": "postgresql://u:p@db/d", "TRUSTED_NETWORK": "true"},
        {"RATE_LIMIT_STORAGE_URL": "redis://localhost:6379/0"},
        {"RATE_LIMIT_STORAGE_URL": "redis+unix:///run/redis.sock"},
        {"RATE_LIMIT_STORAGE_URL": "rediss://redis:6379/0"},
        {"RATE_LIMIT_STORAGE_URL": "redis://redis:6379/0", "TRUSTED_NETWORK": "true"},
        {**OPENID, "PUBLIC_URL": "https://factory.example.org/"},
    ],
)
def test_a_link_that_nobody_else_reads_starts_in_production(change: dict[str, str]) -> None:
    load_settings({**PRODUCTION, **change})


@pytest.mark.parametrize("url", ["https://example.org/factory/", "factory.example.org", "https://a@b", "https://a?b"])
def test_the_site_is_not_served_below_a_path(url: str) -> None:
    [problem] = problems_of({"PUBLIC_URL": url})

    assert problem.startswith("PUBLIC_URL must be such as https://factory.example.org")


def test_open_access_is_for_loopback_only() -> None:
    assert load_settings({}).access_is_open
    assert load_settings({"HOST": "::1"}).access_is_open
    for host in ("0.0.0.0", "::", "192.168.1.10", "factory.example"):
        [problem] = problems_of({"HOST": host})
        assert "set ACCESS=required" in problem
        assert not load_settings({"HOST": host, "ACCESS": "required", "SECRET_KEY": SECRET}).access_is_open


@pytest.mark.parametrize("secret", ["", "short", "a" * 64, "abcabcabc" * 8])
def test_required_access_needs_a_secret_that_nobody_guesses(secret: str) -> None:
    [problem] = problems_of({"ACCESS": "required", "SECRET_KEY": secret})

    assert "SECRET_KEY must be 32 random characters or more" in problem


def test_an_openid_provider_is_given_as_a_whole() -> None:
    [problem] = problems_of({"OIDC_ISSUER": "https://id.example"})

    assert "go together" in problem


@pytest.mark.parametrize(
    ("environment", "chosen", "shown"),
    [
        ("development", "auto", True),
        ("production", "auto", False),
        ("production", "on", True),
        ("staging", "off", False),
    ],
)
def test_persons_are_not_shown_in_production_unless_said(environment: str, chosen: str, shown: bool) -> None:
    settings = load_settings({**PRODUCTION, "ENVIRONMENT": environment, "PERSON_VIEWS": chosen})

    assert settings.shows_persons is shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://factory:secret@db/factory?sslmode=verify-full&sslrootcert=/run/secrets/ca",
        "postgresql:///factory?host=/var/run/postgresql",
        "postgresql://factory@/factory",
        "postgresql://db/factory?passfile=/run/secrets/pgpass&sslmode=require",
        "sqlite:////var/lib/factory/factory.db",
    ],
)
def test_production_takes_a_database_that_keeps_data_and_asks_who_is_there(url: str) -> None:
    assert load_settings({**PRODUCTION, "DATABASE_URL": url}).environment == "production"


@pytest.mark.parametrize(
    ("environment", "log_format", "as_json"),
    [
        ("development", "auto", False),
        ("staging", "auto", True),
        ("production", "auto", True),
        ("development", "json", True),
        ("production", "text", False),
    ],
)
def test_logs_are_text_in_development_and_json_elsewhere_unless_said(
    environment: str, log_format: str, as_json: bool
) -> None:
    settings = load_settings({**PRODUCTION, "ENVIRONMENT": environment, "LOG_FORMAT": log_format})

    assert settings.logs_as_json is as_json
