#!/usr/bin/env bash
# Records the whole machine while a workload runs, and shows what can be asked of the capture afterwards.
# The argument is where the capture goes (default: demo.parquet).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo 'demo: recording takes root, and there is no sudo: run it as root' >&2 && exit 1; }
    exec sudo "$PWD/scripts/demo.sh" "$@"
fi
set -m # else bash would start the capture with INT ignored
export PATH="$PWD/.venv/bin:$PATH"
trace=${1:-demo.parquet}
log=$(mktemp)
capture=
trap '[ -z "$capture" ] || kill "$capture" 2>/dev/null; rm -f "$log"' EXIT

# Prints a command as one would type it.
echo_command() {
    printf '$'
    for word in "$@"; do
        case $word in *[!A-Za-z0-9./_=-]*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
}

ask() {
    printf '\n'
    echo_command "$@"
    "$@"
}

echo_command capture -w "$trace" --force
capture -w "$trace" --force 2>"$log" &
capture=$!
until grep -q recording "$log"; do
    kill -0 "$capture" 2>/dev/null || { cat "$log" >&2 && wait "$capture" && exit 1; }
    sleep 0.05
done
scripts/demo_workload.sh
kill -INT "$capture"
wait "$capture" || { cat "$log" >&2 && exit 1; }
capture=
cat "$log"

ask analyze summary "$trace"
ask analyze top "$trace" -n 10
ask analyze top "$trace" --by process -n 10
ask analyze latency "$trace" -n 10
ask analyze sql "$trace" "SELECT errno, syscall, count(*) AS calls FROM events
    WHERE errno IS NOT NULL GROUP BY ALL ORDER BY calls DESC LIMIT 5"
