"""The audit trail of the caller's organisation."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many
from factory.api.http.audience import audience
from factory.api.http.contract import Parameter, contract
from factory.api.http.query import Query
from factory.api.http.request import caller, store
from factory.api.http.route import Route
from factory.api.http.schemas import INSTANT, TEXT
from factory.domain.access.permissions import EVERYWHERE
from factory.operations.privacy.read_audit import read_audit

namespace = Namespace("audit", "Who did what, and when", path="/audit")

_FILTERS = (
    Parameter("from", INSTANT, "Begin of the time, included."),
    Parameter("to", INSTANT, "End of the time, excluded."),
    Parameter("actor", TEXT, "Only what this one did."),
    Parameter("action", TEXT, "Only this action; with a dot at its end all that begin so, `session.`"),
    Parameter("subject", TEXT, "Only what was done to this, as it is shown."),
    Parameter("cursor", TEXT, "The next_cursor of the page before."),
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "The most lines on a page."),
)


@namespace.route("/")
class Audit(Route):
    @contract(
        access="people somewhere",
        parameters=_FILTERS,
        answers={200: ("A page of lines, newest first; next_cursor is null on the last", "AuditAnswer")},
        errors=(400,),
    )
    def get(self) -> Response:
        """List who did what.

        Administrators of the organisation see every line, those of single factories the lines of these. Where a
        factory shows no persons, they stand under their pseudonyms here too.
        """
        query = Query()
        filters: dict[str, Any] = {
            "start": query.instant("from"),
            "end": query.instant("to"),
            "actor": query.text("actor"),
            "action": query.text("action"),
            "subject": query.text("subject"),
            "cursor": query.text("cursor"),
            "limit": query.integer("limit", low=1, high=1000, default=100),
        }
        query.done()
        page = read_audit(store=store(), audience=audience, factory_ids=_own_factories(), **filters)
        return many(page.data, next_cursor=page.next_cursor)


def _own_factories() -> Collection[str] | None:
    """Return the factories in which the caller administers users; None for every factory."""
    if caller().may("people", EVERYWHERE):
        return None
    return [factory_id for factory_id, permissions in caller().granted.items() if "people" in permissions]
