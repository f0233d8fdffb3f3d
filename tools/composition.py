"""The variables of docker-compose.yml beside the server's options, with their meanings and defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

COMPOSITION = Path(__file__).resolve().parents[1] / "docker-compose.yml"

MEANINGS: Mapping[str, str] = {
    "BACKENDS": "Number of backends.",
    "BACKEND_PORTS": "One port of 127.0.0.1 per backend; a rolling update needs twice as many as backends.",
    "BACKEND_HEALTH_INTERVAL": "Time between two health checks of a backend; the first is that long after its start.",
    "BACKEND_IMAGE": "Image of the backends; name a release to roll forward or back.",
    "FRONTEND_IMAGE": "Image of NGINX with the page.",
    "BACKUP_IMAGE": "Image of the backups.",
    "DATABASE_URL_SECRET": "The file of deploy/secrets with DATABASE_URL; pooled_database_url goes through PgBouncer.",
    "HTTP_BIND": "Address on which HTTP is published; 0.0.0.0 for all networks, where nothing but HTTP is wanted.",
    "HTTP_PORT": "Port on which HTTP is published.",
    "TLS_PORT": "Port on which HTTPS is published.",
    "TLS_REDIRECT_PORT": "Port that redirects to HTTPS and answers the certificate authority.",
    "TLS_CERTIFICATES": "Directory of fullchain.pem and privkey.pem.",
    "ACME_WEBROOT": "Directory in which certbot leaves its challenges.",
    "NGINX_SERVER_NAME": "Host name of the site; _ is any.",
    "NGINX_MAX_BODY": "Largest body; not below MAX_BODY_BYTES.",
    "NGINX_CONNECTIONS": "Requests to the API under way at once, per address.",
    "NGINX_RATE_INGEST": "Requests with events, per address.",
    "NGINX_RATE_READ": "Other requests to the API, per address.",
    "NGINX_RATE_SIGN_IN": "Attempts to sign in, per address.",
    "NGINX_TRUSTED_PROXIES": "Addresses and networks of trusted proxies before NGINX, separated by spaces.",
    "POSTGRES_PORT": "Port of 127.0.0.1 for PostgreSQL.",
    "POSTGRES_MAX_CONNECTIONS": "Most connections of PostgreSQL, and of its replica.",
    "POSTGRES_SHARED_BUFFERS": "Memory of each of the two for pages; at most a quarter of the container's.",
    "BACKUP_HOST": "Server to back up.",
    "BACKUP_SSLMODE": "TLS to that server: verify-full needs the certificate of deploy/secrets; disable is none.",
    "BACKUP_COPY": "Mounted as /var/lib/restic for the encrypted copy: a volume, or a path on another disk.",
    "BACKUP_REPOSITORY": "Address of that copy; sftp:user@host:path or s3:https://host/bucket leave this host.",
    "BACKUP_KEYS": "Directory, owned by user 999, of .ssh or .aws with the keys to that address; a volume is empty.",
    "BACKUP_FULL_HOURS": "Hours between full backups.",
    "BACKUP_INCREMENTAL_HOURS": "Hours between incremental backups.",
    "BACKUP_DRILL_HOURS": "Hours between restore drills.",
    "BACKUP_RETENTION_DAYS": "Days back to which the database can be restored.",
    "PROMETHEUS_PORT": "Port of 127.0.0.1 for Prometheus.",
    "PROMETHEUS_RETENTION": "How long measurements are kept.",
    "RUNBOOKS_URL": "Address of docs/RUNBOOKS.md for people, for the links in notifications.",
    "ALERTMANAGER_CONFIG": "Directory of alertmanager.yml and of its receivers' secret files.",
    "ALERTMANAGER_PORT": "Port of 127.0.0.1 for Alertmanager.",
    "GRAFANA_PORT": "Port of 127.0.0.1 for Grafana.",
    "KIBANA_PORT": "Port of 127.0.0.1 for Kibana.",
    "DOCKER_LOGS": "Directory of Docker's logs on this host.",
}
"""In the order of `.env.example`."""


def defaults() -> dict[str, str]:
    """Return the variables with a default in docker-compose.yml, and that default."""
    return dict(re.findall(r"\$\{([A-Z][A-Z0-9_]*):-([^}]*)\}", COMPOSITION.read_text(encoding="utf-8")))


def profiles() -> list[str]:
    """Return the profiles of a service, for COMPOSE_PROFILES."""
    lists = re.findall(r"^ +profiles: \[([^]]*)\]", COMPOSITION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return sorted({name.strip() for names in lists for name in names.split(",")})
