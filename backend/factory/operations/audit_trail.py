"""What was done and by whom, written in the transaction of what was done."""

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
    """Append a line to the trail of the actor's organisation, in the transaction of the change that it tells of.

    `action` is dotted, `key.created`. A worker is never named: the subject is `worker:` and the worker's key, so that
    erasing the person leaves the trail whole. Secrets have no place in `detail`.
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
