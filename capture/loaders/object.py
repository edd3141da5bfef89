"""An object compiled ahead, in the kernel by way of libbpf."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from capture import bpfsys
from capture.loaders import _libbpf
from capture.loaders._libbpf import check
from capture.loaders.base import MapSize


class Object:
    """Its maps, sized, and its programs, verified; `constants` become its read-only data. Raises OSError.

    `contents` are the values that maps of one element begin with. Nothing is attached. `maps` are descriptors by name.
    """

    def __init__(
        self,
        path: Path,
        constants: npt.NDArray[Any],
        sizes: Mapping[str, MapSize] = MappingProxyType({}),
        contents: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self._lib = _libbpf.library()
        self._handle = check(self._lib.bpf_object__open_file(str(path).encode(), None), f"open {path.name}")
        try:
            self._load(constants, sizes)
            for name, value in contents.items():
                bpfsys.update(self.maps[name], bytes(4), value)
        except OSError:
            self.close()
            raise

    def _load(self, constants: npt.NDArray[Any], sizes: Mapping[str, MapSize]) -> None:
        lib, handles = self._lib, {}
        handle = lib.bpf_object__next_map(self._handle, None)
        while handle:
            handles[lib.bpf_map__name(handle).decode().rpartition(".")[2]] = handle
            handle = lib.bpf_object__next_map(self._handle, handle)
        check(
            lib.bpf_map__set_initial_value(handles.pop("rodata"), constants.ctypes.data, constants.nbytes),
            "set the constants",
        )
        for name, size in sizes.items():
            check(lib.bpf_map__set_value_size(handles[name], size.value_size), f"size map {name}")
            check(lib.bpf_map__set_max_entries(handles[name], size.entries), f"size map {name}")
        check(lib.bpf_object__load(self._handle), "load the program")
        self.maps: dict[str, int] = {name: lib.bpf_map__fd(handle) for name, handle in handles.items()}

    def attach(self, name: str) -> int:
        """The link (of libbpf's, not a descriptor) of a program that is attached to what its section says."""
        return check(self._lib.bpf_program__attach(self._program(name)), f"attach to {name}")

    def program(self, name: str) -> int:
        """Descriptor of a program."""
        return int(self._lib.bpf_program__fd(self._program(name)))

    def _program(self, name: str) -> int:
        return check(self._lib.bpf_object__find_program_by_name(self._handle, name.encode()), f"find program {name}")

    def close(self) -> None:
        """Give back programs and maps. Idempotent."""
        if self._handle:
            self._lib.bpf_object__close(self._handle)
            self._handle = 0
