#!/bin/bash
# A streaming replica: on an empty volume a copy of the primary first, then the server.
set -euo pipefail
export PGPASSWORD
PGPASSWORD=$(cat /run/secrets/replication_password)

if [[ $(id -u) == 0 ]]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$(dirname "$PGDATA")"
  chmod 700 "$PGDATA"
  exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi
if [[ ! -s $PGDATA/PG_VERSION ]]; then
  # A copy that broke off half-way is begun anew: PG_VERSION comes with the rest.
  find "$PGDATA" -mindepth 1 -delete
  pg_basebackup --host postgres --username replicator --pgdata "$PGDATA" --write-recovery-conf --slot replica \
    --wal-method stream --checkpoint fast
fi
unset PGPASSWORD
exec "$@"
