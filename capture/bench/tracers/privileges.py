"""Whether tracers can run here: in capture's own words."""

import os
import shutil

from capture.errors import CaptureError


def why_no_bpf(loader: str | None) -> str | None:
    """Why eBPF programs cannot be loaded by this loader of ours (None: by any); None if they can."""
    from capture import loaders, preflight

    try:
        preflight.check_namespace()
        preflight.check_preemption()
        preflight.check_privileges()
        loaders.choose(loader)
    except CaptureError as error:
        return str(error).removeprefix("no eBPF loader can run here: ")
    return None


def why_not(program: str, *, root: bool) -> str | None:
    """Why another's tracer cannot run here; None if nothing speaks against it."""
    if shutil.which(program) is None:
        return "not installed"
    if root and os.geteuid() != 0:
        return "needs root"
    return None
