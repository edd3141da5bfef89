"""What was made once is not made again."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
REMEMBERED = 65_536


class Memo(dict[K, V], Generic[K, V]):
    """A dictionary that makes what it does not have; quicker than functools.lru_cache, as a hit runs no Python."""

    def __init__(self, make: Callable[[K], V], size: Callable[[V], int] | None = None) -> None:
        """Start empty; `make` makes the value of a key, `size` says how much of REMEMBERED it takes, 1 by default."""
        super().__init__()
        self._make, self._size, self._held = make, size, 0

    def __missing__(self, key: K) -> V:
        value = self[key] = self._make(key)
        self._held += self._size(value) if self._size else 1
        return value

    def trim(self) -> "Memo[K, V]":
        """Forget everything if it has become much; returns itself."""
        if self._held > REMEMBERED:
            self.clear()
            self._held = 0
        return self
