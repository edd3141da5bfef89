"""A program that does the same each time it runs, in a folder; PLANT makes one thing different."""
# ruff: noqa: PTH116, PTH104, PTH123, SIM105

import os
import socket
import sys
import time

plant = os.environ.get("PLANT", "")
os.chdir(sys.argv[1])
names = [f"settings{number}" for number in range(5)]
for name in names:
    with open(name, "w") as file:
        file.write(name * 50)
log = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
for turn in range(60):
    for name in names:
        descriptor = os.open(name, os.O_RDONLY)
        os.read(descriptor, 200)
        os.fstat(descriptor)
        os.close(descriptor)
    try:
        os.stat("missing")
    except OSError:
        pass
    os.getrandom(300_000 if plant == "slow" else 16)
    os.write(log, b"line\n")
    if turn % 5 == 0:
        time.sleep(0.0005)
if plant == "error":
    try:
        os.open("settings0/under", os.O_RDONLY)
    except OSError:
        pass
elif plant == "file":
    os.close(os.open("/etc/passwd", os.O_RDONLY))
elif plant == "calls":
    for _ in range(120):
        os.fstat(log)
elif plant == "call":
    os.rename("settings0", "settings1")
elif plant == "peer":
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.2", 25))
elif plant == "process":
    if os.fork() == 0:
        os.execl("/bin/true", "surprise")
    os.wait()
