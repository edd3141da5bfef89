#!/usr/bin/env bash
# Something to record: what a build machine does in a few seconds. Takes no arguments, leaves nothing behind.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

find /usr/include /etc -xdev -type f >files 2>/dev/null || true

cat >hello.c <<'C'
#include <stdio.h>
int main(void) { return puts("hello") < 0; }
C
for level in 0 1 2; do gcc -O$level -o hello hello.c && ./hello >/dev/null; done

head -n 300 files | tar -czf some.tar.gz -T - 2>/dev/null
tar -tzf some.tar.gz >/dev/null

python3 -c 'import json, urllib.request; print(len(json.dumps(list(range(10000)))))' >/dev/null

sqlite3 test.db 'create table t(n); with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000)
    insert into t select n from c; select sum(n) from t;' >/dev/null
for i in 1 2 3 4 5; do sqlite3 test.db "insert into t values ($i)"; done

dd if=/dev/zero of=/dev/null bs=1 count=20k 2>/dev/null
sleep 0.2 & sleep 0.1 & wait
cat /no/such/file 2>/dev/null || true
