#!/bin/sh
# Lays the newest base backup before RECOVERY_TARGET_TIME where PostgreSQL will find it, which then
# replays the archive up to that moment. What was there is kept beside it.
set -eu

archive=/var/lib/postgresql/wal-archive
volume=$(dirname "$PGDATA")
unfinished=$volume/pgdata.recovering
abandoned=$volume/pgdata.abandoned
spare_mib=512

refuse() {
    printf 'point-in-time-recovery: %s\n' "$*" >&2
    exit 1
}

take_volume() {
    exec 9>>"$volume/in-use.lock"
    flock --nonblock 9 || refuse "PostgreSQL runs on this volume: stop it first (kubectl scale" \
        "statefulset postgres --replicas=0)"
}

# `target` as PostgreSQL reads it, `moment` as base backups are named. `latest` is all there is.
read_target() {
    [ -n "${RECOVERY_TARGET_TIME:-}" ] || refuse "RECOVERY_TARGET_TIME isn't given: a moment" \
        "such as 2026-11-27T20:15:00Z, or latest"
    now=$(date -u +%Y%m%dT%H%M%SZ)
    if [ "$RECOVERY_TARGET_TIME" = latest ]; then
        moment=$now
        return
    fi
    target=$(date -u -d "$RECOVERY_TARGET_TIME" '+%Y-%m-%d %H:%M:%S.%6N+00') ||
        refuse "RECOVERY_TARGET_TIME is '$RECOVERY_TARGET_TIME': give it like 2026-11-27T20:15:00Z"
    moment=$(date -u -d "$target" +%Y%m%dT%H%M%SZ)
    ! is_before "$now" "$moment" || refuse "$target is in the future: nothing was written then"
}

# Written like this, moments compare as words do; `expr` alone compares words in POSIX sh.
is_before() {
    [ "$(expr "x$1" '<' "x$2")" = 1 ]
}

choose_base_backup() {
    chosen=
    for backup in "$archive"/*/base/[0-9]*Z; do
        name=$(basename "$backup")
        [ -d "$backup" ] || continue
        [ "$BASE_BACKUP" = newest ] || [ "$BASE_BACKUP" = "$name" ] || continue
        is_before "$name" "$moment" || continue
        if [ -z "$chosen" ] || is_before "$(basename "$chosen")" "$name"; then chosen=$backup; fi
    done
    [ -n "$chosen" ] || refuse "there is no base backup ($BASE_BACKUP) from before" \
        "$RECOVERY_TARGET_TIME; there are: $(cd "$archive" && echo */base/*Z). Give a later" \
        "moment, or restore a dump"
    pg_verifybackup --quiet "$chosen" || refuse "$chosen is damaged: name another in BASE_BACKUP"
    segments=${chosen%/base/*}/segments
}

# What a former recovery left unfinished is nobody's database; that recovery's predecessor is.
find_former() {
    former=
    for kept in "$volume"/pgdata.before-*; do
        if [ -d "$kept" ]; then former=$kept; fi
    done
    if [ -d "$PGDATA" ] && [ ! -e "$PGDATA/recovery.signal" ]; then former=$PGDATA; fi
}

require_free_space() {
    needed_mib=$(($(du -sm "$chosen" | cut -f1) + spare_mib))
    free_mib=$(df -Pk "$volume" | awk 'NR == 2 {print int($4 / 1024)}')
    [ "$free_mib" -ge "$needed_mib" ] || refuse "$needed_mib MiB are needed beside what is there," \
        "$free_mib are free: enlarge the volume postgres-data, or remove pgdata.before-* of" \
        "former recoveries"
}

system_of() {
    pg_controldata "$1" | sed -n 's/^Database system identifier: *//p'
}

# Segments that a crash kept from being archived are only here. The archive isn't given them: what
# follows in them after the crash is left over from older ones.
copy_unarchived_segments() {
    [ -n "$former" ] && [ "$(system_of "$former")" = "$(system_of "$unfinished")" ] || return 0
    for segment in "$former"/pg_wal/[0-9A-F]*; do
        name=$(basename "$segment")
        case $name in *[!0-9A-F]*) continue ;; esac
        if [ -f "$segment" ] && [ ! -e "$segments/$name.gz" ]; then
            cp "$segment" "$unfinished/pg_wal/$name"
        fi
    done
}

lay_out() {
    rm -rf "$unfinished" "$abandoned"
    cp -R "$chosen" "$unfinished"
    chmod 0700 "$unfinished"
    copy_unarchived_segments
    settings=$unfinished/postgresql.auto.conf
    sed -i '/^recovery_target/d' "$settings"
    {
        [ -z "${target:-}" ] || echo "recovery_target_time = '$target'"
        echo "recovery_target_timeline = '$RECOVERY_TARGET_TIMELINE'"
        echo "recovery_target_action = 'promote'"
    } >>"$settings"
    : >"$unfinished/recovery.signal"
    sync
}

put_in_place() {
    if [ -e "$PGDATA/recovery.signal" ]; then
        mv "$PGDATA" "$abandoned"
    elif [ -e "$PGDATA" ]; then
        mv "$PGDATA" "$volume/pgdata.before-$now"
    fi
    mv "$unfinished" "$PGDATA"
    sync "$volume"
    rm -rf "$abandoned"
}

umask 077
take_volume
read_target
choose_base_backup
find_former
require_free_space
lay_out
put_in_place
printf 'point-in-time-recovery: %s\n' \
    "base backup $(basename "$chosen") is in place, to be recovered to $RECOVERY_TARGET_TIME" \
    "start PostgreSQL: kubectl scale statefulset postgres --replicas=1; then it recovers" \
    "kept beside it: $(cd "$volume" && echo pgdata.before-*)"
