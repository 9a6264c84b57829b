#!/bin/sh
# Finds out who is the master, and becomes Redis: in its place, or behind it.
set -eu
umask 077

configuration=/run/redis/redis.conf
tries_max=20
checks_after_start=20

# shellcheck source=infra/k8s/base/redis/topology.sh
. /scripts/topology.sh

find_master() {
    tries=0
    while [ "$tries" -lt "$tries_max" ]; do
        master=$(master_by_sentinels 2)
        if [ -n "$master" ]; then
            say "the sentinels name $master as master"
            return
        fi
        master=$(master_by_roles)
        if [ -n "$master" ]; then
            say "the other Redis pods have $master as master"
            return
        fi
        tries=$((tries + 1))
        sleep 0.5
    done
    # shellcheck disable=SC2086 # a list
    master=$(address_of redis-0 $redis_addresses)
    say "nobody names a master: it is redis-0, $master"
}

# Redis 8 opens a second connection for a full copy and announces no address on it, so sentinels may
# take it for one more replica, at the pod's own address (redis/redis#14728).
settings_of_version() {
    case $(redis-server --version) in
    'Redis server v=8.'*) printf 'repl-rdb-channel no\n' ;;
    esac
}

write_configuration() {
    {
        printf 'include /scripts/redis.conf\n'
        printf 'requirepass %s\nmasterauth %s\n' "$redis_password" "$redis_password"
        printf 'replica-announce-ip %s\n' "$own_address"
        settings_of_version
        [ "$master" = "$own_address" ] || printf 'replicaof %s %s\n' "$master" "$redis_port"
    } >"$configuration"
}

# For the probe and the hook: DNS has no part in a failover, and a password that was changed in the
# secret isn't yet that of this server.
remember() {
    {
        printf 'redis_password=%s\n' "$redis_password"
        printf 'sentinel_password=%s\n' "$sentinel_password"
        printf 'own_address=%s\n' "$own_address"
        printf 'redis_addresses="%s"\n' "$redis_addresses"
        printf 'sentinel_addresses="%s"\n' "$sentinel_addresses"
    } >/run/redis/known
}

# A master that is back as its sentinels begin to replace it: they would make it a replica too, but
# only after ten seconds with two masters.
give_way_to_successor() {
    checks=0
    while [ "$checks" -lt "$checks_after_start" ]; do
        sleep 0.5
        named=$(master_by_sentinels 2)
        if [ -n "$named" ] && [ "$named" != "$own_address" ]; then
            say "the sentinels now name $named: following it"
            [ "$(ask_redis 127.0.0.1 replicaof "$named" "$redis_port")" != OK ] || return
        fi
        checks=$((checks + 1))
    done
}

# Beside Redis, as long as it runs.
accompany() {
    shake_off_first_clients ask_redis normal pubsub replica &
    [ "$master" != "$own_address" ] || give_way_to_successor
    restart_when_addresses_change TERM $$
}

# As process 1 a shell ignores signals that it has no trap for.
trap 'exit 143' TERM INT

learn_passwords
learn_addresses
# shellcheck disable=SC2086 # a list
own_address=$(address_of "$POD_NAME" $redis_addresses)
remember
find_master
write_configuration
accompany &
exec redis-server "$configuration"
