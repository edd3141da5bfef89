"""How the kernel program gets into the kernel: `core` (prebuilt, libbpf) or `bcc` (compiled on the host)."""

from capture.errors import UnsupportedError
from capture.loaders.base import Loader
from capture.loaders.bcc import BccLoader
from capture.loaders.core import CoreLoader

LOADERS: tuple[Loader, ...] = (CoreLoader(), BccLoader())


def choose(name: str | None = None) -> Loader:
    """The loader asked for, else the first that can run here. Raises UnsupportedError, with reasons and remedies."""
    reasons = []
    for loader in LOADERS:
        if name in (None, loader.name):
            reason = loader.unavailable()
            if reason is None:
                return loader
            reasons.append(f"{loader.name}: {reason}")
    raise UnsupportedError("no eBPF loader can run here: " + "; ".join(reasons))
