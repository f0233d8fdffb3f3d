"""The time zone rules by which a factory's derived rows were made."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("factories", sa.Column("zone_rules", words, nullable=True))
    op.add_column("factories", sa.Column("zone_file", sa.LargeBinary(), nullable=True))
