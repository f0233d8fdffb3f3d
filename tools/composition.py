"""The variables that docker-compose.yml reads beside the server's options: what each is for, and the default there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

COMPOSITION = Path(__file__).resolve().parents[1] / "docker-compose.yml"

MEANINGS: Mapping[str, str] = {
    "BACKENDS": "Backends that run.",
    "BACKEND_PORTS": "One port of 127.0.0.1 for each backend; a rolling update needs twice as many as backends.",
    "BACKEND_IMAGE": "What the backends run; name a release to roll forward or back.",
    "FRONTEND_IMAGE": "What NGINX runs, with the page.",
    "BACKUP_IMAGE": "What makes the backups.",
    "DATABASE_URL_SECRET": "The file of deploy/secrets with DATABASE_URL; pooled_database_url goes through PgBouncer.",
    "HTTP_BIND": "Address on which HTTP is published; 127.0.0.1 where HTTPS is.",
    "HTTP_PORT": "Port on which HTTP is published.",
    "TLS_PORT": "Port on which HTTPS is published.",
    "TLS_REDIRECT_PORT": "Port that leads to HTTPS and answers the certificate authority.",
    "TLS_CERTIFICATES": "Directory of fullchain.pem and privkey.pem.",
    "ACME_WEBROOT": "Directory in which certbot leaves its challenges.",
    "NGINX_SERVER_NAME": "Host name of the site; _ is any.",
    "NGINX_MAX_BODY": "Largest body; not below MAX_BODY_BYTES.",
    "NGINX_CONNECTIONS": "Requests to the API that are under way at once, of one address.",
    "NGINX_RATE_INGEST": "Requests that bring events, of one address.",
    "NGINX_RATE_READ": "Other requests to the API, of one address.",
    "NGINX_RATE_SIGN_IN": "Attempts to sign in, of one address.",
    "NGINX_TRUSTED_PROXIES": "Addresses and networks of proxies before NGINX, with spaces between, that are believed.",
    "POSTGRES_PORT": "Port of 127.0.0.1 for PostgreSQL.",
    "POSTGRES_MAX_CONNECTIONS": "Connections that PostgreSQL and its replica take.",
    "POSTGRES_SHARED_BUFFERS": "Memory of each of the two for pages; a quarter of the container's at most.",
    "BACKUP_HOST": "The server that is backed up.",
    "BACKUP_COPY": "What is /var/lib/restic for the encrypted copy: a volume, or a path on another disk.",
    "BACKUP_REPOSITORY": "Where restic keeps that copy; sftp:user@host:path or s3:https://host/bucket leave this host.",
    "BACKUP_KEYS": "Directory, of the user 999, of .ssh or .aws with the keys to that place; a volume is empty.",
    "BACKUP_FULL_HOURS": "Hours between full backups.",
    "BACKUP_INCREMENTAL_HOURS": "Hours between incremental backups.",
    "BACKUP_DRILL_HOURS": "Hours between restore drills.",
    "BACKUP_RETENTION_DAYS": "Days to which the database can be taken back.",
    "PROMETHEUS_PORT": "Port of 127.0.0.1 for Prometheus.",
    "PROMETHEUS_RETENTION": "How long measurements are kept.",
    "RUNBOOKS_URL": "Address at which people read docs/RUNBOOKS.md, for the links in notifications.",
    "ALERTMANAGER_CONFIG": "Directory of alertmanager.yml and of the files that its receivers read secrets from.",
    "ALERTMANAGER_PORT": "Port of 127.0.0.1 for Alertmanager.",
    "GRAFANA_PORT": "Port of 127.0.0.1 for Grafana.",
    "KIBANA_PORT": "Port of 127.0.0.1 for Kibana.",
    "DOCKER_LOGS": "Directory of Docker's logs on this host.",
}
"""In the order in which people read them."""


def defaults() -> dict[str, str]:
    """Every variable that docker-compose.yml reads with a default of its own, and that default."""
    return dict(re.findall(r"\$\{([A-Z][A-Z0-9_]*):-([^}]*)\}", COMPOSITION.read_text(encoding="utf-8")))


def profiles() -> list[str]:
    """Return the profiles of a service, for COMPOSE_PROFILES."""
    lists = re.findall(r"^ +profiles: \[([^]]*)\]", COMPOSITION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return sorted({name.strip() for names in lists for name in names.split(",")})
