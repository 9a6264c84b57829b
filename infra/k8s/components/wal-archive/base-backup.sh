#!/bin/sh
# Copies the whole server into the archive's volume, verifies the copy, and only then lets go of
# older ones and of the WAL that none of the kept ones needs.
set -eu
# shellcheck source=/dev/null
. /etc/backup/connect.sh

archive=/var/lib/postgresql/wal-archive
unfinished=$archive/unfinished

enter_archive() {
    umask 077
    [ -w "$archive" ] || refuse "can't write to the volume of the claim wal-archive: it belongs" \
        "to $(stat -c '%u:%g, mode %a' "$archive"), this runs as $(id -u)"
    exec 9>>"$archive/.in-use.lock"
    flock --wait 3600 9 || refuse "another base backup has been running for an hour"
    rm -rf "$unfinished"
}

remove_unfinished() {
    rm -rf "$unfinished"
}

# A spread checkpoint would make it wait for a quarter of an hour.
copy_server() {
    trap remove_unfinished EXIT
    trap 'exit 143' TERM INT
    pg_basebackup --pgdata="$unfinished" --format=plain --wal-method=stream --checkpoint=fast ||
        refuse "no base backup was made (its reason is above; $(free_space)); older ones and the" \
            "archive are untouched. If the volume is full, enlarge the claim wal-archive"
    pg_verifybackup --quiet "$unfinished" ||
        refuse "the copy isn't what the server sent: it was thrown away"
}

# Named by the moment it was complete: it can be recovered to any moment after that.
publish() {
    system=$(pg_controldata "$unfinished" | sed -n 's/^Database system identifier: *//p')
    folder=$archive/$system/base
    mkdir -p "$folder"
    backup=$folder/$(date -u +%Y%m%dT%H%M%SZ)
    mv "$unfinished" "$backup"
    sync "$folder"
}

free_space() {
    df -Pk "$archive" | awk 'NR == 2 {print int($4 / 1024) " MiB free"}'
}

# Names sort by time.
remove_oldest() {
    set -- "$folder"/[0-9]*Z
    while [ "$#" -gt "$BASE_BACKUPS_KEPT" ]; do
        rm -rf "$1"
        say "removed $(basename "$1"): the newest $BASE_BACKUPS_KEPT are kept"
        shift
    done
    first_segment=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\))$/\1/p' "$1/backup_label")
    segments=$archive/$system/segments
    [ -d "$segments" ] || refuse "the base backup was made, but no WAL was archived yet: does" \
        "PostgreSQL run with this component, and what does its log say of archive-segment?"
    pg_archivecleanup -x .gz "$segments" "$first_segment"
}

[ "$BASE_BACKUPS_KEPT" -ge 1 ] ||
    refuse "BASE_BACKUPS_KEPT is $BASE_BACKUPS_KEPT: give a number from 1"
enter_archive
write_password_file
require_database "$PGDATABASE"
copy_server
publish
remove_oldest
say "$(basename "$backup"), $(du -sm "$backup" | cut -f1) MiB; segments from $first_segment on" \
    "are kept, $(du -sm "$segments" | cut -f1) MiB; $(free_space)"
