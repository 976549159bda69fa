"""Mapped: any CSV, JSONL or Parquet file, described by a small YAML instead of code.

There is one connector per lake table, so that a file's landing folder says which contract it fills:
`landing/<table>/mapped/...`. The mappings of public traces in `library/` say in their `summary` what
each emitter gets wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Nowhere, Preview, Sink
from tokenworks_sources.connectors.mapped import expressions, preparation, resolve, spreading, times
from tokenworks_sources.connectors.mapped.spec import Mapping
from tokenworks_sources.connectors.rows import hand_over
from tokenworks_sources.contracts.registry import CONTRACTS

LANGUAGE_VERSION = "4"


@dataclass(frozen=True)
class Mapped:
    """See the module's docstring.

    Attributes:
        table: the lake table that its files fill.
    """

    table: str
    name: str = resolve.LANDING_FOLDER
    version: str = LANGUAGE_VERSION

    @property
    def tables(self) -> tuple[str, ...]:
        """The one table of the landing folder."""
        return (self.table,)

    @property
    def summary(self) -> str:
        """The mappings of the library for this table."""
        names = [
            mapping.name for mapping in resolve.library().values() if mapping.table == self.table
        ]
        return f"any file with a mapping.yaml; built in: {', '.join(names) or 'none'}"

    def recognise(self, preview: Preview) -> str | None:
        """By the columns that exactly one mapping of the library names."""
        if preview.path.name == resolve.SIDECAR:
            return None
        fitting = [
            mapping.name
            for mapping in resolve.library().values()
            if mapping.table == self.table and resolve.fits(mapping, preview)
        ]
        return f"mapping {fitting[0]}" if len(fitting) == 1 else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the file's mapping: a changed mapping re-ingests.

        Raises:
            TokenworksError: no mapping fits, or it breaks its own rules.
        """
        mapping = resolve.mapping_of(file.path, self.table)
        return f"{self.version}-{resolve.digest_of(mapping)}"

    def context_of(self, file: LandingFile) -> str:
        """What of the file's path becomes part of its rows, one value a line; "" where nothing does.

        Raises:
            TokenworksError: no mapping fits, or it breaks its own rules.
        """
        used = resolve.mapping_of(file.path, self.table).placeholders()
        values = _placeholders(file)
        return "\n".join(values[name] for name in _OF_PATH if name in used)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """Maps block by block, in the order of the file."""
        mapping = resolve.mapping_of(file.path, self.table)
        context = expressions.Context(
            _placeholders(file), _origins(file, mapping), mapping.anchor, sink.pseudonym_key
        )
        for block in _blocks(file.path, mapping, sink):
            frame, left_out = preparation.prepared(block, mapping)
            for reason, records in left_out.items():
                sink.skip(reason, records)
            rows = expressions.mapped(frame, mapping, context)
            for part in spreading.spread(rows) if mapping.spread else (rows,):
                hand_over(part, self.table, sink)


CONNECTORS = tuple(Mapped(table) for table in CONTRACTS if not table.startswith("fleet_"))


def _blocks(path: Path, mapping: Mapping, sink: Sink) -> Iterator[pl.DataFrame]:
    required = mapping.required_columns()
    if mapping.format == "csv":
        shape = tabular.CsvShape(mapping.csv.delimiter, mapping.csv.skip_lines)
        what = f"mapping {mapping.name}"
        # Cells that are not read may hold megabytes.
        is_whole = mapping.same_names or "record" in mapping.placeholders()
        wanted = None if is_whole else mapping.source_columns()
        yield from tabular.read_csv(path, sink, required, what, shape, wanted, with_text=True)
    elif mapping.format == "jsonl":
        columns = mapping.source_columns()
        if mapping.same_names:
            columns += [
                column.name for column in mapping.contract.columns if column.name not in columns
            ]
        yield from tabular.read_jsonl(path, sink, columns, mapping.named_columns())
    else:
        wanted = None if mapping.same_names else mapping.source_columns()
        yield from tabular.read_parquet(path, required, wanted)


_OF_PATH = ("parent", "grandparent", "name", "stem")


def _origins(file: LandingFile, mapping: Mapping) -> dict[str, int]:
    """Which microsecond of each relative clock falls on the anchor."""
    relative = {name: source for name, source in mapping.columns.items() if source.relative}
    searched = {name: source for name, source in relative.items() if source.origin != "zero"}
    origins = dict.fromkeys(relative, 0)
    found: dict[str, list[int]] = {name: [] for name in searched}
    for block in _blocks(file.path, mapping, Nowhere()) if searched else ():
        for name, source in searched.items():
            assert source.source is not None
            assert source.relative is not None
            column = pl.col(source.source)
            offset = times.microseconds(column, block.schema[source.source], source.relative)
            values = block.select(offset.alias("offset"))["offset"].drop_nulls()
            if not values.is_empty():
                found[name].append(int(values[0] if source.origin == "first" else values.min()))  # type: ignore[arg-type]
    for name, values_found in found.items():
        if values_found:
            is_first = searched[name].origin == "first"
            origins[name] = values_found[0] if is_first else min(values_found)
    return origins


def _placeholders(file: LandingFile) -> dict[str, str]:
    parts = Path(file.name).parts
    return {
        "parent": parts[-2] if len(parts) > 1 else "",
        "grandparent": parts[-3] if len(parts) > 2 else "",
        "name": parts[-1],
        "stem": parts[-1].split(".")[0],
        "digest": file.content_digest[:16],
    }
