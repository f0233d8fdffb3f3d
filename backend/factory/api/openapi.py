"""The OpenAPI 3.1 document, made from the contracts of the handlers."""

from __future__ import annotations

import inspect
import re
from typing import Any

from flask_restx import Api

from factory import __version__
from factory.api.access.schemas import ACCESS_BODIES
from factory.api.http.contract import NOT_JSON, Contract, Parameter, credentials
from factory.api.http.schemas import REQUEST_BODIES, Schema, ref
from factory.api.metrics.schemas import ANSWERS
from factory.api.privacy.schemas import PRIVACY_BODIES

TITLE = "Factory productivity"
DESCRIPTION = """\
Events of cameras and sensors go in, numbers about workers, workstations and the factory come out.

Every route answers with and without its trailing slash. Times are RFC 3339; one without an offset is UTC.
A request acts in the factory of `?factory=` or `X-Factory-ID`, else in `default`. A query parameter that a route
does not know is refused, health apart. A list is one parameter with commas in it, or the parameter repeated.
Where access is required a request shows an access token or an API key; *Authorize* adds it to all.
`X-Request-ID` may be sent (1 to 64 of `A-Z a-z 0-9 . _ -`) and is on every answer. What a GET found
carries an `ETag`; the same question with it in `If-None-Match` is answered with 304
until something else is found. What was refused with 503 can be sent again unchanged after `Retry-After` seconds.
"""

SECURITY_SCHEMES: dict[str, Schema] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /session/`, or an API key.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key, `fk_…`."},
}

BODIES: dict[str, Schema] = {**REQUEST_BODIES, **ACCESS_BODIES, **PRIVACY_BODIES}
"""Every request body."""

_REQUEST_ID = {"X-Request-ID": {"description": "Names the request in the log.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def openapi_document(api: Api, base_path: str) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for namespace in api.namespaces:
        for resource in namespace.resources:
            for url in api.ns_urls(namespace, resource.urls):
                path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", url)
                paths[path] = {
                    method.lower(): _operation(getattr(resource.resource, method.lower()), namespace.name)
                    for method in sorted(resource.resource.methods)
                }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_path}],
        "tags": [
            {"name": namespace.name, "description": namespace.description}
            for namespace in api.namespaces
            if namespace.resources
        ],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": {**BODIES, **ANSWERS}, "securitySchemes": SECURITY_SCHEMES},
    }


def _operation(handler: Any, tag: str) -> dict[str, Any]:
    contract: Contract = handler.contract
    summary, _, description = (inspect.getdoc(handler) or "").partition("\n\n")
    method, _, noun = handler.__qualname__.rpartition(".")[2], "", handler.__qualname__.partition(".")[0]
    operation: dict[str, Any] = {
        "tags": [tag],
        "operationId": method + re.sub(r"([A-Z])", r"_\1", noun).lower(),
        "summary": summary.rstrip("."),
        "security": credentials(contract),
        "parameters": [_parameter(one) for one in contract.parameters],
        "responses": {str(status): _answer(status, *answer) for status, answer in contract.answers.items()},
    }
    if description:
        operation["description"] = " ".join(description.split())
    if contract.body:
        first = next(iter(contract.body.content))
        operation["requestBody"] = {
            "required": True,
            "content": {
                media_type: {"schema": schema, **({"example": contract.body.example} if media_type == first else {})}
                for media_type, schema in contract.body.content.items()
            },
        }
    return operation


def _parameter(declared: Parameter) -> dict[str, Any]:
    return {
        "name": declared.name,
        "in": declared.where,
        "required": declared.required,
        "description": declared.description,
        "schema": declared.schema,
        # A generated client sends a list as one parameter with commas in it; a repeated one is taken too.
        **({"explode": False} if declared.schema["type"] == "array" else {}),
        **({} if declared.example is None else {"example": declared.example}),
    }


def _answer(status: int, meaning: str, schema: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "headers": {**_REQUEST_ID, **(_RETRY_AFTER if status in (429, 503) else {})},
        "content": {NOT_JSON.get(schema, "application/json"): {"schema": ref(schema)}},
    }
