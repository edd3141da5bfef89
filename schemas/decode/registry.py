"""Which call has a decoder of its own."""

from collections.abc import Callable

from schemas.decode.fields import Row
from schemas.syscalls import Call

Decoder = Callable[[Call, Row], list[str]]
"""Takes a call and its row, returns the printed arguments."""

DECODERS: dict[str, Decoder] = {}


def decodes(*names: str) -> Callable[[Decoder], Decoder]:
    """Register the function for the calls of these names."""

    def register(decoder: Decoder) -> Decoder:
        for name in names:
            DECODERS[name] = decoder
        return decoder

    return register
