#!/bin/sh
# Becomes a sentinel that knows what it knew before: who is master, since which epoch, who else is
# there. Settings and passwords are written anew at each start.
set -eu
umask 077

configuration=/data/sentinel.conf
quorum=2
tries_max=6

# shellcheck source=infra/k8s/base/redis/topology.sh
. /scripts/topology.sh

# What a sentinel noted for itself; nothing if one of its addresses is nobody's now.
kept_state() {
    [ -f "$configuration" ] || return 0
    KNOWN=" $(printf '%s' "$addresses" | tr '\n' ' ') " awk '
        $1 != "sentinel" { next }
        $2 ~ /^(monitor|known-replica|known-sentinel)$/ && !index(ENVIRON["KNOWN"], " " $4 " ") {
            stale = 1
        }
        $2 ~ /^(monitor|known-replica|known-sentinel|(current|config|leader)-epoch)$/ {
            state = state $0 "\n"
        }
        END { if (!stale && state ~ /sentinel monitor /) printf "%s", state }
    ' "$configuration"
}

# Who is wrong here is put right by the other sentinels, whose configuration is of a later epoch.
find_master() {
    tries=0
    while [ "$tries" -lt "$tries_max" ]; do
        master=$(master_by_sentinels 1)
        [ -n "$master" ] || master=$(master_by_roles)
        if [ -n "$master" ]; then
            say "found $master as master"
            return
        fi
        tries=$((tries + 1))
        sleep 0.5
    done
    # shellcheck disable=SC2086 # a list
    master=$(address_of redis-0 $redis_addresses)
    say "nobody names a master: it is redis-0, $master"
}

# Without being told, it would hear of the replicas only from a master that answers.
first_state() {
    printf 'sentinel monitor %s %s %s %s\n' "$master_name" "$master" "$redis_port" "$quorum"
    for redis in $redis_addresses; do
        [ "$redis" = "$master" ] ||
            printf 'sentinel known-replica %s %s %s\n' "$master_name" "$redis" "$redis_port"
    done
}

write_configuration() {
    {
        printf 'include /scripts/sentinel.conf\n'
        printf 'requirepass %s\nsentinel sentinel-pass %s\n' \
            "$sentinel_password" "$sentinel_password"
        # The same for a new volume: the others take two ids for two sentinels.
        printf 'sentinel myid %s\n' "$(printf '%s/%s' "$POD_NAMESPACE" "$POD_NAME" |
            sha1sum | cut -c 1-40)"
        printf 'sentinel announce-ip %s\n' "$own_address"
        printf '%s\n' "$state"
        printf 'sentinel auth-pass %s %s\n' "$master_name" "$redis_password"
    } >"$configuration.new"
    mv "$configuration.new" "$configuration"
}

# As process 1 a shell ignores signals that it has no trap for.
trap 'exit 143' TERM INT

learn_passwords
learn_addresses
# shellcheck disable=SC2086 # a list
own_address=$(address_of "$POD_NAME" $sentinel_addresses)
state=$(kept_state)
if [ -z "$state" ]; then
    find_master
    state=$(first_state)
fi
write_configuration
shake_off_first_clients ask_sentinel normal pubsub &
restart_when_addresses_change TERM $$ &
exec redis-server "$configuration" --sentinel
