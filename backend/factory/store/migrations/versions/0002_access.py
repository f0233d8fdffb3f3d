"""Users, keys, the audit trail, and row-level security."""

import sqlalchemy as sa
from alembic import op

from factory.store.engine import row_security

revision = "0002"
down_revision = "0001"

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("sign_in_failures_pkey")),
    )
    op.create_table(
        "audit",
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("factory_key", sa.Integer(), nullable=True),
        sa.Column("actor", words, nullable=False),
        sa.Column("action", words, nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.Column("detail", words, nullable=False),
        sa.Column("address", words, nullable=False),
        sa.Column("request_id", words, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("audit_organisation_key_fkey")
        ),
        sa.PrimaryKeyConstraint("organisation_key", "number", name=op.f("audit_pkey")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("audit_heads_organisation_key_fkey")
        ),
        sa.PrimaryKeyConstraint("organisation_key", name=op.f("audit_heads_pkey")),
    )
    op.create_table(
        "users",
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("user_id", words, nullable=False),
        sa.Column("email", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.Column("password_hash", words, nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_confirmed", sa.Boolean(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("oidc_issuer", words, nullable=True),
        sa.Column("oidc_subject", words, nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_sign_in_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("users_organisation_key_fkey")
        ),
        sa.PrimaryKeyConstraint("user_key", name=op.f("users_pkey")),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name=op.f("users_oidc_issuer_oidc_subject_key")),
        sa.UniqueConstraint("organisation_key", "email", name=op.f("users_organisation_key_email_key")),
        sa.UniqueConstraint("user_id", name=op.f("users_user_id_key")),
    )
    op.create_table(
        "api_keys",
        sa.Column("api_key", sa.Integer(), nullable=False),
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("key_id", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.Column("scope", words, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["factory_key"], ["factories.factory_key"], name=op.f("api_keys_factory_key_fkey")),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("api_keys_organisation_key_fkey")
        ),
        sa.PrimaryKeyConstraint("api_key", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("key_id", name=op.f("api_keys_key_id_key")),
    )
    op.create_table(
        "memberships",
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("role", words, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("memberships_organisation_key_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.user_key"], name=op.f("memberships_user_key_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_key", "factory_key", name=op.f("memberships_pkey")),
    )
    op.create_table(
        "sessions",
        sa.Column("session_key", sa.Integer(), nullable=False),
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("session_id", words, nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("refreshed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("sessions_organisation_key_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.user_key"], name=op.f("sessions_user_key_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_key", name=op.f("sessions_pkey")),
        sa.UniqueConstraint("session_id", name=op.f("sessions_session_id_key")),
    )
    heads = sa.table("audit_heads", *map(sa.column, ("organisation_key", "number", "hash")))
    op.bulk_insert(heads, [{"organisation_key": key, "number": 0, "hash": bytes(32)} for key in (0, 1)])
    if op.get_bind().dialect.name == "postgresql":
        for statement in row_security.statements():
            op.execute(statement)
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE insufficient_privilege USING MESSAGE = 'the audit trail is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
    else:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
