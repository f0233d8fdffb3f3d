"""Every route of the service with what it needs, written by hand: what is forgotten here or there is found.

A new route gets a row. `needed` is what the contract says; the tests hold one to the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BASE = "/api/v1"


@dataclass(frozen=True)
class Route:
    """A method and an address with the request that shows it; `{…}` stands for the id of a thing.

    `status` is the answer to who may. `by` is who that is, where it is not an administrator of the organisation:
    a key of scope `ingest`, an `operator`, or for a public route `nobody`.
    """

    method: str
    rule: str
    needed: str
    body: Any = None
    query: str = ""
    status: int = 200
    by: str = "admin"

    @property
    def is_in_a_factory(self) -> bool:
        """Return whether the route acts in the factory that the request names."""
        return self.needed not in ("public", "signed_in", "people somewhere", "organisations")

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def public(method: str, rule: str, body: Any = None, status: int = 200) -> Route:
    return Route(method, rule, "public", body, status=status, by="nobody")


_EVENT = {
    "timestamp": "2026-01-15T10:15:00Z",
    "worker_id": "NEW-{unique}",
    "workstation_id": "NEW-{unique}",
    "event_type": "working",
}

_NEW_USER = {"email": "new-{unique}@example.org", "name": "New", "roles": {"{factory_id}": "viewer"}}

_NEW_PASSWORD = {"old_password": "{password}", "new_password": "another long one {unique}"}

_SERIES = "metric=event_count&entity=workstation&id={workstation_id}&bucket=hour"

ROUTES = (
    public("GET", "/health/"),
    public("GET", "/health/live"),
    public("GET", "/health/ready"),
    Route("GET", "/factories/", "signed_in"),
    Route("POST", "/factories/", "signed_in", {"factory_id": "new-{unique}"}, status=201),
    Route("GET", "/factories/{factory_id}", "figures"),
    Route("GET", "/factories/{factory_id}/time-zone", "figures"),
    Route("PATCH", "/factories/{factory_id}", "settings", {"name": "Changed"}),
    Route("GET", "/workers/", "views"),
    Route("POST", "/workers/", "registry", {"worker_id": "NEW-W-{unique}"}, status=201),
    Route("GET", "/workers/{worker_id}", "views"),
    Route("PATCH", "/workers/{worker_id}", "registry", {"name": "Changed"}),
    Route("DELETE", "/workers/{worker_id}", "registry"),
    Route("GET", "/workers/{worker_id}/views", "persons"),
    Route("GET", "/workers/{worker_id}/data", "export"),
    Route("POST", "/exports/", "export", {"view": "workers", "format": "csv", "rows": 1}, status=201),
    Route("GET", "/workstations/", "figures"),
    Route("POST", "/workstations/", "registry", {"workstation_id": "NEW-S-{unique}"}, status=201),
    Route("GET", "/workstations/{workstation_id}", "figures"),
    Route("PATCH", "/workstations/{workstation_id}", "registry", {"name": "Changed"}),
    Route("GET", "/events/", "views", query="worker_id={worker_id}&limit=3"),
    Route("POST", "/events/", "ingest or enter", _EVENT, status=201),
    Route("POST", "/events/batch", "ingest", [_EVENT], status=201, by="ingest"),
    Route("GET", "/metrics/factory", "figures"),
    Route("GET", "/metrics/organisation", "signed_in"),
    Route("GET", "/metrics/workers", "views"),
    Route("GET", "/metrics/workers/{worker_id}", "views"),
    Route("GET", "/metrics/workers/{worker_id}/intervals", "views"),
    Route("GET", "/metrics/workstations", "figures"),
    Route("GET", "/metrics/workstations/{workstation_id}", "figures"),
    Route("GET", "/metrics/workstations/{workstation_id}/intervals", "figures"),
    Route("GET", "/metrics/timeseries", "figures", query=_SERIES),
    Route("GET", "/metrics/timeline", "figures", query="entity=workstation&id={workstation_id}"),
    Route("GET", "/metrics/now", "figures"),
    Route("GET", "/keys/", "people"),
    Route("POST", "/keys/", "people", {"name": "Line 1", "scope": "read"}, status=201),
    Route("DELETE", "/keys/{key_id}", "people"),
    Route("POST", "/keys/{key_id}/rotate", "people", {"overlap_hours": 1}, status=201),
    public("GET", "/session/"),
    public("GET", "/session/oidc", status=404),
    public("GET", "/session/oidc/callback", status=404),
    public("POST", "/session/", {"email": "nobody@example.org", "password": "a wrong one"}, status=401),
    Route("DELETE", "/session/", "signed_in"),
    public("POST", "/session/refresh", status=401),
    Route("DELETE", "/session/all", "signed_in"),
    Route("POST", "/session/password", "signed_in", _NEW_PASSWORD),
    Route("POST", "/session/totp", "signed_in", {"password": "{password}"}),
    Route("DELETE", "/session/totp", "signed_in", {"password": "{password}"}),
    Route("POST", "/session/totp/confirm", "signed_in", {"code": "123456"}, status=409),
    Route("POST", "/session/totp/recovery-codes", "signed_in", {"password": "{password}"}, status=409),
    Route("GET", "/session/list", "signed_in"),
    Route("DELETE", "/session/list/{session_id}", "signed_in", status=404),
    Route("GET", "/users/second-factor", "people somewhere"),
    Route("PATCH", "/users/second-factor", "people somewhere", {"required_from": None}),
    Route("GET", "/users/{user_id}/sessions", "people somewhere"),
    Route("DELETE", "/users/{user_id}/sessions/{session_id}", "people somewhere"),
    Route("GET", "/users/", "people somewhere"),
    Route("POST", "/users/", "people somewhere", _NEW_USER, status=201),
    Route("GET", "/users/{user_id}", "people somewhere"),
    Route("PATCH", "/users/{user_id}", "people somewhere", {"name": "Changed"}),
    Route("DELETE", "/users/{user_id}", "people somewhere"),
    Route("GET", "/organisations/", "organisations", by="operator"),
    Route("POST", "/organisations/", "organisations", {"organisation_id": "new-{unique}"}, status=201, by="operator"),
    Route("PATCH", "/organisations/{organisation_id}", "organisations", {"name": "Changed"}, by="operator"),
    Route("GET", "/audit/", "people somewhere"),
    Route("GET", "/demo/", "figures"),
    Route("POST", "/demo/seed", "settings"),
)

WITHOUT_CONTRACT = {
    "/docs": "Swagger UI",
    "/api/v1/docs": "Swagger UI",
    "/api/v1/openapi.json": "the document",
    "/api/v1/swagger.json": "the document",
    "/swaggerui/<path:filename>": "Swagger UI",
    "/metrics": "has a token of its own",
}
"""Routes that answer everybody, beside the page's files; nothing of a factory stands there."""
