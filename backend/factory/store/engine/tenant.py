"""The organisation that a transaction acts for; the store sets it at the beginning, look-ups by id read it."""

from __future__ import annotations

from sqlalchemy import Connection

OPTION = "organisation"


def acting_organisation(tx: Connection) -> int | None:
    """Return the key of the organisation, or None in a system transaction."""
    organisation: int | None = tx.get_execution_options()[OPTION]
    return organisation
