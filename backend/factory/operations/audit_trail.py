"""Lines of the audit trail, appended in the transaction of the change that they record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.store.access import audit_log


def record(
    tx: Connection,
    by: Actor,
    action: str,
    *,
    factory_key: int | None = None,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append a line to the trail of the actor's organisation.

    `action` is dotted, `key.created`. Workers are named by `subject_of` only, so that erasing a person leaves the
    trail whole. `detail` must hold no secret.
    """
    line = audit_log.Line(
        organisation_key=by.organisation,
        number=0,
        at=by.now,
        factory_key=factory_key,
        actor=by.name,
        action=action,
        subject=subject,
        detail=json.dumps(detail or {}, sort_keys=True, ensure_ascii=False),
        address=by.address,
        request_id=by.request_id,
    )
    audit_log.append(tx, line)


def subject_of(worker_key: int) -> str:
    """Return the subject that stands for a worker: `worker:` and the key, which reveals no id or name."""
    return f"worker:{worker_key}"
