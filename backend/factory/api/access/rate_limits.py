"""Rate limits, counted by Flask-Limiter. Ingestion and all other requests have budgets of their own.

A budget is the key's, else the user's, else the address's; attempts to sign in and guessed credentials count against
the address. Requests are counted in this process, or in Redis for all processes. Redis away fails open: each process
counts for itself until it is back, which is itself counted, and logged once a minute.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from threading import Lock
from typing import Any, cast

from cachetools import LRUCache
from flask import Flask, Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
from limits import parse

from factory.adapters.access.request_counts import RequestCounts
from factory.api.http.errors import refused
from factory.api.http.request import authenticator, now, prometheus_metrics
from factory.domain.access.network import network_of
from factory.domain.access.permissions import Caller
from factory.domain.errors import TooMany, Unauthenticated
from factory.settings import Settings

log = logging.getLogger("factory.limits")

_API = "/api/v1/"
_SPARED = "/api/v1/health"
_INGEST = "/api/v1/events"
_SIGN_IN = "/api/v1/session"
_REFRESH = "/api/v1/session/refresh"
_SIGN_IN_BY_GET = "/api/v1/session/oidc"

_REDIS_SECONDS = 0.25
_SILENCE_SECONDS = 60.0
_MAX_CACHED = 10_000
_GUESSED = ("invalid_key", "invalid_token")
"""Codes of credentials that never were valid. The sender of an expired or revoked one knew the secret."""


class Budget(ApplicationLimit):
    """A limit of some requests. Flask-Limiter asks each for its limits at each request, and would parse them anew."""

    def __init__(
        self,
        rate: str,
        scope: str,
        *,
        of: Callable[[], str],
        when: Callable[[], bool],
        deduct_when: Callable[[Response], bool] | None = None,
    ) -> None:
        super().__init__(rate, key_function=of, scope=scope, deduct_when=deduct_when)
        self._applies = when
        self._prepared: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        if not self._applies():
            return iter(())
        if not self._prepared:
            self._prepared = list(super().__iter__())
        return iter(self._prepared)


class RateLimits:
    """The limits of an application; safe to share between the threads of a process."""

    def __init__(self, settings: Settings) -> None:
        in_memory = settings.rate_limit_storage_url.startswith("memory")
        budgets = [
            Budget(settings.rate_limit_sign_in, "sign-in", of=_address, when=_signs_in),
            # Each session is refreshed every few minutes, and a whole plant may share one address.
            Budget(settings.rate_limit_sign_in, "refresh", of=_address, when=_refreshes, deduct_when=_was_refused),
        ]
        if not settings.access_is_open:
            budgets += [
                Budget(settings.rate_limit_ingest, "ingest", of=_who, when=_ingests),
                Budget(settings.rate_limit_read, "read", of=_who, when=_reads),
            ]
        self.limiter = Limiter(
            _address,
            application_limits=cast(Any, budgets),
            storage_uri=f"{RequestCounts.STORAGE_SCHEME[0]}://" if in_memory else settings.rate_limit_storage_url,
            storage_options=cast(Any, {} if in_memory else _patience()),
            strategy="fixed-window",
            in_memory_fallback_enabled=True,
            swallow_errors=True,
            key_prefix="factory",
        )
        # Its lines name addresses and users.
        self.limiter.logger.setLevel(logging.ERROR)
        self._guesses = parse(settings.rate_limit_sign_in)
        self._valid: LRUCache[bytes, bool] = LRUCache(_MAX_CACHED)
        self._refused: LRUCache[bytes, tuple[str, str]] = LRUCache(_MAX_CACHED)
        self._lock = Lock()
        self._warned_at = -math.inf

    def look_up(self, credential: str) -> Caller:
        """Return the caller behind a credential, which the database is asked for while the address has guesses left.

        The same wrong credential counts once, so that a forgotten device does not use up the guesses of its plant. One
        that we made is no guess: who guesses beside a plant's devices does not shut them out. Raises Unauthenticated,
        TooMany, Unavailable.
        """
        name = blake2b(credential.encode(errors="surrogatepass"), digest_size=16).digest()
        with self._lock:
            refused_before = self._refused.get(name)
            was_valid = self._valid.get(name, False)
        if refused_before is not None:
            message, code = refused_before
            raise Unauthenticated(message, code=code)
        if not was_valid:
            self._require_guesses(credential)
        try:
            caller = authenticator().caller(credential, now=now())
        except Unauthenticated as refusal:
            with self._lock:
                self._valid.pop(name, None)
                if refusal.code in _GUESSED:
                    self._refused[name] = refusal.message, refusal.code
            if refusal.code in _GUESSED:
                self._count_guess()
            raise
        if not was_valid:
            with self._lock:
                self._valid[name] = True
        return caller

    def _require_guesses(self, credential: str) -> None:
        try:
            enough = self.limiter.limiter.test(self._guesses, "factory", _address(), "guesses")
            window = self.limiter.limiter.get_window_stats(self._guesses, "factory", _address(), "guesses")
        except Exception:  # fails open: the limiter notices on its own that Redis is away, and counts here
            return
        if not enough and not authenticator().is_ours(credential, now=now()):
            raise _too_many(_seconds_until(window.reset_time))

    def _count_guess(self) -> None:
        try:
            self.limiter.limiter.hit(self._guesses, "factory", _address(), "guesses")
        except Exception:  # fails open, as above
            return

    def add_headers(self, response: Response) -> Response:
        """Add what is left of the budget to the answer; notice where Redis is away."""
        limit = self.limiter.current_limit
        if limit is None:
            return response
        if self.limiter.limiter.storage is not self.limiter.storage:
            self._count_for_itself()
        try:
            remaining, reset = limit.remaining, _seconds_until(limit.window.reset_time)
        except Exception:  # fails open: Redis went away between counting and telling
            return response
        response.headers["RateLimit-Limit"] = str(limit.limit.amount)
        response.headers["RateLimit-Remaining"] = str(max(remaining, 0))
        response.headers["RateLimit-Reset"] = str(reset)
        return response

    def refuse(self, _: RateLimitExceeded) -> Response:
        limit = self.limiter.current_limit
        return refused(_too_many(1 if limit is None else _seconds_until(limit.window.reset_time)))

    def _count_for_itself(self) -> None:
        prometheus_metrics().limited_in_memory()
        if time.monotonic() - self._warned_at >= _SILENCE_SECONDS:
            self._warned_at = time.monotonic()
            log.warning("Redis does not answer: each server process counts requests for itself")


def register_rate_limits(app: Flask, settings: Settings) -> RateLimits:
    """Return the limits of this application; api/pipeline.py registers their hooks."""
    limits = RateLimits(settings)
    app.extensions["factory_rate_limits"] = limits
    app.register_error_handler(RateLimitExceeded, limits.refuse)
    return limits


def rate_limits() -> RateLimits:
    return cast(RateLimits, current_app.extensions["factory_rate_limits"])


def _patience() -> dict[str, Any]:
    """Return options by which a request waits for Redis a moment, and only once."""
    # Not before: redis imports the metrics of OpenTelemetry, where it finds it.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_connect_timeout": _REDIS_SECONDS,
        "socket_timeout": _REDIS_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _who() -> str:
    caller: Caller | None = g.get("caller")
    if caller is not None and caller.api_key is not None:
        return f"key {caller.api_key}"
    if caller is not None and caller.user_key is not None:
        return f"user {caller.user_key}"
    return _address()


def _address() -> str:
    return f"address {network_of(request.remote_addr or '')}"


def _reads() -> bool:
    path = request.path
    return path.startswith(_API) and not path.startswith(_SPARED) and not _ingests()


def _ingests() -> bool:
    return request.method == "POST" and request.path.startswith(_INGEST)


def _signs_in() -> bool:
    """Return whether a password, a one-time code or a provider's word is to be checked."""
    path = request.path
    if not path.startswith(_SIGN_IN) or path.startswith(_REFRESH):
        return False
    return request.method == "POST" or path.startswith((_SIGN_IN_BY_GET, f"{_SIGN_IN}/totp"))


def _refreshes() -> bool:
    return request.method == "POST" and request.path.startswith(_REFRESH)


def _was_refused(response: Response) -> bool:
    return response.status_code >= 400


def _seconds_until(instant: float) -> int:
    return max(1, math.ceil(instant - time.time()))


def _too_many(seconds: int) -> TooMany:
    unit = "second" if seconds == 1 else "seconds"
    return TooMany(f"Too many requests; the next one is answered in {seconds} {unit}", retry_after=seconds)
