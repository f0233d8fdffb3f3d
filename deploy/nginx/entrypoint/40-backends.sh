#!/bin/sh
set -eu
backends write
backends watch &
if [ -r /etc/nginx/certs/fullchain.pem ]; then certificate & fi
