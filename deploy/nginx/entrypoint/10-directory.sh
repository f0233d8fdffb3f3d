#!/bin/sh
# The rendered configuration; the root file system may be read-only.
set -eu
mkdir -p /tmp/nginx
