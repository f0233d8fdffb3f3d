"""The tables of users, keys and the audit trail; each row belongs to an organisation.

Production data is in schema.py. Secrets are stored as hashes only, except the secret of one-time codes, which the
server needs: it is encrypted. Instants are microseconds since the epoch.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from factory.store.schema import ByCodePoint, metadata

ACCESS = {"access": True}
"""Marks the tables that removing a factory's production data leaves alone."""


def _organisation_key() -> Column[Any]:
    return Column("organisation_key", Integer, ForeignKey("organisations.organisation_key"), nullable=False)


users = Table(
    "users",
    metadata,
    Column("user_key", Integer, primary_key=True),
    _organisation_key(),
    Column("user_id", ByCodePoint, nullable=False, unique=True),  # random, for the API
    Column("email", ByCodePoint, nullable=False),  # lower case
    Column("name", ByCodePoint, nullable=False),
    Column("password_hash", ByCodePoint),  # argon2id; null where only the OpenID provider knows the user
    Column("must_change_password", Boolean, nullable=False),
    Column("totp_secret", LargeBinary),  # encrypted
    Column("totp_confirmed", Boolean, nullable=False),
    Column("totp_step", BigInteger),  # of the last code used: each is valid once
    Column("oidc_issuer", ByCodePoint),
    Column("oidc_subject", ByCodePoint),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_sign_in_at", BigInteger),
    UniqueConstraint("organisation_key", "email"),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
    info=ACCESS,
)

# A user's role in a factory; factory_key 0 is every factory of the organisation.
memberships = Table(
    "memberships",
    metadata,
    _organisation_key(),
    Column("user_key", Integer, ForeignKey("users.user_key", ondelete="CASCADE"), nullable=False),
    Column("factory_key", Integer, nullable=False),
    Column("role", ByCodePoint, nullable=False),
    PrimaryKeyConstraint("user_key", "factory_key"),
    info=ACCESS,
)

# Codes for who has lost the second factor; each is removed when it is used.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    _organisation_key(),
    Column("user_key", Integer, ForeignKey("users.user_key", ondelete="CASCADE"), nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("user_key", "code_hash"),
    info=ACCESS,
)

# A provider's subject has one user in users.oidc_subject; those of the same person in further organisations are here.
openid_links = Table(
    "openid_links",
    metadata,
    _organisation_key(),
    Column("user_key", Integer, ForeignKey("users.user_key", ondelete="CASCADE"), primary_key=True),
    Column("issuer", ByCodePoint, nullable=False),
    Column("subject", ByCodePoint, nullable=False),
    UniqueConstraint("organisation_key", "issuer", "subject"),
    info=ACCESS,
)

# One row per sign-in. Each refresh replaces the token; the previous one stays valid for a few seconds.
sessions = Table(
    "sessions",
    metadata,
    Column("session_key", Integer, primary_key=True),
    _organisation_key(),
    Column("user_key", Integer, ForeignKey("users.user_key", ondelete="CASCADE"), nullable=False),
    Column("session_id", ByCodePoint, nullable=False, unique=True),
    Column("refresh_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("refreshed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("network", ByCodePoint),  # of the sign-in: a /24, or a /48 of IPv6
    Column("browser", ByCodePoint),
    Column("by_provider", Boolean),  # begun by the OpenID provider; null before it was kept
    info=ACCESS,
)

# Failed sign-ins by a digest of user and place; of the address where there is no such user.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    info=ACCESS,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("api_key", Integer, primary_key=True),
    _organisation_key(),
    Column("factory_key", Integer, ForeignKey("factories.factory_key"), nullable=False),
    Column("key_id", ByCodePoint, nullable=False, unique=True),  # the readable part of the key
    Column("name", ByCodePoint, nullable=False),
    Column("scope", ByCodePoint, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("created_by", ByCodePoint),  # the actor's name; null before it was kept
    Column("created_by_user", Integer),  # a user's key, also after the user is removed
    info=ACCESS,
)

# Actions and their actors. Append-only; each hash covers the row and the hash before it.
audit = Table(
    "audit",
    metadata,
    _organisation_key(),
    Column("number", BigInteger, nullable=False),  # 1, 2, 3 … within the organisation
    Column("at", BigInteger, nullable=False),
    Column("factory_key", Integer),
    Column("actor", ByCodePoint, nullable=False),
    Column("action", ByCodePoint, nullable=False),
    Column("subject", ByCodePoint, nullable=False),
    Column("detail", ByCodePoint, nullable=False),  # JSON
    Column("address", ByCodePoint, nullable=False),
    Column("request_id", ByCodePoint, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("organisation_key", "number"),
    info=ACCESS,
)

# The end of each organisation's chain; locked while a row is appended.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("organisation_key", Integer, ForeignKey("organisations.organisation_key"), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    info=ACCESS,
)
