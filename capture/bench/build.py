"""The workloads in C, compiled once into the user's cache."""

import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from capture.errors import SinkError, UnsupportedError

SOURCES = Path(__file__).parent / "workloads"
_COMPILE = ("-O2", "-pthread")


def programs() -> Path:
    """The folder of the compiled programs, each named as its source without `.c`.

    Raises UnsupportedError without a compiler or where it fails, SinkError if the cache cannot be written.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise UnsupportedError("the workloads are C and there is no cc: apt-get install gcc libc6-dev")
    sources = sorted(SOURCES.glob("*.c"))
    folder = _cache() / _key(sorted(SOURCES.glob("*.[ch]")), compiler)
    if not folder.exists():
        _compile(compiler, sources, folder)
    return folder


def _key(sources: list[Path], compiler: str) -> str:
    digest = hashlib.sha256(str(Path(compiler).resolve()).encode())
    for source in sources:
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _cache() -> Path:
    """A folder that nobody else can write: what lies in it runs with our privileges."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "systape" / "bench"
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise SinkError(f"the workloads need a cache folder: {error}; set XDG_CACHE_HOME to another") from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise SinkError(f"{folder} can be written by others: what bench runs from it cannot be trusted; remove it")
    return folder


def _compile(compiler: str, sources: list[Path], folder: Path) -> None:
    """All or nothing: another bench may be looking."""
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        fresh.mkdir()
        for source in sources:
            words = [compiler, *_COMPILE, "-o", str(fresh / source.stem), str(source)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
                raise UnsupportedError(f"cc cannot compile {source.name}: {reason}")
        if not folder.exists():
            fresh.rename(folder)
    except OSError as error:
        raise SinkError(f"the compiled workloads cannot be kept: {error}; set XDG_CACHE_HOME to another") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
