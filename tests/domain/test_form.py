"""A form reports all faults of an object at once."""

from __future__ import annotations

from typing import Any

import pytest

from factory.domain.errors import InvalidInput
from factory.domain.form import Form


def filled(values: Any) -> dict[str, Any]:
    form = Form(values)
    form.require("id", "name")
    form.identity("id")
    form.text("name", longest=5)
    form.choice("kind", ("a", "b"), code="invalid_kind")
    form.integer("number", 0, 9)
    form.boolean("on")
    form.boolean("tri", or_null=True)
    return form.done()


def refusal(values: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        filled(values)
    return refused.value


GOOD = {"id": "W1", "name": "Grace"}


def test_what_was_given_and_is_valid_comes_back_and_nothing_else() -> None:
    given = {**GOOD, "kind": "a", "number": 0, "on": False, "tri": True}
    assert filled({**given, "other": 1}) == given
    assert filled(GOOD) == GOOD


def test_null_is_the_same_as_absence_but_where_it_is_a_value() -> None:
    nothing = {"kind": None, "number": None, "on": None}
    assert filled({**GOOD, **nothing, "tri": None}) == {**GOOD, "tri": None}


@pytest.mark.parametrize("values", [None, [], "x", 5])
def test_anything_but_an_object_is_refused(values: Any) -> None:
    assert refusal(values).code == "not_an_object"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("id", "", "invalid_id"),
        ("id", "a b", "invalid_id"),
        ("id", 5, "invalid_id"),
        ("name", "", "invalid_text"),
        ("name", "123456", "invalid_text"),
        ("name", "a\n", "invalid_text"),
        ("name", ["a"], "invalid_text"),
        ("kind", "c", "invalid_kind"),
        ("kind", ["a"], "invalid_kind"),
        ("number", -1, "out_of_range"),
        ("number", 10, "out_of_range"),
        ("number", 1.0, "out_of_range"),
        ("number", True, "out_of_range"),
        ("number", "1", "out_of_range"),
        ("on", 1, "invalid_boolean"),
        ("on", "true", "invalid_boolean"),
        ("tri", 0, "invalid_boolean"),
    ],
)
def test_a_bad_value_is_a_fault_of_its_field(name: str, value: Any, code: str) -> None:
    error = refusal({**GOOD, name: value})
    assert error.code == code
    assert [(fault["field"], fault["code"]) for fault in error.errors] == [(name, code)]
    assert error.message == f"{name}: {error.errors[0]['message']}"


def test_all_faults_are_reported_and_the_first_gives_the_code() -> None:
    error = refusal({"id": "a b", "name": "", "number": 99, "kind": "b"})
    assert [fault["field"] for fault in error.errors] == ["id", "name", "number"]
    assert error.code == "invalid_id"
    assert error.message == "; ".join(f"{fault['field']}: {fault['message']}" for fault in error.errors)


def test_missing_fields_are_named_before_all_else() -> None:
    error = refusal({"number": 99})
    assert (error.code, error.message) == ("missing_fields", "Missing required fields: id, name")
    assert [fault["code"] for fault in error.errors] == ["missing_field", "missing_field", "out_of_range"]
