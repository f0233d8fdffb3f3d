#!/bin/sh
# Keep the matching rendered servers: with a certificate HTTPS and the redirect, without one HTTP; with a name, a
# refusal of all others.
set -eu
certificates=/etc/nginx/certs
if [ -d $certificates ] && [ ! -x $certificates ]; then
    echo "$certificates cannot be entered by user $(id -u)." >&2
    exit 1
fi
if [ "$NGINX_SERVER_NAME" = _ ]; then rm -f /tmp/nginx/strangers.conf /tmp/nginx/strangers-tls.conf; fi
if [ ! -e $certificates/fullchain.pem ]; then
    rm -f /tmp/nginx/redirect.conf /tmp/nginx/tls.conf /tmp/nginx/strangers-tls.conf
    exit
fi
for file in fullchain.pem privkey.pem; do
    if [ ! -r $certificates/$file ]; then
        echo "$certificates/$file cannot be read by user $(id -u): NGINX does not start without the TLS it was to have." >&2
        exit 1
    fi
done
rm -f /tmp/nginx/plain.conf
