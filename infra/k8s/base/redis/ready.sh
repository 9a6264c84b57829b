#!/bin/sh
# Ready is a master, and a replica that is in touch with its master. Sentinels have no say in it.
set -eu

# shellcheck source=infra/k8s/base/redis/topology.sh
. /scripts/topology.sh
# shellcheck source=/dev/null # written by start.sh
. /run/redis/known

printf 'ping\nrole\n' | ask_redis 127.0.0.1 | awk '
    NR == 1 { loaded = $1 == "PONG" }
    NR == 2 { role = $1 }
    NR == 5 { link = $1 }
    END { exit !(loaded && (role == "master" || role == "slave" && link == "connected")) }'
