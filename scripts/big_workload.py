"""Something large to record: what a build machine with a few services does, over and over, two jobs at a time.

    python scripts/big_workload.py ROUNDS

Compiles, searches, packs, commits, runs Python with threads and sub-processes, a database, and servers with clients
over TCP, UDP and Unix sockets; it leaves nothing behind. Nothing in it is chosen at random.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SILENT: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
SOURCE = "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\nint part_%d(int n) { return n * %d; }\n"
HELPER = """
import collections, concurrent.futures, json, queue, subprocess, threading, time
lines = queue.Queue()
def work(number):
    for step in range(61):
        lines.put(json.dumps({"worker": number, "step": step}))
        time.sleep(0.0005)
threads = [threading.Thread(target=work, args=(number,)) for number in range(7)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for number in range(3): subprocess.run(["true"])
"""


def shell(text: str, folder: Path) -> None:
    """Run a line of shell; that some of its commands fail is part of the work."""
    subprocess.run(["sh", "-c", text], cwd=folder, check=False, **SILENT)


def compile_program(folder: Path) -> None:
    """Seven objects and a program, by make."""
    for number in range(7):
        (folder / f"part{number}.c").write_text(SOURCE % (number, number))
    (folder / "main.c").write_text("int part_3(int n);\nint main(void) { return part_3(0); }\n")
    objects = " ".join(f"part{number}.o" for number in range(7))
    (folder / "Makefile").write_text(f"main: main.o {objects}\n\tgcc -o main main.o {objects}\n")
    shell("make -j2 && ./main", folder)


def search(folder: Path) -> None:
    """Walk and read trees of small files, and look for what is not there."""
    shell(
        "find /usr/include /usr/share/doc /etc -xdev -newer /etc/hostname > found; ls -lR /usr/lib/python3 > listed",
        folder,
    )
    shell("grep -rl EINVAL /usr/include > found; cat /no/such/file; which nosuchprogram", folder)


def pack(folder: Path) -> None:
    """Pack and unpack a tree, compressed."""
    shell(
        "tar -czf all.tar.gz /usr/include/linux && mkdir out && tar -xzf all.tar.gz -C out && md5sum all.tar.gz", folder
    )


def commit(folder: Path) -> None:
    """A repository with a few commits."""
    shell("git init -q . && git config user.email a@example.org && git config user.name A", folder)
    for number in range(5):
        shell(f"cp -r /usr/include/asm-generic tree{number} && git add . && git commit -qm {number}", folder)
    shell("git log -p > log; git status; git diff HEAD~2 > diff; git gc -q", folder)


def script(folder: Path) -> None:
    """Python with threads, a queue, naps and sub-processes."""
    subprocess.run([sys.executable, "-c", HELPER], cwd=folder, check=False, **SILENT)


def database(folder: Path) -> None:
    """Many small transactions and some large questions."""
    with sqlite3.connect(folder / "test.db", isolation_level=None) as base:
        base.execute("CREATE TABLE t (n INTEGER, text TEXT)")
        for number in range(211):
            base.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * number))
        base.execute("INSERT INTO t SELECT a.n, b.text FROM t a, t b")
        base.execute("SELECT count(*) FROM t WHERE text LIKE '%xxx%'").fetchall()
    base.close()


def log_lines(folder: Path) -> None:
    """A careless logger: every line opens, writes and closes, with tiny writes; a config read again and again."""
    for number in range(499):
        with (folder / "app.log").open("ab", buffering=0) as log:
            log.write(b"request ")
            log.write(b"%d\n" % number)
        Path("/etc/hostname").read_text()
        (folder / "override.conf").exists()


def copy_bytes(folder: Path) -> None:
    """The dullest of all: read and write in turn."""
    shell("dd if=/dev/zero of=zero bs=512 count=7001; dd if=zero of=/dev/null bs=512", folder)


def serve_tcp(_folder: Path) -> None:
    """An echo server and its clients over TCP; one connection is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answering = threading.Thread(target=_echo, args=(server, 23))
        answering.start()
        for _ in range(23):
            with socket.create_connection(("127.0.0.1", port)) as client:
                for _ in range(41):
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    client.recv(4096)
        answering.join()
    with socket.socket() as nobody:
        nobody.connect_ex(("127.0.0.1", 1))


def _echo(server: socket.socket, connections: int) -> None:
    for _ in range(connections):
        connection, _address = server.accept()
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)


def serve_udp(_folder: Path) -> None:
    """Datagrams over UDP."""
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        for _ in range(997):
            client.sendto(b"x" * 64, server.getsockname())
            server.recvfrom(2048)


def serve_unix(folder: Path) -> None:
    """A Unix socket, with a poll before each read."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen()
        answering = threading.Thread(target=_echo, args=(server, 1))
        answering.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(folder / "socket"))
            for _ in range(499):
                client.sendall(b"ping")
                client.recv(64)
        answering.join()


JOBS: tuple[Callable[[Path], None], ...] = (
    compile_program,
    search,
    pack,
    commit,
    script,
    database,
    log_lines,
    copy_bytes,
    serve_tcp,
    serve_udp,
    serve_unix,
)


def do(job: Callable[[Path], None]) -> None:
    """One job in a process of its own, with a name that tells which, in a folder that is gone afterwards."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        Path("/proc/self/comm").write_text(job.__name__)
        with tempfile.TemporaryDirectory() as folder:
            job(Path(folder))
    finally:
        os._exit(0)


def main() -> None:
    """All jobs, so many rounds; a SIGTERM ends it."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for _ in range(int(sys.argv[1])):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(do, JOBS))
        time.sleep(0.05)


if __name__ == "__main__":
    main()
