#!/bin/sh
# Where the Redis pods and the sentinels are, and who is master, asked of those who know. Read by
# the scripts of redis, redis-sentinel and redis-primary.

master_name=doorbuster
redis_port=6379
sentinel_port=26379
services='redis-0 redis-1 redis-2 redis-sentinel-0 redis-sentinel-1 redis-sentinel-2'
secrets=/run/secrets/common

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Configuration files get it as it is, so no letter of it may have a meaning there.
read_secret() {
    secret=$(cat "$secrets/$1") || return
    case $secret in
    '' | *[!A-Za-z0-9._~+/=-]*)
        say "secret common, key $1: may have letters, digits and ._~+/=- (make deploy makes one)"
        return 1
        ;;
    esac
    printf '%s' "$secret"
}

learn_passwords() {
    redis_password=$(read_secret redis-password)
    sentinel_password=$(read_secret sentinel-password)
}

# The address of each Service, in order; fails unless all are known. With the namespace, because a
# pod's own name alone is in its /etc/hosts, as the pod's address, which dies with it.
addresses_of() {
    names=''
    for service in "$@"; do names="$names $service.$POD_NAMESPACE"; done
    # shellcheck disable=SC2086 # a list
    found=$(timeout 3 getent ahosts $names) || return
    printf '%s\n' "$found" | awk '$2 == "STREAM" && !seen[$1]++ { print $1 }'
}

learn_addresses() {
    # shellcheck disable=SC2086 # a list
    until addresses=$(addresses_of $services); do
        say "DNS has no address yet for one of the Services $services: are they applied?"
        sleep 1
    done
    redis_addresses=$(printf '%s\n' "$addresses" | head -n 3)
    sentinel_addresses=$(printf '%s\n' "$addresses" | tail -n 3)
}

# Of redis-1 among redis-0, redis-1 and redis-2: the second of the addresses.
address_of() {
    shift "${1##*-}"
    printf '%s' "$2"
}

# All configuration holds addresses. A Service that was deleted and made anew has another one, which
# only a new start takes up. No answer is no reason to restart: DNS may be away.
restart_when_addresses_change() {
    signal=$1 process=$2
    while sleep 10; do
        # shellcheck disable=SC2086 # a list
        now=$(addresses_of $services 2>/dev/null) || continue
        [ "$now" != "$addresses" ] || continue
        say "one of the Services $services has a new address: restarting"
        kill -s "$signal" "$process"
    done
}

ask_redis() {
    asked=$1
    shift
    REDISCLI_AUTH=$redis_password timeout 1 redis-cli -h "$asked" -p "$redis_port" "$@" 2>/dev/null
}

ask_sentinel() {
    asked=$1
    shift
    REDISCLI_AUTH=$sentinel_password \
        timeout 1 redis-cli -h "$asked" -p "$sentinel_port" "$@" 2>/dev/null
}

# Of addresses, one a line, the one of ours that comes most often, if so many times.
most_named() {
    grep -Fx "$redis_addresses" | sort | uniq -c | sort -rn |
        awk -v least="$1" 'NR == 1 && $1 >= least { print $2 }'
}

master_by_sentinels() {
    for sentinel in $sentinel_addresses; do
        ask_sentinel "$sentinel" sentinel get-master-addr-by-name "$master_name" | head -n 1
    done | most_named "$1"
}

# A master that answers, with most replicas if there are two; else the one that replicas wait for.
master_by_roles() {
    for redis in $redis_addresses; do
        ask_redis "$redis" role | awk -v address="$redis" '
            NR == 1 { role = $1 }
            NR == 2 && role == "slave" { print $1 }
            NR > 2 && NF { fields++ }
            END {
                if (role == "master")
                    for (times = 3 + fields / 3; times >= 1; times--) print address
            }'
    done | most_named 1
}

# To a Service without a pod kube-proxy says no by ICMP. On the caller's own node that arrives while
# its kernel is still inside connect(), which notes an error for later and tries again after a
# second. If the pod is back by then, the connection stands with that error, epoll reports it for
# ever, Redis never fetches it, and the caller takes a whole core. Only connections of a pod's first
# seconds can be such: closed from here, they are made anew and sound.
shake_off_first_clients() {
    ask=$1
    shift
    for pause in 3 7; do
        sleep "$pause"
        for kind in "$@"; do
            "$ask" 127.0.0.1 client kill type "$kind" skipme yes >/dev/null || :
        done
    done
}
