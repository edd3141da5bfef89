"""Programs that real people run, for comparing a capture with strace. Each is a shell script for an empty folder."""

from pathlib import Path

RARE = Path(__file__).parent / "workloads" / "rare.c"

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

ASYNCIO = """
import asyncio, os, socket
async def serve(reader, writer):
    writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
async def ask(port, n):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"line %d\\n" % n); await reader.readline(); writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*(ask(port, n) for n in range(10)))
    child = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    await child.communicate(b"through two pipes")
    await asyncio.to_thread(os.listdir, "/etc")
asyncio.run(main())
"""

NODE = """
const fs = require('fs'), http = require('http'), child = require('child_process');
fs.writeFileSync('a.json', JSON.stringify({a: 1})); fs.readFileSync('a.json'); fs.mkdirSync('d/e', {recursive: true});
fs.promises.readFile('a.json').then(() => fs.promises.rm('d', {recursive: true}));
const server = http.createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1', () => {
  const end = (answer) => answer.resume().on('end', () => server.close());
  http.get({port: server.address().port, host: '127.0.0.1'}, end);
});
child.execFile('/bin/echo', ['from', 'node'], () => {});
"""

EARLIER = """
import os, pathlib, signal, socket, subprocess, sys, threading, time
os.mkdir("below"); os.chdir("below")
kept = [open("kept.txt", "w+"), open("/etc/passwd"), open("gone.txt", "w")]; os.remove("gone.txt")
server = socket.create_server(("127.0.0.1", 0)); client = socket.create_connection(server.getsockname())
accepted, _ = server.accept()
left, right = socket.socketpair(); ends = os.pipe(); folder = os.open("/usr", os.O_PATH)
os.mkfifo("../go"); pathlib.Path("../ready").touch(); open("../go").read()
def thread():
    kept[0].write("more"); kept[0].flush(); os.stat("kept.txt"); os.close(os.open("lib", os.O_RDONLY, dir_fd=folder))
for n in range(3):
    one = threading.Thread(target=thread); one.start(); one.join()
    client.send(b"x" * 100); accepted.recv(50); left.send(b"a"); right.recv(9)
    os.write(ends[1], b"b"); os.read(ends[0], 1)
    os.pread(kept[1].fileno(), 30, 5); os.fstat(kept[2].fileno())
    script = "cat < /etc/hostname > out; ls -l /proc/self/fd > list; cd /; pwd > /dev/null"
    subprocess.run(["sh", "-c", script], pass_fds=[ends[1], left.fileno()])
    if not os.fork(): os.write(ends[1], b"child"); os.chdir("/tmp"); open("/etc/group").read(); os._exit(0)
    os.wait(); os.read(ends[0], 5)
os.dup2(folder, 30); os.fstat(30); os.fchdir(folder); os.listdir("."); os.close(30); os.closerange(3, 100)
"""

OTHERS = {
    "rare": f"cc -O1 -o rare {RARE} && ./rare",
    "asyncio": f"cat > p.py <<'EOF'\n{ASYNCIO}\nEOF\npython3 p.py",
    "node": f"cat > n.js <<'EOF'\n{NODE}\nEOF\nnode n.js",
    "perl": """
        perl -MFile::Temp -MIO::Socket::INET -e '
        my ($h, $n) = File::Temp::tempfile(); print $h "x" x 10000; close $h; unlink $n; my @l = `ls /`; system("true");
        my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1"); local $SIG{ALRM} = sub {};
        alarm 1; sleep 2;
        if (!fork) { exec "echo", "a", "b c" } wait; opendir(my $d, "/etc"); my @f = readdir $d; print scalar(@f)'""",
    "make": """
        for n in 1 2 3 4; do printf "int f$n(void) { return $n; }\\n" > f$n.c; done
        printf 'all: f1.o f2.o f3.o f4.o\\n\\tar rc lib.a $^\\n' > Makefile; make -j4 CC=gcc""",
    "copy": """
        mkdir a; head -c 300000 /dev/urandom > a/big; ln -s big a/link; mkfifo a/fifo; truncate -s 1M a/hole
        cp -a a b; cp --reflink=auto a/big c; mv b/big d; dd if=c of=e bs=4k count=20 conv=fsync,notrunc iflag=fullblock
        install -m 755 c f; touch -d yesterday f; chmod -R u+w a; chown -h 0:0 a/link
        rm -rf a b; sync f; du -s .; df .""",
    "keys": """
        ssh-keygen -q -t ed25519 -N '' -f k; ssh-keygen -l -f k.pub; openssl rand -hex 8 > r; openssl genrsa 1024 > p
        openssl dgst -sha256 r; gzip -k r; sha256sum r""",
    "apt": "apt-cache policy bash; dpkg -S /bin/ls; dpkg -l bash",
    "shells": """
        bash -c 'set -m; sleep 0.2 & jobs; kill -STOP %1; kill -CONT %1; wait; trap "echo caught" USR1; kill -USR1 $$
        cat <(echo a) <<< here; exec 5<> file; echo x >&5; exec 5>&-; read -t 0.05 < /dev/zero; ulimit -n; umask 077
        coproc cat; echo y >&"${COPROC[1]}"; eval "exec ${COPROC[1]}>&-"
        for n in {1..5}; do (cd /; :) & done; wait; printf -v v %s "$(< file)"'
        seq 40 | xargs -P 4 -n 3 sh -c 'echo $0 $*' | sort -n | awk '{s += $1} END {print s}' | tee t | sed s/1/2/""",
    "vim": """
        printf 'one\\ntwo\\n' > v; vim -es -u NONE -c '%s/one/three/' -c wq v
        vim -es -u NONE -c 'r !ls /' -c 'w w' -c q! v""",
    "tools": """
        ps aux > p; ss -tan > s; ip addr > i; systemctl --version > v; jq . /dev/null; echo 2^70 | bc; lsof -p $$ > l
        who; getent hosts localhost; date; uname -a; env -i true; nice -n 5 true; timeout 1 sleep 0.1; setsid true
        id; stat / > t; tail -n 2 /etc/passwd; flock lock true; mktemp; taskset -p $$; chrt -p $$; ionice -p $$
        unshare -m true; free""",
    "server": """
        python3 -m http.server 0 --bind 127.0.0.1 > log 2>&1 & sleep 1.5
        port=$(sed -n 's/.*port \\([0-9]*\\).*/\\1/p' log)
        curl -s http://127.0.0.1:$port/log; wget -qO- http://127.0.0.1:$port/
        kill $!""",
    "java": "java -version; java -XshowSettings:vm -Xshare:auto -version",
}
"""More of them, which are compared by hand; they need what they call, and print less where that is missing."""

EARLIER_PROGRAMS = {"earlier": f"cat > e.py <<'EOF'\n{EARLIER}\nEOF\nexec python3 e.py"}
"""Programs that run before both tracers do: they make the file `ready`, and read the fifo `go`, which waits."""
