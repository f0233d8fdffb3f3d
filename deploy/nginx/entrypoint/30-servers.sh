#!/bin/sh
# Of the rendered servers keep those that suit: with a certificate HTTPS and a way there, without one HTTP.
set -eu
if [ -r /etc/nginx/certs/fullchain.pem ] && [ -r /etc/nginx/certs/privkey.pem ]; then
    rm -f /tmp/nginx/plain.conf
else
    rm -f /tmp/nginx/redirect.conf /tmp/nginx/tls.conf
fi
