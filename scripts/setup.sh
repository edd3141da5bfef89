#!/usr/bin/env bash
# Sets up everything that `make demo` and `make test` need: distribution packages, .venv, the project in it.
#
# What is already there is left alone, and the network is only used for what is missing: a second run takes a moment.
# PYTHON chooses the interpreter of .venv (default: the distribution's own, for which bcc's binding is made).
# Exit status: 0 done, 1 something is missing that this script cannot get; the last line says what.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-/usr/bin/python3}
stamps=build/setup
mkdir -p "$stamps"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

declare -A have
list_installed() {
    local status name
    have=()
    while read -r status name; do
        [ "$status" != installed ] || have[$name]=1
    done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n')
}

# Not grep -q: it would leave apt-cache with a broken pipe, which pipefail takes for a failure.
available() { apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' >/dev/null; }

# The needs of packages.txt that concern this machine, one a line: "?" (optional) or "!", then the alternatives.
needs() {
    local arch line need
    arch=$(dpkg --print-architecture)
    while read -r line; do
        need=${line%%#*}
        [[ ! $need =~ \[(.*)\] || ${BASH_REMATCH[1]} = "$arch" ]] || continue
        need=${need%%\[*} need=${need//|/} need=${need//\{kernel\}/$(uname -r)} need=${need//\{arch\}/$arch}
        case $need in
            '') ;;
            '?'*) echo "$need" ;;
            *) echo "! $need" ;;
        esac
    done <scripts/packages.txt
}

# Is each need met by some installed package? (What else the distribution has is not asked: that takes a second.)
all_installed() {
    local kind alternatives name
    while read -r kind alternatives; do
        for name in $alternatives; do
            [ -z "${have[$name]:-}" ] || continue 2
        done
        [ "$kind" = '?' ] || return 1
    done < <(needs)
}

# Prints the packages to install: of each need the first alternative that the distribution has, unless it is installed.
missing() {
    local kind alternatives name
    while read -r kind alternatives; do
        for name in $alternatives; do
            [ -z "${have[$name]:-}" ] || continue 2
            if available "$name"; then echo "$name" && continue 2; fi
        done
        [ "$kind" = '?' ] || echo "${alternatives%% *}"
    done < <(needs) | sort -u
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and this is not root: run as root: apt-get install $wanted"
    fi
}

install_packages() {
    local key wanted
    list_installed
    key=$(sha256sum scripts/packages.txt) && key="${key%% *} $(uname -r)"
    if [ "$(cat "$stamps/packages" 2>/dev/null)" = "$key" ] && all_installed; then return; fi
    wanted=$(missing | paste -sd ' ')
    if [ -n "$wanted" ]; then
        as_root apt-get update -q >/dev/null || say "apt-get update failed in part; going on with what it knows"
        wanted=$(missing | paste -sd ' ')
        say "installing $wanted"
        # shellcheck disable=SC2086  # a list of names
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
            -o DPkg::Lock::Timeout=300 $wanted >"$stamps/apt.log" 2>&1 ||
            die "apt-get could not install these packages; its words: $(grep -m1 '^E:' "$stamps/apt.log" || echo "see $stamps/apt.log")"
    fi
    echo "$key" >"$stamps/packages"
}

pip_install() {
    .venv/bin/python -m pip install --disable-pip-version-check "$@" >"$stamps/pip.log" 2>&1 ||
        die "pip could not install $*: $(grep -im1 error "$stamps/pip.log"); see $stamps/pip.log"
}

make_venv() {
    local key
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$python is older than 3.11: set PYTHON to a newer one (Debian 12 and Ubuntu 24.04 have it)"
    key="$("$python" -VV) $(cat requirements.lock pyproject.toml hatch_build.py | sha256sum) $PWD"
    if [ "$(cat "$stamps/venv" 2>/dev/null)" = "$key" ] && [ -x .venv/bin/capture ]; then return; fi
    say "making .venv"
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.argv[1] != sys.version)' \
        "$("$python" -c 'import sys; print(sys.version)')" 2>/dev/null; then
        "$python" -m venv --clear .venv
    fi
    pip_install -r requirements.lock
    pip_install --no-deps --no-build-isolation -e .
    echo "$key" >"$stamps/venv"
}

if command -v dpkg-query >/dev/null; then
    install_packages
else
    say "no dpkg here: taking what scripts/packages.txt lists for granted"
fi
make_venv
