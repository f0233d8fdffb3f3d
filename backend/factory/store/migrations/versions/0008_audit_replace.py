"""No line of the audit trail is replaced: on SQLite INSERT OR REPLACE starts no trigger of a DELETE."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit "
            "WHERE organisation_key = NEW.organisation_key AND number = NEW.number) "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        )
