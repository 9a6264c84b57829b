#!/bin/sh
# Restores a dump into a database of its own, beside the live one, which is only read. `doorbuster
# audit` proves what is in it; the runbook tells how it takes the live one's place.
set -eu
# shellcheck source=/dev/null
. /etc/backup/connect.sh

folder=/var/backups/dumps
restored=doorbuster_restored
# Renamed when complete: an interrupted restore is never taken for a restored database.
unfinished=doorbuster_restoring

choose_dump() {
    name=$(basename "$BACKUP_FILE")
    if [ "$name" = newest ]; then name=$(dumps | tail -n 1); fi
    [ -n "$name" ] || refuse "there is no dump yet: kubectl create job --from=cronjob/backup" \
        "backup-now"
    dump=$folder/$name
    [ -f "$dump" ] || refuse "there is no $name; there are:$(dumps)"
}

dumps() {
    for file in "$folder/$PGDATABASE"-*.dump; do
        if [ -f "$file" ]; then printf '\n%s' "$(basename "$file")"; fi
    done
}

# A dump names the roles that own and may use things, but doesn't hold them.
require_roles() {
    missing=$(ask postgres "SELECT string_agg(name, ' ') FROM unnest(ARRAY['auth', 'product',
        'orders', 'payment', 'auditor']) AS name WHERE name NOT IN (SELECT rolname FROM pg_roles)")
    [ -z "$missing" ] || refuse "these roles are missing: $missing. Run the migrations first" \
        "(make deploy does so): they make them, with the passwords of the secrets"
}

restore() {
    ask postgres "DROP DATABASE IF EXISTS $unfinished WITH (FORCE)"
    ask postgres "CREATE DATABASE $unfinished TEMPLATE template0"
    if ! pg_restore --exit-on-error --dbname="$unfinished" "$dump"; then
        ask postgres "DROP DATABASE $unfinished WITH (FORCE)"
        refuse "$(basename "$dump") can't be restored (the reason is above); nothing else was" \
            "touched. Try another: name it in BACKUP_FILE. There are:$(dumps)"
    fi
    ask "$unfinished" "ANALYZE"
    # Rights on a database itself aren't part of its dump: as the migrations give them, but only to
    # who looks at it.
    ask postgres "REVOKE ALL ON DATABASE $unfinished FROM PUBLIC"
    ask postgres "GRANT CONNECT ON DATABASE $unfinished TO auditor"
    ask postgres "DROP DATABASE IF EXISTS $restored WITH (FORCE)"
    ask postgres "ALTER DATABASE $unfinished RENAME TO $restored"
}

count_rows() {
    ask "$restored" "SELECT format('%10s %I.%I',
        (xpath('/row/count/text()', query_to_xml(format('SELECT count(*) FROM %I.%I',
            schemaname, tablename), false, true, '')))[1], schemaname, tablename)
        FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        ORDER BY schemaname, tablename"
}

choose_dump
write_password_file
require_database postgres
require_roles
say "restoring $(basename "$dump") into $restored"
restore
count_rows
say "done: $restored holds $(basename "$dump")"
