"""docs/STATEMENTS.md shows the SQL that frequent requests send; it is compared with what they send now."""

from __future__ import annotations

from collections.abc import Callable

from tools.sql_text import formatted
from tools.statements import DOCUMENT, document


def test_the_document_of_statements_is_what_the_code_sends(fresh_database: Callable[[str], str]) -> None:
    sent = document(fresh_database("postgresql"), fresh_database("sqlite"))

    assert sent == DOCUMENT.read_text(encoding="utf-8"), "run `make statements`"


def test_a_statement_is_shown_with_a_line_for_each_clause_and_its_subqueries_indented() -> None:
    sql = (
        "UPDATE t SET a = coalesce((SELECT max(b) FROM u WHERE u.c = t.c AND u.d IN (1, 2)), 0) "
        "WHERE t.e = '(AND FROM' AND t.f BETWEEN 1 AND 2"
    )

    assert formatted(sql).splitlines() == [
        "UPDATE t",
        "SET a = coalesce((",
        "  SELECT max(b)",
        "  FROM u",
        "  WHERE u.c = t.c",
        "    AND u.d IN (1, 2)",
        "), 0)",
        "WHERE t.e = '(AND FROM'",
        "  AND t.f BETWEEN 1 AND 2",
    ]
