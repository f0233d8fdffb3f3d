#!/bin/bash
# Once, on an empty volume: make the roles beside the superuser, the database, and the slot of the replica.
# The official image runs it from /docker-entrypoint-initdb.d.
set -euo pipefail

# psql reads the secrets itself: everybody on the host can see command lines.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set factory `cat /run/secrets/factory_password`
\set replication `cat /run/secrets/replication_password`
\set exporter `cat /run/secrets/exporter_password`
\set backup `cat /run/secrets/backup_password`
-- Owns the tables and runs the migrations. Requests run as factory_tenant, which row-level security holds to an
-- organisation's rows.
CREATE ROLE factory LOGIN PASSWORD :'factory';
CREATE ROLE factory_tenant NOLOGIN NOINHERIT;
GRANT factory_tenant TO factory;
CREATE DATABASE factory OWNER factory;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replication';
CREATE ROLE exporter LOGIN PASSWORD :'exporter';
GRANT pg_monitor TO exporter;
SELECT pg_create_physical_replication_slot('replica');
-- What Barman needs to take backups and receive WAL, and nothing of the data by SQL.
CREATE ROLE barman LOGIN REPLICATION PASSWORD :'backup';
GRANT pg_read_all_settings, pg_read_all_stats, pg_checkpoint TO barman;
GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(),
  pg_create_restore_point(text) TO barman;
SQL
# Passwords and data go over TLS alone; the server's own loopback is left to its health check.
sed -i 's/^host all all all /hostssl all all all /' "$PGDATA/pg_hba.conf"
echo "hostssl replication replicator,barman all scram-sha-256" >>"$PGDATA/pg_hba.conf"
