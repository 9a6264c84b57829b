#!/bin/sh
# Installs Debian packages into an image, with all fixes there are, and leaves only them: no package
# lists, no logs, no caches that carry the time of the build.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update --quiet=2
apt-get upgrade --yes --quiet=2 >/dev/null
apt-get install --yes --quiet=2 --no-install-recommends "$@" >/dev/null
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* /tmp/* /var/tmp/*
