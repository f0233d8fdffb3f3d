"""Both documents say what is served: routes, parameters, bodies and answers."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.api.conftest import PATH_VALUES, api_rules, asked

from factory.adapters.events.event_json import EventFields
from factory.api.metrics.figures import METRIC_FIELDS
from factory.domain.event import EVENT_TYPES, MAX_COUNT, REQUIRED_FIELDS, is_id, is_label
from factory.domain.metrics.formulas import SERIES_METRICS


@pytest.fixture(scope="module")
def openapi(served: Flask) -> Any:
    return served.test_client().get("/api/v1/openapi.json").get_json()


@pytest.fixture(scope="module")
def swagger(served: Flask) -> Any:
    return served.test_client().get("/api/v1/swagger.json").get_json()


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }


def filled(path: str) -> str:
    for name, value in PATH_VALUES.items():
        path = path.replace(f"{{{name}}}", value)
    return "/api/v1" + path


def schema_of(openapi: Any, schema: Any) -> Any:
    """Return a schema that stands alone, so that a plain validator can read it."""
    return {**schema, "components": openapi["components"]}


def test_the_openapi_document_is_valid(openapi: Any) -> None:
    OpenAPIV31SpecValidator(openapi).validate()


def test_both_documents_hold_just_the_routes_that_are_served(served: Flask, openapi: Any, swagger: Any) -> None:
    for document in (openapi, swagger):
        assert sorted((method, filled(path)) for method, path in operations(document)) == api_rules(served)


def test_both_documents_name_the_same_parameters_and_answers(openapi: Any, swagger: Any) -> None:
    for key, operation in operations(openapi).items():
        other = operations(swagger)[key]
        shared = swagger["paths"][key[1]].get("parameters", [])
        named = {(one["in"], one["name"]) for one in [*shared, *other.get("parameters", [])]} - {("body", "payload")}
        assert {(one["in"], one["name"]) for one in operation["parameters"]} == named
        assert operation["responses"].keys() == other["responses"].keys()
        assert list(operation.get("requestBody", {}).get("content", {})) == other.get("consumes", [])


def test_every_reference_of_both_documents_leads_somewhere(openapi: Any, swagger: Any) -> None:
    for document, prefix, targets in (
        (openapi, "#/components/schemas/", openapi["components"]["schemas"]),
        (swagger, "#/definitions/", swagger["definitions"]),
    ):
        references = set(re.findall(r"'\$ref': '([^']*)'", str(document)))
        assert {reference.removeprefix(prefix) for reference in references} <= targets.keys()


def test_a_documented_query_parameter_is_known_and_no_other(site: FlaskClient, openapi: Any) -> None:
    for (method, path), operation in operations(openapi).items():
        documented = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
        names = {"factory", "from", "to", "limit", "cursor", "atomic", "metric", "entity", "id", "bucket", "worker_id"}
        answer = site.open(filled(path) + "?" + "&".join(f"{name}=%00" for name in sorted(names)), method=method)
        if path.startswith(("/health", "/session/oidc")):
            continue  # health answers whoever asks, however; a provider sends what parameters it likes
        refused = {
            fault["field"] for fault in answer.get_json().get("errors", []) if fault["code"] == "unknown_parameter"
        }
        assert refused == names - documented, (method, path)


def test_every_answer_fits_its_schema(site: FlaskClient, openapi: Any) -> None:
    for (method, path), operation in operations(openapi).items():
        if method == "GET":
            answer = site.get(asked(filled(path)))
            content = operation["responses"][str(answer.status_code)]["content"]
            assert list(content) == [answer.mimetype]
            if answer.is_json:
                jsonschema.validate(answer.get_json(), schema_of(openapi, content["application/json"]["schema"]))


OF_WHO_HAS_SIGNED_IN = "/session"
"""Below it the examples are somebody's: tests/access sends such bodies."""


def test_every_example_can_be_sent_as_it_stands(site: FlaskClient, openapi: Any) -> None:
    for (method, path), operation in operations(openapi).items():
        if "requestBody" not in operation or path.startswith(OF_WHO_HAS_SIGNED_IN):
            continue
        content = operation["requestBody"]["content"]["application/json"]
        jsonschema.validate(content["example"], schema_of(openapi, content["schema"]))
        answer = site.open(filled(path), method=method, json=content["example"])
        assert answer.status_code in (200, 201), (path, answer.text)
        schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.get_json(), schema_of(openapi, schema))


def test_refusals_fit_their_schemas(site: FlaskClient, openapi: Any) -> None:
    schemas = openapi["components"]["schemas"]
    for path, body in (("/events/", {}), ("/workers/", {}), ("/events/batch", {}), ("/nothing", {})):
        answer = site.post("/api/v1" + path, json=body)
        jsonschema.validate(answer.get_json(), schema_of(openapi, schemas["Error"]))
    mixed = site.post("/api/v1/events/batch", json=[{}, 5])
    assert mixed.status_code == 422
    jsonschema.validate(mixed.get_json(), schema_of(openapi, schemas["BatchAnswer"]))


