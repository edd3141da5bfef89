"""libbpf by ctypes: names, argument types and its log, nothing else."""

import ctypes
import ctypes.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_pointer, _text, _int, _u32, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_size_t

_SIGNATURES = {
    "bpf_object__open_file": (_pointer, _text, _pointer),
    "bpf_object__load": (_int, _pointer),
    "bpf_object__close": (None, _pointer),
    "bpf_object__next_map": (_pointer, _pointer, _pointer),
    "bpf_object__find_program_by_name": (_pointer, _pointer, _text),
    "bpf_map__name": (_text, _pointer),
    "bpf_map__fd": (_int, _pointer),
    "bpf_map__set_max_entries": (_int, _pointer, _u32),
    "bpf_map__set_value_size": (_int, _pointer, _u32),
    "bpf_map__value_size": (_u32, _pointer),
    "bpf_map__set_initial_value": (_int, _pointer, _pointer, _size),
    "bpf_program__fd": (_int, _pointer),
    "bpf_program__attach": (_pointer, _pointer),
    "bpf_link__destroy": (_int, _pointer),
    "bpf_link__fd": (_int, _pointer),
    "bpf_iter_create": (_int, _int),
    "btf__load_vmlinux_btf": (_pointer,),
    "btf__free": (None, _pointer),
    "btf__find_by_name_kind": (ctypes.c_int32, _pointer, _text, _u32),
    "btf__type_by_id": (_pointer, _pointer, _u32),
    "btf__name_by_offset": (_text, _pointer, _u32),
}


@cache
def library() -> ctypes.CDLL:
    """The shared library, version 1. Raises OSError where it is not installed."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(libbpf, name)
        function.restype, function.argtypes = result, arguments
    return libbpf


@contextmanager
def log() -> Iterator[list[str]]:
    """Collects what libbpf and the verifier say while the context lasts, instead of printing it."""
    libc = ctypes.CDLL(None)
    libc.vsnprintf.argtypes = [_pointer, _size, _text, _pointer]
    lines: list[str] = []

    def keep(level: int, form: bytes, arguments: int) -> int:
        buffer = ctypes.create_string_buffer(65536)
        libc.vsnprintf(buffer, len(buffer), form, arguments)
        if level <= 1:
            lines.append(buffer.value.decode(errors="replace").rstrip())
        return 0

    callback = _PRINT(keep)
    set_print = library().libbpf_set_print
    set_print.restype, set_print.argtypes = _pointer, [_pointer]
    before = set_print(ctypes.cast(callback, _pointer))
    try:
        yield lines
    finally:
        set_print(before)


def check(result: int | None, doing: str) -> int:
    """The result of a libbpf call, an int below 0 or a null pointer raising OSError with the call's errno."""
    if result is None or result < 0:
        number = -result if result else ctypes.get_errno()
        raise OSError(number, os.strerror(number), doing)
    return result
