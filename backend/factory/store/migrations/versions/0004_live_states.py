"""The setting of a factory that shows present states where few persons are."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("factories", sa.Column("live_states", sa.Boolean(), server_default=sa.false(), nullable=False))
