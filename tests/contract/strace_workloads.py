"""Programs that real people run, for comparing a capture with strace. Each is a shell script for an empty folder."""

SERVER = """
import http.server, os, socket, socketserver, sys, threading
class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "5"); self.end_headers(); self.wfile.write(b"hello")
    def log_message(self, *args): pass
    def address_string(self): return "somebody"
class Unix(socketserver.UnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)
tcp = http.server.HTTPServer(("127.0.0.1", 0), Quiet)
unix = Unix("here.sock", Quiet)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0))
def echo():
    while True:
        data, peer = udp.recvfrom(1000)
        udp.sendto(data.upper(), peer)
        if data == b"end": break
for work in (tcp.serve_forever, unix.serve_forever, echo): threading.Thread(target=work, daemon=True).start()
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(20):
    client.sendto(b"packet %d" % n, udp.getsockname()); client.recvfrom(1000)
connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); connected.connect(udp.getsockname())
connected.send(b"end"); connected.recv(1000)
for n in range(5):
    os.system(f"curl -s http://127.0.0.1:{tcp.server_port}/{n} > /dev/null")
    os.system(f"curl -s --unix-socket here.sock http://localhost/{n} > /dev/null")
    os.system(f"curl -s http://[::1]:{tcp.server_port}/ > /dev/null")
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\\0systape test"); abstract.listen()
caller = socket.socket(socket.AF_UNIX); caller.connect("\\0systape test"); abstract.accept()
"""

PYTHON = """
import subprocess, threading, tempfile, json, pathlib, time
def work(n):
    for i in range(20):
        with tempfile.NamedTemporaryFile("w", dir=".") as file:
            json.dump({"n": n, "i": i}, file); file.flush(); pathlib.Path(file.name).read_text()
        time.sleep(0.0005)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[thread.start() for thread in threads]
[subprocess.run(["sh", "-c", f"echo {n}; exit {n}"], stdout=subprocess.DEVNULL) for n in range(5)]
[thread.join() for thread in threads]
"""

WORKLOADS = {
    "compile": """
        printf '#include <stdio.h>\\nint main(void) { puts("hi"); return 0; }\\n' > x.c
        cc -O1 -Wall -c x.c -o x.o && cc x.o -o x && ./x""",
    "python": f"cat > p.py <<'EOF'\n{PYTHON}\nEOF\npython3 p.py",
    "git": """
        export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a
        export GIT_COMMITTER_EMAIL=a@b
        git init -q r; cd r; for n in 1 2 3 4 5; do echo $n > "file $n"; done; git add .; git commit -qm first
        echo 6 >> 'file 1'; git diff > /dev/null; git status > /dev/null; git commit -qam second
        git log --stat > ../log
        git checkout -qb other; git mv 'file 2' moved; git commit -qm third; git gc -q""",
    "tar": """
        mkdir d; for n in $(seq 60); do echo $n > d/f$n; done; ln -s f1 d/link; ln d/f2 d/hard
        tar cf - d | gzip > d.tar.gz; mkdir out; tar xzf d.tar.gz -C out; rm -r d""",
    "find": "find /etc /usr/share/doc -name 'c*' -type f > list; find . -newer list -exec stat {} + > /dev/null",
    "sqlite": """
        sqlite3 x.db 'CREATE TABLE t(a, b); CREATE INDEX i ON t(b);'
        for n in 1 2 3; do sqlite3 x.db "INSERT INTO t VALUES($n, 'text'); SELECT count(*) FROM t;"; done
        sqlite3 x.db 'PRAGMA journal_mode=WAL; UPDATE t SET b = 5; VACUUM;' > /dev/null""",
    "network": f"cat > s.py <<'EOF'\n{SERVER}\nEOF\npython3 s.py",
    "pipeline": """
        ls -R /etc 2> /dev/null | sort | uniq -c | sort -rn | head -5 > top; (exit 3) || true
        yes | head -1000 | wc -l; seq 100 | xargs -n 20 -P 2 echo > e; sleep 0.01 & wait
        mkdir 'odd names'; cd 'odd names'; touch "$(printf 'a\\nb')" 'q"b'
        touch "$(printf '\\033[31m')" "$(printf '\\377\\376')"
        ls > /dev/null; rm -- *""",
}
"""Commands by name; they need sh, cc, python3, git, tar, gzip, find, sqlite3, curl."""

NEEDS = ("strace", "sh", "cc", "python3", "git", "tar", "gzip", "find", "sqlite3", "curl")
