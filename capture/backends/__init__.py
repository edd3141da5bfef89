"""The backends, and which of them records: eBPF wherever it can."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from capture.backends.base import Backend, Tracing
from capture.backends.ebpf import EbpfBackend
from capture.backends.ptrace import PtraceBackend
from capture.errors import PrivilegeError, UnsupportedError
from capture.loaders.base import Settings


@contextmanager
def open_first(
    name: str | None, loader: str | None, settings: Settings, command: int | None
) -> Iterator[tuple[str, Tracing]]:
    """Name and tracing of the backend asked for, else of the first that can run. Raises CaptureError.

    ptrace takes the place of eBPF, and says so, where that cannot run and there are processes to trace.
    """
    backend: Backend = PtraceBackend() if name == "ptrace" else EbpfBackend(loader)
    try:
        opened = backend.open(settings, command)
    except (PrivilegeError, UnsupportedError) as error:
        if name is not None:
            raise
        if not settings.only_targets:
            raise type(error)(f"{error}; without eBPF a command or -p PID can be recorded, by ptrace") from error
        print(f"capture: recording by ptrace, which slows programs down: {error}", file=sys.stderr, flush=True)
        backend = PtraceBackend()
        opened = backend.open(settings, command)
    with opened as tracing:
        yield backend.name, tracing
