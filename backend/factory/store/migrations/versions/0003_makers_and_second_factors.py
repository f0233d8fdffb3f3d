"""Makers of keys, required second factors, recovery codes, places of sessions, and links to a provider."""

import sqlalchemy as sa
from alembic import op

from factory.store.engine import row_security

revision = "0003"
down_revision = "0002"

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("created_by", words, nullable=True))
    op.add_column("api_keys", sa.Column("created_by_user", sa.Integer(), nullable=True))
    op.add_column("organisations", sa.Column("second_factor", words, nullable=True))
    op.add_column("sessions", sa.Column("network", words, nullable=True))
    op.add_column("sessions", sa.Column("browser", words, nullable=True))
    op.create_table(
        "recovery_codes",
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("recovery_codes_organisation_key_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.user_key"], name=op.f("recovery_codes_user_key_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_key", "code_hash", name=op.f("recovery_codes_pkey")),
    )
    op.create_table(
        "openid_links",
        sa.Column("organisation_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("issuer", words, nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_key"], ["organisations.organisation_key"], name=op.f("openid_links_organisation_key_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.user_key"], name=op.f("openid_links_user_key_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_key", name=op.f("openid_links_pkey")),
        sa.UniqueConstraint(
            "organisation_key", "issuer", "subject", name=op.f("openid_links_organisation_key_issuer_subject_key")
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("recovery_codes", "openid_links"):
            for statement in row_security.of_an_organisation(table):
                op.execute(statement)
