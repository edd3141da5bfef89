"""The `core` loader: the object compiled ahead, moved to the running kernel's structures by libbpf (CO-RE)."""

import errno
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from capture import preflight
from capture.errors import CaptureError, PrivilegeError, UnsupportedError
from capture.loaders import _libbpf
from capture.loaders.base import Settings
from capture.loaders.object import Object

OBJECT = Path(__file__).parent.parent / "bpf" / ".output" / "collector.bpf.o"
BTF = Path("/sys/kernel/btf/vmlinux")
PROGRAMS = ("signal_deliver", "sched_process_exit", "sched_process_fork", "sched_process_exec", "sys_exit", "sys_enter")
"""In the order of attaching: what frees and names before what records."""


class CoreLoader:
    """Starts in milliseconds; needs the kernel's BTF and libbpf 1."""

    name = "core"

    def unavailable(self) -> str | None:
        """None if it can run here, else why not and what to do."""
        if not BTF.exists():
            return f"the kernel has no BTF ({BTF}): use --loader bcc, or a kernel with CONFIG_DEBUG_INFO_BTF"
        if not OBJECT.exists():
            return f"{OBJECT.name} is not built: run `make bpf` in the checkout, or use --loader bcc"
        try:
            _libbpf.library()
        except OSError:
            return "libbpf.so.1 is not installed: apt-get install libbpf1, or use --loader bcc"
        return None

    def load(self, settings: Settings) -> "CoreProgram":
        """The object, sized and configured, verified by the kernel."""
        return CoreProgram(settings)


class CoreProgram:
    """The object in the kernel."""

    def __init__(self, settings: Settings) -> None:
        self._lib = _libbpf.library()
        self._links: list[int] = []
        self.notes: list[str] = []
        with _libbpf.log() as lines:
            try:
                lists = {"lists": settings.lists().tobytes()}
                self._object = Object(OBJECT, settings.config(), settings.maps(), lists)
            except OSError as error:
                raise refusal(error, lines) from error
        self.maps = self._object.maps

    def attach(self) -> None:
        """Start recording."""
        with _libbpf.log() as lines:
            for name in PROGRAMS:
                try:
                    self._links.append(self._object.attach(name))
                except OSError as error:
                    self.detach()
                    raise refusal(error, lines) from error

    def detach(self) -> None:
        """Stop recording; what would still need naming goes last."""
        while self._links:
            self._lib.bpf_link__destroy(self._links.pop())

    def programs(self) -> dict[str, int]:
        """Descriptor of each program."""
        return {name: self._object.program(name) for name in PROGRAMS}

    def close(self) -> None:
        """Detach, and give back programs and maps. Idempotent."""
        self.detach()
        self._object.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def refusal(error: OSError, lines: list[str]) -> CaptureError:
    """The kernel's refusal as one line with a remedy; the last words of the log are kept for whoever reports a bug."""
    words = [line for text in lines for line in text.splitlines()]
    verifier = [before for before, line in pairwise(words) if line.startswith("processed ")]
    last = f" [{verifier[-1] if verifier else words[-1]}]" if words else ""
    failed = f"{error.filename}: {error.strerror}"
    if (error.errno in (errno.EPERM, errno.EACCES) and not verifier) or preflight.lockdown() == "confidentiality":
        return PrivilegeError(
            f"the kernel refuses to {failed}; {preflight.refused_because()}; see `capture doctor`{last}"
        )
    if error.errno == errno.ENOMEM:
        return UnsupportedError(f"no memory to {failed}; take smaller rings (-B 1m), or allow this service more{last}")
    if error.errno == errno.E2BIG:
        return UnsupportedError(f"this kernel's verifier gives up on the program: a newer kernel is needed{last}")
    return UnsupportedError(f"the kernel cannot {failed}; try the other --loader; `capture doctor` looks closer{last}")
