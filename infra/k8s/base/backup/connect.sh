# shellcheck shell=sh
# How Jobs reach PostgreSQL as its administrator: read with `.` by each, after `set -eu`.

export PGHOST=postgres PGPORT=5432 PGUSER=doorbuster_admin PGDATABASE=doorbuster
export PGPASSFILE=/tmp/password PGCONNECT_TIMEOUT=5 PGOPTIONS="-c client_min_messages=warning"

password_file=/run/secrets/postgres-admin/password
database_patience_s=120

say() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*"
}

refuse() {
    say "$@" >&2
    exit 1
}

# In a file only: a command line and an environment can be read by others. PostgreSQL's programs
# take `:` and `\` in it only after a `\`.
write_password_file() {
    [ -s "$password_file" ] || refuse "the secret postgres-admin has no password: create it first" \
        "(make deploy does so)"
    escaped=$(sed 's/[\\:]/\\&/g' "$password_file")
    (umask 077 && printf '*:*:*:%s:%s\n' "$PGUSER" "$escaped" >"$PGPASSFILE")
}

# A pod's network rules may come seconds after the pod, and the node may just have started.
wait_for_server() {
    waited_s=0
    until pg_isready --quiet; do
        [ "$waited_s" -lt "$database_patience_s" ] ||
            refuse "$PGHOST:$PGPORT doesn't accept connections after $database_patience_s s: is" \
                "the pod postgres-0 Ready, and does this pod carry the label" \
                "reaches.doorbuster/postgres?"
        sleep 2
        waited_s=$((waited_s + 2))
    done
}

# The first connection tells a wrong password or a missing database apart from what comes later.
require_database() {
    wait_for_server
    psql --no-psqlrc --quiet --dbname="$1" --command='SELECT 1' >/dev/null ||
        refuse "can't use database $1 (PostgreSQL's reason is above). If the password was" \
            "refused, the secret postgres-admin isn't the one that the volume was made with; if" \
            "there is no such database, it was renamed or dropped" \
            "(docs/runbooks/postgres-restore.md)"
}

ask() {
    psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
        --dbname="$1" --command="$2"
}
