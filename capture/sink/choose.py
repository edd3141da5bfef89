"""Which encoding suits a column: tried on a sample."""

import pyarrow as pa

from capture.sink.chunks import Recipe, write_chunks

_WORDS = Recipe("DICTIONARY", "lz4")
_TEXT = Recipe("DICTIONARY", "zstd")
# With each, the bytes a value that its time is worth, at 10 ns a byte: to encode it, and what DuckDB takes longer
# to read it than with DELTA_BINARY_PACKED. zstd saves a third, and doubles the time to read.
_NUMBERS = {
    Recipe("DELTA_BINARY_PACKED", "lz4"): 1.2,
    Recipe("BYTE_STREAM_SPLIT", "lz4"): 1.6,
    Recipe("PLAIN", "lz4"): 1.4,
    Recipe("DICTIONARY", "lz4"): 1.8,
}
_BLOCKS, _BLOCK_ROWS = 8, 512
_AGAIN = 8


class Chooser:
    """Remembers the choice for each column, and makes it again now and then."""

    def __init__(self) -> None:
        self._chosen: dict[str, Recipe] = {}
        self._asked = 0

    def recipes(self, table: pa.Table) -> dict[str, Recipe]:
        """A recipe for each column of `table`."""
        numbers = [f.name for f in table.schema if pa.types.is_integer(f.type) or pa.types.is_timestamp(f.type)]
        if self._asked % _AGAIN == 0 or not self._chosen.keys() >= set(numbers):
            self._chosen |= _try_on_sample(table.select(numbers))
        self._asked += 1
        fixed = {f.name: _WORDS if pa.types.is_dictionary(f.type) else _TEXT for f in table.schema}
        return fixed | {name: self._chosen[name] for name in numbers}


def _try_on_sample(table: pa.Table) -> dict[str, Recipe]:
    if not table.num_columns:
        return {}
    step = max(table.num_rows // _BLOCKS, 1)
    sample = pa.concat_tables([table.slice(at, _BLOCK_ROWS) for at in range(0, table.num_rows, step)]).combine_chunks()
    best: dict[str, tuple[float, Recipe]] = {}
    for recipe, cost in _NUMBERS.items():
        for name, chunk in write_chunks(sample, dict.fromkeys(sample.column_names, recipe)).items():
            score = len(chunk.content) / sample.num_rows + cost
            if name not in best or score < best[name][0]:
                best[name] = (score, recipe)
    return {name: recipe for name, (_, recipe) in best.items()}
