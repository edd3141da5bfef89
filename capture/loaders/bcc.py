"""The `bcc` loader: the same source compiled on the host, for kernels without BTF."""

import importlib
import os
import platform
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from capture import bpfsys, preflight
from capture.errors import PrivilegeError, UnsupportedError
from capture.loaders import btf
from capture.loaders.base import CONFIG, Settings
from capture.loaders.core import PROGRAMS, refusal

SOURCE = Path(__file__).parent.parent / "bpf" / "collector.bpf.c"
RECORD_H = Path(__file__).parent.parent.parent / "schemas" / "record.h"
PACKAGES = Path("/usr/lib/python3/dist-packages")
_MAP_TYPES = {"hash": 1, "array": 2}


class BccLoader:
    """Takes seconds; needs bcc's Python binding, and kernel headers (of any release, where the kernel has BTF)."""

    name = "bcc"

    def unavailable(self) -> str | None:
        """None if it can run here, else why not and what to do."""
        try:
            bcc_module()
        except ImportError as error:
            return f"bcc's Python binding cannot be loaded ({error}): apt-get install python3-bpfcc"
        if headers() is None:
            return "no kernel headers were found: apt-get install linux-headers-$(uname -r), or linux-headers-amd64"
        if matching_headers() is None and not btf_readable():
            return (
                f"the headers found are not those of kernel {platform.release()}, and the kernel has no BTF to say "
                "where its structures differ: apt-get install linux-headers-$(uname -r)"
            )
        return None

    def load(self, settings: Settings) -> "BccProgram":
        """Compile, load and verify the program."""
        return BccProgram(settings)


def bcc_module() -> ModuleType:
    """The distribution's bcc package, which belongs to the system's Python: looked up there. Raises ImportError."""
    try:
        return importlib.import_module("bcc")
    except ImportError:
        sys.path.append(str(PACKAGES))
        try:
            return importlib.import_module("bcc")
        finally:
            sys.path.remove(str(PACKAGES))


def btf_readable() -> bool:
    """Does the kernel tell its types, and is libbpf here to read them?"""
    try:
        with btf.kernel_btf():
            return True
    except OSError:
        return False


def matching_headers() -> Path | None:
    """The headers of the running kernel, where they are installed."""
    build = Path("/lib/modules") / platform.release() / "build"
    return build if (build / "include").is_dir() else None


def headers() -> Path | None:
    """The headers to compile with: the running kernel's, else any (no kernel structure is read through them)."""
    trees = sorted(Path("/lib/modules").glob("*/build"))
    return matching_headers() or next((tree for tree in reversed(trees) if (tree / "include").is_dir()), None)


def header_flags(build: Path) -> tuple[Path, list[str]]:
    """The folder to name as BCC_KERNEL_SOURCE, and the flags for what the distribution keeps elsewhere.

    Debian splits the headers: `build` has what was generated, `source` beside it the rest.
    """
    source = build if (build / "include" / "linux" / "kconfig.h").exists() else build.parent / "source"
    machine = "arm64" if platform.machine() == "aarch64" else "x86"
    folders = (build / "include", build / "include" / "generated" / "uapi")
    generated = build / "arch" / machine / "include" / "generated"
    return source.resolve(), [f"-I{folder}" for folder in (*folders, generated, generated / "uapi")]


class BccProgram:
    """The compiled program in the kernel."""

    def __init__(self, settings: Settings) -> None:
        self.notes: list[str] = []
        self.maps: dict[str, int] = {}
        self._bcc: Any = bcc_module()
        self._program: Any = None
        self._attached: list[int] = []
        try:
            for name, size in settings.maps().items():
                self.maps[name] = self._create_map(name, size.kind, size.value_size, size.entries, size.flags)
            bpfsys.update(self.maps["lists"], bytes(4), settings.lists().tobytes())
            self._compile(settings)
        except OSError as error:
            self.close()
            raise refusal(error, []) from error
        except BaseException:
            self.close()
            raise

    def _create_map(self, name: str, kind: str, value_size: int, entries: int, flags: int) -> int:
        fd = int(self._bcc.lib.bcc_create_map(_MAP_TYPES[kind], name.encode(), 4, value_size, entries, flags))
        if fd < 0:
            number = -fd if fd < -1 else self._bcc.ct.get_errno()
            raise OSError(number, os.strerror(number), f"make the map {name}")
        return fd

    def _flags(self, settings: Settings) -> list[str]:
        config = settings.config()[0]
        flags = [f"-DCFG_{name}={int(config[name])}ULL" for name in CONFIG.names or ()]
        flags += [f"-DFD_{name}={fd}" for name, fd in self.maps.items()]
        flags += [f"-DOFF_{name}={offset}" for name, offset in self._offsets().items()]
        return ["-DSYSTAPE_BCC", f"-I{SOURCE.parent}", f"-I{RECORD_H.parent}", *flags]

    def _offsets(self) -> dict[str, int]:
        try:
            offsets = btf.offsets()
        except OSError:
            offsets = dict.fromkeys(btf.MEMBERS, -1)
        unknown = [name for name, offset in offsets.items() if offset < 0]
        if unknown:
            self.notes.append(f"not known of this kernel, so missing or less exact: {', '.join(unknown)}")
        return offsets

    def _compile(self, settings: Settings) -> None:
        build = headers()
        assert build is not None  # unavailable() asked
        source, include = header_flags(build)
        os.environ.setdefault("BCC_KERNEL_SOURCE", str(source))
        bpf = self._bcc.BPF
        try:
            self._program = bpf(text=SOURCE.read_bytes(), cflags=include + self._flags(settings))
            self._functions = {name: self._program.load_func(name, bpf.RAW_TRACEPOINT) for name in PROGRAMS}
        except Exception as error:  # bcc raises plain Exception for whatever clang or the verifier did not like
            if preflight.privileges().missing() or preflight.lockdown() == "confidentiality":
                raise PrivilegeError(f"bcc cannot load the program; {preflight.refused_because()}") from error
            raise UnsupportedError(f"bcc cannot load the program: {error}; `capture doctor` looks closer") from error

    def attach(self) -> None:
        """Start recording."""
        for name in PROGRAMS:
            fd = int(self._bcc.lib.bpf_attach_raw_tracepoint(self._functions[name].fd, name.encode()))
            if fd < 0:
                self.detach()
                number = self._bcc.ct.get_errno()
                raise refusal(OSError(number, os.strerror(number), f"attach to {name}"), [])
            self._attached.append(fd)

    def detach(self) -> None:
        """Stop recording."""
        while self._attached:
            os.close(self._attached.pop())

    def programs(self) -> dict[str, int]:
        """Descriptor of each program."""
        return {name: int(function.fd) for name, function in self._functions.items()}

    def close(self) -> None:
        """Detach, and give back programs and maps. Idempotent."""
        self.detach()
        if self._program is not None:
            self._program.cleanup()
            self._program = None
        while self.maps:
            os.close(self.maps.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
