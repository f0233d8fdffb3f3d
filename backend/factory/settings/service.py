"""Profile, address and processes of the server."""

from dataclasses import dataclass
from pathlib import Path

from factory.settings.types import boolean, integer, one_of, option, optional_instant, site_url

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """Service."""

    environment: str = option(
        "development",
        "Profile: development, staging or production. Production refuses unsafe values.",
        one_of("development", "staging", "production"),
    )
    host: str = option("127.0.0.1", "Address the server listens on; 0.0.0.0 for every interface.", str)
    port: int = option("5000", "Port the server listens on.", integer(1, 65_535))
    public_url: str = option(
        "",
        "Address of the site, as https://factory.example.org, to which the OpenID provider leads back. It has no path: "
        "the site cannot be served below one. Empty: the name in the request decides.",
        site_url,
    )
    web_workers: int = option("2", "Server processes.", integer(1, 256))
    demo_mode: bool = option(
        "false", "Allow POST /api/v1/demo/seed, which replaces data with the sample data set.", boolean
    )
    clock_at: int | None = option(
        "",
        "Instant at which the application's clock begins, as 2026-11-30T06:00:00Z, and runs on; needs DEMO_MODE. "
        "Empty is the system's clock.",
        optional_instant,
    )
    clock_since: int | None = option(
        "",
        "System's instant at which that clock began; processes that are started one after the other agree by it. "
        "Empty is the start: of all processes of a server, and of each command.",
        optional_instant,
    )
    frontend_dir: str = option(
        "",
        "Directory of the static page; empty is the frontend directory of the repository.",
        lambda text: text or str(REPOSITORY / "frontend"),
    )
