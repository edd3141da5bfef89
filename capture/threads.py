"""Libraries that start threads when they are loaded are asked not to: such threads would keep all privileges.

Capabilities belong to a thread, and nothing but the thread itself can take them away (capture/privileges.py).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_ASK = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""numpy's OpenBLAS; the jemalloc in Arrow. Each reads its variable while it is loaded."""


@contextmanager
def none_by_libraries() -> Iterator[None]:
    """Import numpy and pyarrow in here. The environment, which a command inherits, is afterwards as it was."""
    before = {name: os.environ.get(name) for name in _ASK}
    os.environ.update(_ASK)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
