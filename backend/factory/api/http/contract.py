"""The contract of a route, written above its handler and read by both documents.

`contract(...)` attaches it to the handler. Flask-RESTX takes its Swagger 2 document from `__apidoc__`;
openapi.py makes the OpenAPI 3 document. Neither looks at a request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from factory.api.http.schemas import ID, INSTANT, Schema, ref
from factory.domain.access.permissions import Permission

Need = Permission | Literal["public", "signed_in", "ingest or enter", "people somewhere"]
"""Need of a route: nothing, a valid credential, or a permission in the request's factory.

`people somewhere` is the permission in any factory; the handler looks at which.
"""

Handler = TypeVar("Handler", bound=Callable[..., Any])

REASONS = {
    400: "Not JSON, the wrong shape, a missing or invalid field or parameter",
    401: "No credential, or none that is valid",
    403: "Not allowed",
    404: "No such factory, worker or workstation",
    409: "It contradicts what is stored",
    413: "The body is too large, or holds too many events",
    415: "A content type or encoding that is not accepted",
    429: "More requests than are allowed",
    500: "Something went wrong on the server's side",
    503: "Overloaded, or the database is away; the same request may be sent again",
}


@dataclass(frozen=True)
class Parameter:
    name: str
    schema: Schema
    description: str
    where: str = "query"
    required: bool = False
    example: Any = None


@dataclass(frozen=True)
class Body:
    """`content` holds the schema of each accepted content type, JSON first; `examples` are full bodies of it."""

    content: dict[str, Schema]
    example: Any


@dataclass(frozen=True)
class Contract:
    parameters: tuple[Parameter, ...]
    body: Body | None
    answers: dict[int, tuple[str, str]]
    """Meaning and name of the schema, by status."""
    access: Need
    query: frozenset[str]
    """Names of the query parameters."""
    lists: frozenset[str]
    """Names of those that are lists."""
    any_query: bool
    """True if undeclared parameters are ignored instead of refused."""


NOT_JSON = {"PersonData": "application/x-ndjson", "Redirect": "text/html"}
"""The content types of the answers that are no JSON, by the names of their schemas."""

FACTORY = (
    Parameter("factory", ID, "The factory to act in; without this and the header the caller's only one, or `default`."),
    Parameter("X-Factory-ID", ID, "The same as a header.", where="header"),
)
WINDOW = (
    Parameter("from", INSTANT, "Begin of the window, included; the factory's first event where it is left out."),
    Parameter("to", INSTANT, "End of the window, excluded; never later than now."),
)
AFTER = Parameter("after", ID, "Only ids that come after this one, by code point.")
WORKER_ID = Parameter("worker_id", ID, "The worker.", "path", required=True, example="W1")
WORKSTATION_ID = Parameter("workstation_id", ID, "The workstation.", "path", required=True, example="S3")
FACTORY_ID = Parameter("factory_id", ID, "The factory.", "path", required=True, example="default")


def json_body(name: str, example: Any) -> Body:
    return Body({"application/json": ref(name)}, example)


def contract(
    *,
    access: Need,
    answers: dict[int, tuple[str, str]],
    parameters: tuple[Parameter, ...] = (),
    body: Body | None = None,
    errors: tuple[int, ...] = (),
    any_query: bool = False,
) -> Callable[[Handler], Handler]:
    """Attach a contract. A body and a permission bring their own refusals; no route is safe from 429, 500 and 503."""
    refusals = {*errors, 429, 500, 503} | ({400, 413, 415} if body else set())
    if access != "public":
        refusals |= {400, 401, 403, 404}
    all_answers = {**answers, **{status: (REASONS[status], "Error") for status in sorted(refusals)}}
    declared = Contract(
        parameters=parameters,
        body=body,
        answers=dict(sorted(all_answers.items())),
        access=access,
        query=frozenset(one.name for one in parameters if one.where == "query"),
        lists=frozenset(one.name for one in parameters if one.where == "query" and one.schema["type"] == "array"),
        any_query=any_query,
    )

    def attach(handler: Handler) -> Handler:
        handler.contract = declared  # type: ignore[attr-defined]
        handler.__apidoc__ = _for_restx(declared)  # type: ignore[attr-defined]
        return handler

    return attach


def _for_restx(declared: Contract) -> dict[str, Any]:
    params: dict[str, dict[str, Any]] = {}
    for parameter in declared.parameters:
        params[parameter.name] = {
            **parameter.schema,
            "in": parameter.where,
            "description": parameter.description,
            "required": parameter.required,
            **({} if parameter.example is None else {"x-example": parameter.example}),
        }
    if declared.body:
        schema = next(iter(declared.body.content.values()))
        params["payload"] = {
            "in": "body",
            "required": True,
            # Beside a $ref an example would not be seen.
            "schema": {"allOf": [swagger_2(schema)], "example": declared.body.example},
        }
    responses = {str(status): (meaning, name) for status, (meaning, name) in declared.answers.items()}
    vendor = {"x-consumes": list(declared.body.content)} if declared.body else {}
    produces = [NOT_JSON[name] for _, name in declared.answers.values() if name in NOT_JSON]
    more = {"produces": ["application/json", *produces]} if produces else {}
    return {"params": params, "responses": responses, "vendor": vendor, "security": credentials(declared), **more}


def credentials(declared: Contract) -> list[dict[str, list[str]]]:
    """Return the credentials that a route takes, each by itself enough, as both documents write it."""
    return [] if declared.access == "public" else [{"bearer": []}, {"key": []}]


def swagger_2(schema: Any) -> Any:
    """Return a schema in the dialect of Swagger 2, which knows no null and keeps its definitions elsewhere."""
    if isinstance(schema, list):
        return [swagger_2(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {key: swagger_2(value) for key, value in schema.items()}
    if isinstance(schema.get("type"), list):
        converted["type"], _null = schema["type"]
        converted["x-nullable"] = True
    if isinstance(schema.get("$ref"), str):
        converted["$ref"] = schema["$ref"].replace("#/components/schemas/", "#/definitions/")
    return converted
