"""Thrift's compact protocol, as far as Parquet's footer needs it: bytes to plain Python values and back.

A struct is a dict from field id to (type, value), a list is (type of the elements, elements); integers, bytes and
booleans are themselves. What is not understood is kept, so `dump(load(text)) == text` for whatever Arrow writes. The
protocol is doc/specs/thrift-compact-protocol.md of Apache Thrift; the fields are those of Apache Parquet's
parquet.thrift.
"""

from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12

Struct = dict[int, tuple[int, Any]]


def load(text: bytes) -> Struct:
    """The struct that `text` begins with. ValueError: a type that Parquet has not; IndexError: cut short."""
    return _Reader(text).struct()


def dump(struct: Struct) -> bytes:
    """The bytes of a struct, fields in the dict's order, which is that of their ids."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first."""
    out = bytearray()
    _put_varint(out, value)
    return bytes(out)


class _Reader:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._integer()
            fields[number] = (kind, kind == TRUE if kind <= FALSE else self._value(kind))
        return fields

    def _value(self, kind: int) -> Any:  # noqa: ANN401
        if I16 <= kind <= I64:
            return self._integer()
        if kind == BINARY:
            return self._take(self._varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            return (head & 15, [self._value(head & 15) for _ in range(count)])
        if kind in (TRUE, FALSE, BYTE):  # as elements of a list these are a byte each
            return self._byte()
        if kind == DOUBLE:
            return self._take(8)
        raise ValueError(f"type {kind} at byte {self._at} of a footer is none that Parquet uses")

    def _byte(self) -> int:
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, count: int) -> bytes:
        self._at += count
        return self._text[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        zigzag = self._varint()
        return zigzag >> 1 ^ -(zigzag & 1)


def _put_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for number, (kind, value) in struct.items():
        if 0 < number - last < 16:
            out.append(number - last << 4 | kind)
        else:
            out.append(kind)
            _put_integer(out, number)
        last = number
        if kind > FALSE:
            _put(out, kind, value)
    out.append(0)


def _put(out: bytearray, kind: int, value: Any) -> None:  # noqa: ANN401
    if I16 <= kind <= I64:
        _put_integer(out, value)
    elif kind == BINARY:
        _put_varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _put_struct(out, value)
    elif kind in (LIST, SET):
        element, items = value
        if len(items) < 15:
            out.append(len(items) << 4 | element)
        else:
            out.append(15 << 4 | element)
            _put_varint(out, len(items))
        for item in items:
            _put(out, element, item)
    elif kind == DOUBLE:
        out += value
    else:
        out.append(value)


def _put_integer(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 ^ value >> 63)


def _put_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
