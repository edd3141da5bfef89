"""Give the commands hostile input, and see that each answers or says one clear line: the long form of the tests.

    python scripts/fuzz.py --files 1000 --inside 9000 --filters 100000

Files are mutated or crafted (tests/hostile.py) from samples/, from a capture with its journal, from an Arrow stream and
from a log of strace's. `--files` runs each case as a user would, in a process of its own; `--inside` and `--filters`
many in one. A case fails by a traceback, an unknown exit status, a control character in what it prints, more than
10 s of CPU time, or more than 1 GB of memory. Each has a number, from which `--only N` makes it again. Exit status 1
if any failed.
"""

import argparse
import contextlib
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.hostile import craft, filter_text, hostile_log, mutate  # noqa: E402

HANG = 10
"""Seconds of CPU time: other work on the machine is none of ours."""
MEMORY = 1 << 30
STATUSES = {0, 2, 3, 4, 5, 6, 7, 8}
CHUNK = 250
"""Cases of one process, with --inside."""
REPORTS = (
    *("summary", "top", "latency", "slowest", "errors", "files", "peers", "processes"),
    *("timeline", "blocked", "repeats", "io", "losses"),
)
QUERIES = (
    *("FROM calls LIMIT 50", "FROM fds", "FROM users"),
    "SELECT count(*), max(path), min(ts), sum(dur_ns) FROM events",
)
PLAIN = {"\n", "\t"}


