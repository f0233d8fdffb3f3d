#!/bin/sh
# The rendered configuration, made anew; the root file system may be read-only, and /tmp outlive the container.
set -eu
rm -rf /tmp/nginx
mkdir /tmp/nginx
