"""How many new names each sender had registered in the present hour."""

import sqlalchemy as sa
from alembic import op

from factory.store.engine import row_security
from factory.store.schema import ByCodePoint

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("factory_key", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("sender", ByCodePoint, nullable=False),
        sa.Column("names", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("factory_key", "hour", "sender", name=op.f("registrations_pkey")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in row_security.of_a_factory("registrations"):
            op.execute(statement)
