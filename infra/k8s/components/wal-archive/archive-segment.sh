#!/bin/sh
# Copies one finished WAL segment (path, name) into the archive. PostgreSQL keeps the segment and
# asks again until this succeeds, so it only does when the copy is complete and on the disk.
set -eu

path=$1
name=$2
archive=/var/lib/postgresql/wal-archive

refuse() {
    printf 'archive-segment: %s\n' "$*" >&2
    exit 1
}

# Each database has a folder of its own: one that was made anew never mixes with its predecessor.
enter_folder() {
    system=$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
    [ -n "$system" ] || refuse "can't read the identifier of $PGDATA"
    folder=$archive/$system/segments
    archived=$folder/$name.gz
    partial=$folder/$name.partial
    umask 077
    mkdir -p "$folder" || refuse "can't write to the volume of the claim wal-archive"
}

# Asked again after a crash: the same bytes are fine, others are another history.
accept_same() {
    gzip --decompress --stdout "$archived" | cmp --silent - "$path" || refuse "$name is in the" \
        "archive already, with other content: both stay as they are. Was $PGDATA put back from a" \
        "copy? Then rename $archived and make a base backup"
    sync "$archived" "$folder"
}

# A link, unlike a rename, never replaces what is there.
copy() {
    gzip --fast --no-name <"$path" >"$partial" || refuse "can't write $name: is the volume of the" \
        "claim wal-archive full? PostgreSQL keeps its segments until this works"
    sync "$partial"
    ln "$partial" "$archived"
    rm "$partial"
    sync "$folder"
}

enter_folder
if [ -e "$archived" ]; then accept_same; else copy; fi