class Corpus:
    """What cases are made from, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Makes an Arrow stream, an unfinished capture and a log beside the samples."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from analyze.cli import run
        from capture.sink.parquet import ParquetSink
        from schemas.journal import journal_path

        self.folder = folder
        self.samples = sorted((ROOT / "samples").glob("*.parquet"))
        table = pq.read_table(self.samples[0])
        self.stream = folder / "seed.arrows"
        with pa.OSFile(str(self.stream), "wb") as out, pa.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table, 300)
        live = folder / "live.parquet"
        plain = table.combine_chunks().to_batches()[0]
        sink = ParquetSink(live, {key.decode(): text.decode() for key, text in table.schema.metadata.items()})
        sink.write(plain.slice(0, 400))
        sink.flush(plain.slice(400, 100))
        self.unfinished = folder / "seed.parquet"
        shutil.copy(live, self.unfinished)
        shutil.copy(journal_path(live), journal_path(self.unfinished))
        sink.close({})
        sys.argv = ["analyze", "export", "--to", "strace", str(self.samples[0]), "-o", str(folder / "seed.log")]
        if run() != 0:
            raise SystemExit("no log could be made")
        self.log = (folder / "seed.log").read_text(errors="surrogateescape")


def case(corpus: Corpus, number: int) -> tuple[list[str], Path]:
    """The words of a case and the folder that is its own, with its hostile file."""
    rng = random.Random(number)
    folder = corpus.folder / f"case{number}"
    folder.mkdir()
    kind = rng.choice(
        ("mutated",) * 5 + ("crafted",) * 5 + ("stream", "stream", "journal", "journal", "journal", "log")
    )
    path = folder / ("x.arrows" if kind == "stream" else "x.log" if kind == "log" else "x.parquet")
    if kind == "mutated":
        path.write_bytes(mutate(rng.choice(corpus.samples).read_bytes(), rng))
    elif kind == "crafted":
        craft(rng.choice(corpus.samples), path, rng)
    elif kind == "stream":
        path.write_bytes(mutate(corpus.stream.read_bytes(), rng))
    elif kind == "log":
        path.write_bytes(hostile_log(corpus.log, rng))
        return ["analyze", "import", str(path), "-o", str(folder / "out.parquet")], folder
    else:
        journal = corpus.unfinished.with_name("seed.parquet.journal").read_bytes()
        body, beside = corpus.unfinished.read_bytes(), rng.random() < 0.7
        path.write_bytes(body if beside else mutate(body, rng))
        path.with_name("x.parquet.journal").write_bytes(mutate(journal, rng) if beside else journal)
        if rng.random() < 0.3:
            return ["capture", "repair", str(path)], folder
    return ["analyze", *rng.choice(commands(str(path), folder, str(corpus.samples[1])))], folder


def commands(path: str, folder: Path, other: str) -> list[list[str]]:
    """Everything that one can ask of a file."""
    return [
        *([report, path] for report in REPORTS),
        ["top", path, "--by", "process,path", "--format", "csv"],
        *(["show", path, *words.split()] for words in ("-y -tt -T", "-yy -xx", "--resumed", "-v -r", "--format json")),
        ["show", path, "-f", "fd.name startswith /etc or evt.failed", "-w", str(folder / "out.parquet")],
        ["show", path, "-p", "1", "-w", str(folder / "out.arrows")],
        ["tree", path],
        ["tree", path, "--format", "ndjson"],
        ["info", "-v", path],
        ["verify", path],
        ["report", path, "-o", str(folder / "page.html")],
        ["top", path, "--verify"],
        *(["export", "--to", form, path, "-y"] for form in ("strace", "chrome", "folded")),
        ["diff", path, other],
        ["diff", other, path],
        *(["sql", path, query] for query in QUERIES),
        ["top", path, "-f", "proc.aname = sh and evt.latency > 1ms and container.id exists"],
    ]


def faults(status: int, out: str, err: str) -> Iterator[str]:
    """What is wrong with how a command ended."""
    if status not in STATUSES:
        yield f"status {status}"
    if "Traceback" in err:
        yield "traceback: " + err.strip().splitlines()[-1][:150]
    for name, text in (("stdout", out), ("stderr", err)):
        odd = {letter for letter in text if not letter.isprintable()} - PLAIN
        if odd:
            yield f"{name} holds {sorted(odd)[:3]!a}"
    if status and not err:
        yield "silent"
    if status and len(err) > 4000:
        yield f"{len(err)} characters on standard error"


def in_a_process(words: Sequence[str]) -> list[str]:
    """Run a case as a user would; what was wrong."""
    program = [sys.executable, "-c", f"import sys; sys.argv[0] = {words[0]!r}; from {words[0]}.cli import main; main()"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        [*program, *words[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            out, err = process.communicate(timeout=HANG * 12)
        except subprocess.TimeoutExpired:
            process.kill()
            return ["hang"]
    shown = "" if "csv" in words else out.decode(errors="replace")  # into a pipe it holds names as they are
    found = list(faults(process.returncode, shown, err.decode(errors="replace")))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if took > HANG:
        found.append(f"took {took:.0f} s")
    if after.ru_maxrss > max(before.ru_maxrss, MEMORY >> 10):  # the highest of all children until now
        found.append(f"{after.ru_maxrss >> 10:,} MiB")
    return found


class _Terminal(io.TextIOWrapper):
    """Standard output as commands find it where a person reads it."""

    def isatty(self) -> bool:
        return True


def inside(words: Sequence[str]) -> list[str]:
    """Run a case in this process; what was wrong."""
    out, err = _Terminal(io.BytesIO(), "utf-8", "backslashreplace"), io.StringIO()
    sys.argv = list(words)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if words[0] == "capture":
                from capture.cli import main

                main()
            from analyze.cli import run

            status = run()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
            traceback.print_exc(file=err)
            status = 1
    out.flush()
    return list(faults(status, out.buffer.getvalue().decode(), err.getvalue()))  # type: ignore[attr-defined]


class Tally:
    """What was found, by kind, with the numbers of the first cases."""

    def __init__(self, name: str) -> None:
        """Of the part of this name."""
        self.name, self.cases, self.failed, self.peak = name, 0, 0, 0
        self.kinds = Counter[str]()

    def add(self, number: int, words: Sequence[str], found: list[str]) -> None:
        """Count a case; a failure is printed at once."""
        self.cases += 1
        self.failed += bool(found)
        for fault in found:
            self.kinds[fault] += 1
            if self.kinds[fault] <= 3:
                print(f"{self.name} case {number}: {' '.join(words[:3])}: {fault}", flush=True)

    def close(self) -> bool:
        """Print the sum; whether all went well."""
        print(
            f"{self.name}: {self.cases:,} cases, {self.failed:,} failed, at most {self.peak / 1e6:,.0f} MB", flush=True
        )
        for kind, count in self.kinds.most_common():
            print(f"  {count:,} {kind}")
        return not self.failed and self.peak <= MEMORY


def fuzz_files(corpus: Corpus, numbers: Sequence[int]) -> bool:
    """Each case in a process of its own."""
    tally = Tally("files")
    for number in numbers:
        words, folder = case(corpus, number)
        tally.add(number, words, in_a_process(words))
        shutil.rmtree(folder)
    tally.peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    return tally.close()


def fuzz_inside(corpus: Corpus, numbers: Sequence[int]) -> bool:
    """Many cases in one process; a fork of this one runs CHUNK of them, so that a crash is told and not the end."""
    tally = Tally("inside")
    waiting = list(numbers)
    while waiting:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _run_chunk(corpus, waiting[:CHUNK], writing)
        os.close(writing)
        with os.fdopen(reading) as lines:
            begun = None
            for line in lines:
                word, number, *rest = line.rstrip("\n").split("\t")
                begun = int(number) if word == "begin" else None
                if word == "end":
                    waiting.remove(int(number))
                    tally.add(int(number), rest[0].split(" "), rest[1:])
        _, status, usage = os.wait4(child, 0)
        tally.peak = max(tally.peak, usage.ru_maxrss << 10)
        if begun is not None:
            waiting.remove(begun)
            reason = "hang" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF else f"crash {status}"
            tally.add(begun, ["?"], [reason])
    return tally.close()


def _run_chunk(corpus: Corpus, numbers: Sequence[int], writing: int) -> None:
    with os.fdopen(writing, "w", 1) as say:
        for number in numbers:
            say.write(f"begin\t{number}\n")
            words, folder = case(corpus, number)
            signal.setitimer(signal.ITIMER_PROF, HANG)
            found = inside(words)
            signal.setitimer(signal.ITIMER_PROF, 0)
            shutil.rmtree(folder)
            say.write(
                "\t".join(["end", str(number), " ".join(words), *(" ".join(one.split()) for one in found)]) + "\n"
            )
    os._exit(0)


def fuzz_filters(corpus: Corpus, count: int, seed: int) -> bool:
    """Texts that are nearly filters: each compiles, and every 20th that does is run, or is refused by a FilterError."""
    from analyze.errors import FilterError
    from analyze.session import Session

    rng, tally = random.Random(seed), Tally("filters")
    with Session([str(corpus.samples[0])]) as session:
        for number in range(count):
            given, found, begun = filter_text(rng), [], time.monotonic()
            try:
                compiled = session.compile(given)
                if number % 20 == 0:
                    session.fetch(f"SELECT count(*) FROM calls WHERE {compiled.where}")
            except FilterError:
                pass
            except Exception as error:  # noqa: BLE001 - as above
                found = [f"{type(error).__name__}: {str(error)[:100]!a}"]
            if time.monotonic() - begun > HANG:
                found.append("hang")
            tally.add(number, [repr(given)], found)
    tally.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return tally.close()


def main() -> None:
    """Read the options, run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, what in (("files", "in processes"), ("inside", "in one process"), ("filters", "texts of filters")):
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help=f"cases {what}")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="run this case in a process, and show what it prints")
    given = parser.parse_args()
    os.environ["NO_COLOR"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(Path(folder))
        if given.only is not None:
            words, _ = case(corpus, given.only)
            print(*words)
            code = f"import sys; sys.argv[0] = {words[0]!r}; from {words[0]}.cli import main; main()"
            sys.exit(subprocess.run([sys.executable, "-c", code, *words[1:]], check=False).returncode)
        good = [
            not given.files or fuzz_files(corpus, range(given.seed, given.seed + given.files)),
            not given.inside or fuzz_inside(corpus, range(given.seed, given.seed + given.inside)),
            not given.filters or fuzz_filters(corpus, given.filters, given.seed),
        ]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
