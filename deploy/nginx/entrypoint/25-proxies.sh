#!/bin/sh
# Trust X-Forwarded-For and X-Forwarded-Proto of the addresses and networks in NGINX_TRUSTED_PROXIES.
set -eu
{
    for network in $NGINX_TRUSTED_PROXIES; do echo "set_real_ip_from $network;"; done
    echo "real_ip_header X-Forwarded-For;"
    echo "geo \$realip_remote_addr \$from_proxy {"
    echo "    default 0;"
    for network in $NGINX_TRUSTED_PROXIES; do echo "    $network 1;"; done
    echo "}"
} >/tmp/nginx/proxies.conf
