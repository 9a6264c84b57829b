#!/bin/sh
# Before a stop: a master hands over, which takes a second; its death takes the sentinels longer.
set -u

patience_s=8

# shellcheck source=infra/k8s/base/redis/topology.sh
. /scripts/topology.sh
own_address=
# shellcheck source=/dev/null # written by start.sh
. /run/redis/known

# Nobody reads what a preStop hook prints; what the first process prints is logged.
exec >/proc/1/fd/1 2>&1

is_master_with_replicas() {
    ask_redis 127.0.0.1 role | awk '
        NR == 1 { role = $1 }
        NR > 2 && NF { replicas = 1 }
        END { exit !(role == "master" && replicas) }'
}

ask_for_failover() {
    for sentinel in $sentinel_addresses; do
        answer=$(ask_sentinel "$sentinel" sentinel failover "$master_name")
        case $answer in
        OK | INPROG*) return ;;
        esac
    done
    return 1
}

asked=false
give_up_at=$(($(date +%s) + patience_s))
while [ "$(date +%s)" -lt "$give_up_at" ] && is_master_with_replicas; do
    if [ "$asked" = false ] && ask_for_failover; then
        asked=true
        say "asked the sentinels for another master"
    fi
    named=$(master_by_sentinels 2)
    if [ -n "$named" ] && [ "$named" != "$own_address" ]; then
        say "handed over to $named"
        break
    fi
    sleep 0.2
done
