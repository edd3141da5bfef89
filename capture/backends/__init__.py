"""The backends, and which of them records: eBPF wherever it can."""

from collections.abc import Iterator
from contextlib import contextmanager

from capture.backends.base import Backend, Tracing
from capture.backends.ebpf import EbpfBackend
from capture.loaders.base import Settings


@contextmanager
def open_first(
    name: str | None, loader: str | None, settings: Settings, command: int | None
) -> Iterator[tuple[str, Tracing]]:
    """Name and tracing of the backend asked for, else of the first that can run. Raises CaptureError."""
    backend: Backend = EbpfBackend(loader)
    with backend.open(settings, command) as tracing:
        yield backend.name, tracing
