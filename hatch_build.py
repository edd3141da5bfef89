"""Build hook: compiles the kernel program into the wheel, and says for which machines the wheel is."""

import platform
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelProgram(BuildHookInterface[Any]):
    """A wheel holds the compiled program of the machine on which it was built.

    The Python code is the same everywhere, but the program reads registers, which differ per architecture; so the
    wheel's tag names the platform. Editable installs are left alone: there `make bpf` compiles in place.
    """

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run `make` in capture/bpf. Raises CalledProcessError where clang or its inputs are missing."""
        if version == "editable":
            return
        subprocess.run(["make", "--silent", "-C", Path(self.root) / "capture/bpf"], check=True)
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"
