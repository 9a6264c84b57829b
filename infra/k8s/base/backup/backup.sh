#!/bin/sh
# Dumps the database into the volume, reads the dump back, and only then lets old ones go.
set -eu
# shellcheck source=/dev/null
. /etc/backup/connect.sh

folder=/var/backups/dumps
dump=$folder/$PGDATABASE-$(date -u +%Y%m%dT%H%M%SZ).dump
partial=$dump.partial

# A manual backup beside the nightly one waits: each of the two would see the other's file as left
# over.
enter_folder() {
    umask 077
    mkdir -p "$folder" || refuse "can't write to the volume of the claim backups: it belongs to" \
        "$(stat -c '%u:%g, mode %a' "$(dirname "$folder")"), this runs as $(id -u)"
    exec 9>>"$folder/.in-use.lock"
    flock --wait 3600 9 || refuse "another backup has been running for an hour"
    rm -f "$folder"/*.partial
}

remove_partial() {
    rm -f "$partial"
}

write_dump() {
    trap remove_partial EXIT
    trap 'exit 143' TERM INT
    pg_dump --format=custom --lock-wait-timeout=60s --file="$partial" ||
        refuse "no dump was written (its reason is above; $(free_space)); the older ones are" \
            "untouched. If the volume is full, lower BACKUPS_KEPT or enlarge the claim backups"
    # A list of its content would only read its beginning.
    pg_restore --file=/dev/null "$partial" ||
        refuse "the dump can't be read back: it was thrown away; the older ones are untouched"
    sync "$partial"
    mv "$partial" "$dump"
    sync "$folder"
}

free_space() {
    df -Pk "$folder" | awk 'NR == 2 {print int($4 / 1024) " MiB free"}'
}

# Names sort by time.
remove_oldest() {
    set -- "$folder/$PGDATABASE"-*.dump
    while [ "$#" -gt "$BACKUPS_KEPT" ]; do
        rm -f "$1"
        say "removed $(basename "$1"): the newest $BACKUPS_KEPT are kept"
        shift
    done
}

[ "$BACKUPS_KEPT" -ge 1 ] || refuse "BACKUPS_KEPT is $BACKUPS_KEPT: give a number from 1"
enter_folder
write_password_file
require_database "$PGDATABASE"
write_dump
remove_oldest
say "$(basename "$dump"), $(stat -c %s "$dump") bytes, $(free_space)"
