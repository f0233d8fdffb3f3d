"""The text of SQL statements for people: one form for each statement, a line for each clause."""

from __future__ import annotations

import re
import textwrap


def general_form(sql: str) -> str:
    """Write a statement with parameters as `:name`, the same for any number of rows and ids and any window."""
    sql = re.sub(r"%\((\w+)\)s", r":\1", " ".join(sql.split())).replace("%%", "%")
    sql = re.sub(r"\b17\d{14}\b", ":instant", sql)
    sql = re.sub(r"IN \(:(\w+?_\d+)(?:_\d+)?(?:, :\w+)*\)", r"IN (:\1, ...)", sql)
    return re.sub(r"(:\w+)__0\b", r"\1", re.sub(r"(VALUES \([^()]*\))(?:, \([^()]*\))+", r"\1", sql))


_CLAUSE = re.compile(
    r"(SELECT|FROM|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|OFFSET|UNION ALL|EXCEPT ALL|(CROSS |LEFT OUTER )?JOIN|SET"
    r"|VALUES|RETURNING|ON CONFLICT|AND)\b"
)
_GOES_ON = re.compile(r"(CROSS|OUTER|ALL|DELETE|UPDATE|BETWEEN \S+) $")
"""The end of a line that the next clause word continues."""
_TOKEN = re.compile(r"'[^']*'|\(\s*|\)|[^\s()']+|\s+")


def formatted(sql: str) -> str:
    """Write a statement with one line for each clause, and subqueries indented."""
    lines: list[str] = []
    line, indent, at = "", 0, 0
    blocks: list[int | None] = [0]  # the indent of each open parenthesis, None where it goes on in its line

    def end_line() -> None:
        if line.strip():
            before = " " * indent
            wrapped = textwrap.TextWrapper(112, initial_indent=before, subsequent_indent=before + "    ")
            wrapped.break_long_words = wrapped.break_on_hyphens = False
            lines.extend(wrapped.wrap(line.strip()))

    while at < len(sql):
        token = _TOKEN.match(sql, at)
        assert token is not None, sql[at:]
        block, text = blocks[-1], token[0]
        at_clause = _CLAUSE.match(sql, at) if block is not None and line[-1:] in (" ", ")") else None
        if block is not None and at_clause and not _GOES_ON.search(line):
            end_line()
            line, indent = "", block + (2 if text == "AND" else 0)
        at = token.end()
        if text[0] == "(":
            line += "("
            is_query = re.match(r"(SELECT|WITH|INSERT|DELETE)\b", sql[at:])
            blocks.append(indent + 2 if is_query else None)
            if is_query:
                end_line()
                line, indent = "", indent + 2
        elif text == ")":
            if block is not None:
                end_line()
                line, indent = "", block - 2
            blocks.pop()
            line += ")"
        else:
            line += text
    end_line()
    return "\n".join(lines)


_COPY = re.compile(r"^COPY \((.*)\) TO STDOUT \(FORMAT binary\)$")
_ARRAYS = re.compile(r"\(SELECT place - 1 AS i, .*? FROM unnest\(.*?\) WITH ORDINALITY AS u\((.*?), place\)\)")
_JSON = re.compile(r"\(SELECT key AS i, (.*?) FROM json_each\(:given\)\)")
_LATERAL = re.compile(r"CROSS JOIN LATERAL \(SELECT \* FROM (\S+ \w+) WHERE (.*?) OFFSET 0\) \w+")


def without_dialect(sql: str) -> str:
    """Strip from a statement the differences that the head of docs/STATEMENTS.md names."""
    sql = _ARRAYS.sub(r"(\1)", _COPY.sub(r"\1", sql))
    sql = _JSON.sub(lambda found: "(" + ", ".join(re.findall(r" AS (\w+)", found[1])) + ")", sql)
    return _LATERAL.sub(r"CROSS JOIN \1 WHERE \2", sql)
