"""Sessions that a provider began: the second factor is its matter."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("by_provider", sa.Boolean(), nullable=True))
