#!/usr/bin/env bash
# Installs the Debian packages that Doorbuster is built and run with: only those that are missing,
# and without starting the system's own PostgreSQL and Redis (the project runs private ones).
#
#   ./install-dependencies.sh           install what is missing (asks sudo if you aren't root)
#   ./install-dependencies.sh --list    print what is missing, change nothing
#   ./install-dependencies.sh --bench   also what `make bench` compares with: nginx and wrk
#
# DOORBUSTER_SKIP_INSTALL=1 makes it do nothing, for machines prepared in another way.
set -euo pipefail

say() { printf 'install-dependencies: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

readonly POLICY=/usr/sbin/policy-rc.d
DAEMONS=(postgresql redis-server redis-sentinel)
BENCH_PACKAGES=()
readonly PACKAGES=(
    g++ cmake ninja-build ccache pkg-config make curl openssl python3
    python3-pytest python3-venv python3-yaml
    libpq-dev libhiredis-dev libssl-dev libsodium-dev zlib1g-dev libfmt-dev libspdlog-dev
    prometheus-cpp-dev libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev
    "${DAEMONS[@]}"
)

# Debian 12 keeps Boost 1.81 beside its default 1.74; newer releases have a newer default.
boost_packages() {
    local id="" version=""
    if [ -r /etc/os-release ]; then
        # shellcheck disable=SC1091 # of whichever system this is
        id=$(. /etc/os-release && printf '%s' "${ID:-}")
        # shellcheck disable=SC1091 # as above
        version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
    fi
    if [ "$id" = debian ] && [ "$version" = 12 ]; then
        printf '%s\n' libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
    else
        printf '%s\n' libboost-dev libboost-json-dev libboost-url-dev
    fi
}

missing_packages() {
    local package
    for package in "${PACKAGES[@]}" "${BENCH_PACKAGES[@]}" $(boost_packages); do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

# The lists of a fresh image are empty; those of a running machine may name versions that the
# mirror no longer has. The first is seen here, the second when the installation fails.
lists_know() {
    apt-get install --simulate --quiet=2 "$@" >/dev/null 2>&1
}

# apt starts a daemon it has just installed unless this file forbids it.
forbid_starting_daemons() {
    [ -e "$POLICY" ] && return
    trap 'rm -f "$POLICY"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
}

# Nor should they start at the next boot because of this script: those it installed itself.
keep_daemons_off_at_boot() {
    command -v systemctl >/dev/null || return 0
    local daemon
    for daemon in "${DAEMONS[@]}"; do
        case " $* " in
            *" $daemon "*) systemctl disable "$daemon" >/dev/null 2>&1 || true ;;
        esac
    done
}

# dpkg tells of each package four times; errors still come through.
fetch_and_unpack() {
    apt-get install --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    if ! lists_know "$@"; then
        say "refreshing the package lists"
        apt-get update --quiet=2
    fi
    forbid_starting_daemons
    if ! fetch_and_unpack "$@"; then
        say "trying once more with fresh package lists"
        apt-get update --quiet=2
        fetch_and_unpack "$@"
    fi
    keep_daemons_off_at_boot "$@"
}

main() {
    [ "${DOORBUSTER_SKIP_INSTALL:-}" = 1 ] && return
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        fail "this is no Debian or Ubuntu. Install the likes of: ${PACKAGES[*]} $(boost_packages |
            tr '\n' ' ')and set DOORBUSTER_SKIP_INSTALL=1."
    fi
    if [ "${1:-}" = --bench ]; then
        BENCH_PACKAGES=(nginx-light wrk)
        DAEMONS+=(nginx)
    fi
    local missing
    mapfile -t missing < <(missing_packages)
    if [ "${1:-}" = --list ]; then
        [ ${#missing[@]} -eq 0 ] || printf '%s\n' "${missing[@]}"
        return
    fi
    if [ ${#missing[@]} -eq 0 ]; then
        say "nothing is missing"
        return
    fi
    say "installing (a minute or so): ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "no sudo here; as root run: $(readlink -f "$0")"
        exec sudo -- "$(readlink -f "$0")" "$@"
    fi
    install_packages "${missing[@]}"
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] || fail "still missing: ${missing[*]}"
    say "done; the system's own PostgreSQL and Redis were not started"
}

main "$@"
