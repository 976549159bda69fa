"""Compiles the kernels of connectors, so that no ingest has to: `python -m tokenworks_sources.connectors.kernels`.

It takes half a minute, once a machine and version, and no time where that was done.
"""

from __future__ import annotations

import sys
from io import BytesIO

from tokenworks_sources.connectors.csv_columns.batches import COLUMNS_OF_RECORDS, Cells
from tokenworks_sources.connectors.json_columns.batches import COLUMNS_OF_LINES, Columns
from tokenworks_sources.connectors.json_columns.shape import Kind
from tokenworks_sources.connectors.json_columns.texts import FileTexts
from tokenworks_sources.machine_code import KeptKernel

KERNELS: tuple[KeptKernel, ...] = (COLUMNS_OF_LINES, COLUMNS_OF_RECORDS)


def are_kept() -> bool:
    """Whether none has to be compiled."""
    return all(kernel.is_kept for kernel in KERNELS)


def main() -> None:
    """Calls those that have to be compiled."""
    if are_kept():
        return
    sys.stderr.write("Compiling the kernels of connectors (once, some 30 s)\n")
    wanted = {"a": Kind.TEXT}
    _take_apart(Columns(wanted), b'{"a": "b"}\n')
    _take_apart(Cells(wanted, ["a", "c"], 1 << 10), b"b,d\n")
    if not are_kept():
        sys.stderr.write("Machine code can be written nowhere: large logs are read without it.\n")


def _take_apart(columns: Columns, line: bytes) -> None:
    for text in FileTexts(lambda: BytesIO(line), 0, len(line)):
        columns.pieces(*text)


if __name__ == "__main__":
    main()
