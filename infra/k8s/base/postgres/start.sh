#!/bin/sh
# Makes the database where the volume is empty, then becomes PostgreSQL. What is there already is
# never made anew, and a volume that can't be used is left as it is: the last line says what to do.
set -eu

password_file=/run/secrets/postgres-admin/password
admin=doorbuster_admin
database=doorbuster
volume=$(dirname "$PGDATA")
unfinished=$volume/pgdata.unfinished
in_use=$volume/in-use.lock
lock_patience_s=60

refuse() {
    printf 'start: %s\n' "$*" >&2
    exit 1
}

require_writable_volume() {
    [ -d "$volume" ] || refuse "$volume is missing: mount the volume postgres-data there"
    if [ ! -w "$volume" ] || [ ! -x "$volume" ]; then
        refuse "the volume belongs to $(stat -c '%u:%g, mode %a' "$volume"), and user $(id -u)" \
            "can't write to it: give it to 999:999 (chown on its node) or use a StorageClass" \
            "that honours fsGroup"
    fi
}

# Two servers on one volume destroy it, and PostgreSQL's own check sees only its own pod. The lock
# is held by the server and by each of its processes, until the last of them has ended.
take_volume() {
    exec 9>>"$in_use"
    flock --wait "$lock_patience_s" 9 || refuse "another pod's PostgreSQL still uses this volume" \
        "after $lock_patience_s s: wait until it has ended (kubectl get pods --all-namespaces)"
}

require_free_space() {
    free_mib=$(df -Pk "$volume" | awk 'NR == 2 {print int($4 / 1024)}')
    [ "$free_mib" -ge "$FREE_MIB_MIN" ] || refuse "the volume is full: $free_mib MiB are free," \
        "$FREE_MIB_MIN are needed to recover and go on; nothing was changed. Enlarge the claim" \
        "postgres-data-postgres-0 or free space on its node's disk, but delete nothing in pgdata:" \
        "the pod then starts by itself"
}

require_usable_database() {
    owner=$(stat -c %u "$PGDATA")
    [ "$owner" = "$(id -u)" ] || refuse "$PGDATA belongs to user $owner and the server runs as" \
        "$(id -u): give all of it to 999:999 (chown -R on the volume's node)"
    [ -f "$PGDATA/PG_VERSION" ] || refuse "$PGDATA exists but holds no database (no PG_VERSION):" \
        "move it away for a new database, or restore into it"
    of_volume=$(cat "$PGDATA/PG_VERSION")
    of_image=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    [ "$of_volume" = "$of_image" ] || refuse "the volume holds a database of PostgreSQL" \
        "$of_volume, the image is PostgreSQL $of_image: go back to an image of $of_volume, dump" \
        "with it, and restore into a new volume (docs/runbooks/postgres-restore.md)"
    # A volume that came from elsewhere, or that fsGroup went over.
    chmod 0700 "$PGDATA"
}

# Elsewhere first, renamed when complete: an interrupted one never looks like a database.
make_database() {
    [ ! -e "$volume/PG_VERSION" ] || refuse "the volume holds a database in its root, where none" \
        "of ours is: mount another volume, or move that database into pgdata yourself"
    [ -s "$password_file" ] || refuse "the secret postgres-admin has no password: create it first" \
        "(make deploy does so)"
    rm -rf "$unfinished"
    for other in "$volume"/pgdata.*; do
        [ ! -e "$other" ] || refuse "there is no pgdata but $other: a recovery was interrupted." \
            "Run it again, or rename that folder to pgdata"
    done
    initdb --pgdata="$unfinished" --username="$admin" --pwfile="$password_file" \
        --auth=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C.UTF-8 \
        --set huge_pages=off --no-instructions
    printf 'CREATE DATABASE %s\n' "$database" |
        postgres --single -D "$unfinished" -c exit_on_error=on postgres >/dev/null
    mv "$unfinished" "$PGDATA"
    sync "$volume"
}

# Only when told to, for a secret that was lost or has to change. Quiet: the statement holds it.
set_admin_password() {
    quoted=$(sed "s/'/''/g" "$password_file")
    printf "ALTER ROLE %s PASSWORD '%s'\n" "$admin" "$quoted" |
        postgres --single -D "$PGDATA" -c config_file="$CONFIG_FILE" -c exit_on_error=on \
            -c log_min_duration_statement=-1 -c log_min_error_statement=panic postgres >/dev/null
    echo "start: the password of $admin is the secret's now: unset SET_ADMIN_PASSWORD" >&2
}

# As process 1 a shell ignores signals that it has no trap for.
trap 'exit 143' TERM INT

require_writable_volume
take_volume
require_free_space
[ -e "$PGDATA" ] || make_database
require_usable_database
[ "${SET_ADMIN_PASSWORD:-no}" = no ] || set_admin_password
exec postgres -D "$PGDATA" -c config_file="$CONFIG_FILE" -c hba_file=/etc/postgresql/pg_hba.conf
