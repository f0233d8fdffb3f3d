#!/bin/sh
# A new directory for the rendered configuration; the root file system may be read-only, and /tmp may survive.
set -eu
rm -rf /tmp/nginx
mkdir /tmp/nginx
