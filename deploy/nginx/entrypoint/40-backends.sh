#!/bin/sh
set -eu
backends write
backends watch &
