#!/bin/sh
# Gives a recovering PostgreSQL a file of the archive (name, path). To PostgreSQL a failure means
# that there is no such file, and recovery ends there; above 125 it stops instead, and tries again.
# So only what the archive certainly lacks is 1: anything else would be a silent loss.
set -u

archive=/var/lib/postgresql/wal-archive
absent=1
broken=255

refuse() {
    printf 'restore-segment: %s\n' "$*" >&2
    exit "$broken"
}

[ "$#" -eq 2 ] || refuse "give a name and a path"
name=$1
path=$2
system=$(pg_controldata "${PGDATA:-}" | sed -n 's/^Database system identifier: *//p')
[ -n "$system" ] || refuse "can't read the identifier of ${PGDATA:-the database: no PGDATA}"
folder=$archive/$system/segments
# A folder that can't be looked into seems to lack everything.
if ! { [ -d "$folder" ] && [ -r "$folder" ] && [ -x "$folder" ]; }; then
    refuse "can't read $folder: is the claim wal-archive mounted, and of this database?"
fi
archived=$folder/$name.gz
[ -e "$archived" ] || exit "$absent"
gzip --decompress --stdout "$archived" >"$path" || refuse "$archived is damaged, or the volume of" \
    "$PGDATA is full: nothing after it was recovered. Make room, put back a whole copy, or recover" \
    "to a moment before it"
