#!/bin/sh
# Gives a recovering PostgreSQL a file of the archive (name, path). One that isn't there ends the
# recovery, or has it look into pg_wal: no error.
set -eu

system=$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
archived=/var/lib/postgresql/wal-archive/$system/segments/$1.gz
[ -f "$archived" ] || exit 1
gzip --decompress --stdout "$archived" >"$2"
