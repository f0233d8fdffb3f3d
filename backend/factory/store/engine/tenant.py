"""For which organisation a transaction acts. The store says it when it begins one; what reads by id asks here."""

from __future__ import annotations

from sqlalchemy import Connection

OPTION = "organisation"


def acting_organisation(tx: Connection) -> int | None:
    """The key of the organisation, or None for a transaction of the installation itself."""
    organisation: int | None = tx.get_execution_options()[OPTION]
    return organisation