def test_the_schema_of_an_event_is_what_the_parser_reads(openapi: Any) -> None:
    event = openapi["components"]["schemas"]["NewEvent"]
    assert list(event["properties"]) == list(EventFields.__struct_fields__)
    assert event["required"] == list(REQUIRED_FIELDS)
    assert event["properties"]["event_type"]["enum"] == list(EVENT_TYPES)
    assert event["properties"]["count"]["maximum"] == MAX_COUNT


@pytest.mark.parametrize(
    "text", ["W1", "a", "9", "a.b_c:d-e", "x" * 64, "x" * 65, "", "-a", "_a", "a b", "é", "a\n", "a/b"]
)
def test_the_documented_pattern_of_ids_is_the_rule(openapi: Any, text: str) -> None:
    schema = openapi["components"]["schemas"]["NewEvent"]["properties"]["worker_id"]
    # Python's $ also matches before a last line feed; ECMA-262, which JSON Schema means, does not.
    assert (re.search(schema["pattern"].replace("$", r"\Z"), text) is not None) == is_id(text)


@pytest.mark.parametrize("text", ["a", "ä 2", "x" * 128, "x" * 129, "", "a\x00", "a\n", "\x7f", "\x85", "\u2028", "😀"])
def test_the_documented_rule_of_labels_is_the_rule(openapi: Any, text: str) -> None:
    schema = openapi["components"]["schemas"]["NewEvent"]["properties"]["event_id"]
    fits = schema["minLength"] <= len(text) <= schema["maxLength"]
    fits = fits and re.search(schema["pattern"].replace("$", r"\Z"), text) is not None
    assert fits == is_label(text, 128)


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/api/v1/docs", "/api/v1/docs/"])
def test_swagger_ui_asks_no_third_party(site: FlaskClient, path: str) -> None:
    page = site.get(path)
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert asset.startswith("/swaggerui/")
        with site.get(asset) as answer:
            assert answer.status_code == 200
    assert 'url: "/api/v1/swagger.json"' in page.text


def test_swagger_ui_may_run_its_own_inline_script_only(site: FlaskClient) -> None:
    page = site.get("/docs")
    inline = re.findall(r"<script(?![^>]* src=)[^>]*>", page.text)
    assert page.headers["Content-Security-Policy"].count("'sha256-") == len(inline) == 1


def test_the_series_offers_every_number_of_the_metrics(site: FlaskClient, openapi: Any) -> None:
    assert {entity: tuple(fields) for entity, fields in METRIC_FIELDS.items()} == {
        entity: tuple(metrics) for entity, metrics in SERIES_METRICS.items()
    }
    parameters = openapi["paths"]["/metrics/timeseries"]["get"]["parameters"]
    [offered] = [one["schema"]["items"]["enum"] for one in parameters if one["name"] == "metric"]
    for entity, identity in (("worker", "&id=W1"), ("workstation", "&id=S3"), ("factory", "")):
        for name in SERIES_METRICS[entity]:
            assert name in offered
            answer = site.get(f"/api/v1/metrics/timeseries?metric={name}&entity={entity}{identity}&bucket=hour")
            assert answer.status_code == 200, (name, answer.text)


def test_both_documents_name_the_credentials_of_each_route(openapi: Any, swagger: Any) -> None:
    assert openapi["components"]["securitySchemes"].keys() == swagger["securityDefinitions"].keys() == {"bearer", "key"}
    public = [operation for operation, described in operations(openapi).items() if described["security"] == []]
    assert {path for _, path in public} == {
        "/health/",
        "/health/live",
        "/health/ready",
        "/session/",
        "/session/oidc",
        "/session/oidc/callback",
        "/session/refresh",
    }
    for document in (openapi, swagger):
        for operation, described in operations(document).items():
            assert described.get("security", []) == ([] if operation in public else [{"bearer": []}, {"key": []}])


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("/metrics/timeseries?entity=worker&id=W1&bucket=day", "metric", ["event_count", "total_units_produced"]),
        ("/metrics/timeline?entity=worker", "id", ["W1", "W2"]),
    ],
)
def test_a_list_may_be_repeated_or_have_commas(site: FlaskClient, path: str, name: str, values: list[str]) -> None:
    site.post("/api/v1/workers/", json={"worker_id": "W2", "name": "Second"})

    def asked_with(query: str) -> Any:
        reply = site.get(f"/api/v1{path}&{query}")
        return reply.status_code, reply.get_json().get("data", reply.get_json().get("errors"))

    repeated = asked_with("&".join(f"{name}={value}" for value in values))
    assert repeated == asked_with(f"{name}={','.join(values)}")
    assert repeated[0] == 200
    assert asked_with(f"{name}=&{name}={values[0]}")[0] == 400


def test_a_required_parameter_that_is_repeated_is_told_once(site: FlaskClient) -> None:
    refused = site.get("/api/v1/metrics/timeseries?metric=event_count&entity=factory&bucket=day&bucket=hour")
    assert [fault["code"] for fault in refused.get_json()["errors"]] == ["repeated_parameter"]
