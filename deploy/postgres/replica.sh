#!/bin/bash
# A streaming replica: on an empty volume a copy of the primary first, then the server.
set -euo pipefail
export PGPASSWORD
PGPASSWORD=$(cat /run/secrets/replication_password)

if [[ $(id -u) == 0 ]]; then
  mkdir -p "$(dirname "$PGDATA")"
  chown -R postgres:postgres "$(dirname "$PGDATA")"
  exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi
# The last file of a copy is pg_control, and what is copied gets its name when it is whole and on disk: a copy that was
# cut off is begun anew.
if [[ ! -s $PGDATA/global/pg_control ]]; then
  rm -rf "$PGDATA" "$PGDATA.copy"
  # The first process of a container ends at no signal that it does not ask for, and asks when nothing holds it.
  trap 'kill $!; wait; exit 143' INT TERM
  pg_basebackup --host postgres --username replicator --pgdata "$PGDATA.copy" --write-recovery-conf --slot replica \
    --wal-method stream --checkpoint fast &
  wait $!
  mv "$PGDATA.copy" "$PGDATA"
fi
unset PGPASSWORD
exec "$@"
