#!/bin/bash
# A streaming replica: on an empty volume copy the primary first, then start the server.
set -euo pipefail
export PGPASSWORD PGSSLMODE=verify-full PGSSLROOTCERT=/run/secrets/internal_certificate
PGPASSWORD=$(cat /run/secrets/replication_password)

if [[ $(id -u) == 0 ]]; then
  mkdir -p "$(dirname "$PGDATA")"
  chown -R postgres:postgres "$(dirname "$PGDATA")"
  exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi
# pg_control is the last file of a copy, and the copy gets its name when it is complete and on disk: an interrupted copy
# is begun anew.
if [[ ! -s $PGDATA/global/pg_control ]]; then
  rm -rf "$PGDATA" "$PGDATA.copy"
  # The first process of a container ignores signals without a handler, and a handler runs only while nothing blocks it.
  trap 'kill $!; wait; exit 143' INT TERM
  pg_basebackup --host postgres --username replicator --pgdata "$PGDATA.copy" --write-recovery-conf --slot replica \
    --wal-method stream --checkpoint fast &
  wait $!
  mv "$PGDATA.copy" "$PGDATA"
fi
unset PGPASSWORD
exec "$@"
