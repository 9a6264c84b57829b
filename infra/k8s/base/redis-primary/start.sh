#!/bin/sh
# Becomes HAProxy, told by its environment what the configuration leaves open.
set -eu

# shellcheck source=infra/k8s/base/redis/topology.sh
. /scripts/topology.sh

# As process 1 a shell ignores signals that it has no trap for.
trap 'exit 143' TERM INT USR1

learn_passwords
learn_addresses
REDIS_PASSWORD=$redis_password
SENTINEL_PASSWORD=$sentinel_password
# shellcheck disable=SC2086 # a list
set -- $addresses
REDIS_0=$1 REDIS_1=$2 REDIS_2=$3 SENTINEL_0=$4 SENTINEL_1=$5 SENTINEL_2=$6
export REDIS_PASSWORD SENTINEL_PASSWORD
export REDIS_0 REDIS_1 REDIS_2 SENTINEL_0 SENTINEL_1 SENTINEL_2
# HAProxy knows SIGUSR1 as the signal to end; as process 1 it is deaf to SIGTERM.
restart_when_addresses_change USR1 $$ &
exec haproxy -db -f /scripts/haproxy.cfg
