#!/bin/bash
# Starts PostgreSQL of the official image with TLS. The server takes a private key only from a file that nobody else may
# read, and the secret is readable, since containers read it as other users.
set -euo pipefail
if [[ $(id -u) == 0 ]]; then
  install -d -o postgres -g postgres /var/run/postgresql
  install -o postgres -g postgres -m 600 /run/secrets/internal_key /var/run/postgresql/internal_key
fi
exec "$@" -c ssl=on -c ssl_cert_file=/run/secrets/internal_certificate -c ssl_key_file=/var/run/postgresql/internal_key
