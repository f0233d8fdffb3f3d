"""How many new names each sender had registered in a factory in the present hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from factory.domain.timestamp import HOUR
from factory.store.schema import registrations


@dataclass(frozen=True)
class Quota:
    """The most new names that a sender may have registered in an hour of the clock (UTC)."""

    most: int
    senders: Sequence[str]
    """The sender of all events of a delivery, or one for each."""
    now: int

    def sender(self, place: int) -> str:
        """Return the sender of the event at a place of the delivery."""
        return self.senders[0] if len(self.senders) == 1 else self.senders[place]

    def left(self, tx: Connection, factory_key: int, sender: str) -> int:
        """Return how many names the sender may have registered yet; under the lock of the registries."""
        return max(self.most - (self._counted(tx, factory_key, sender) or 0), 0)

    def note(self, tx: Connection, factory_key: int, sender: str, names: int) -> None:
        """Count new names, and forget the hours before; under the lock of the registries."""
        table, hour = registrations, self.now // HOUR
        counted = self._counted(tx, factory_key, sender)
        if counted is None:
            tx.execute(delete(table).where(table.c.factory_key == factory_key, table.c.hour < hour))
            tx.execute(insert(table).values(factory_key=factory_key, hour=hour, sender=sender, names=names))
        else:
            this = (table.c.factory_key == factory_key) & (table.c.hour == hour) & (table.c.sender == sender)
            tx.execute(update(table).where(this).values(names=counted + names))

    def _counted(self, tx: Connection, factory_key: int, sender: str) -> int | None:
        table = registrations
        this = (table.c.factory_key == factory_key) & (table.c.hour == self.now // HOUR) & (table.c.sender == sender)
        return tx.execute(select(table.c.names).where(this)).scalar()
