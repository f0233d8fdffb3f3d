#!/bin/sh
set -eu
backends write
backends watch &
if [ -e /etc/nginx/certs/fullchain.pem ]; then certificate & fi
