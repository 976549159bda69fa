"""Compiles the kernels of connectors, so that no ingest has to: `python -m tokenworks_sources.connectors.kernels`.

It takes a quarter of a minute, once a machine and version, and no time where that was done.
"""

from __future__ import annotations

import sys
from io import BytesIO

from tokenworks_sources.connectors.json_columns.batches import COLUMNS_OF_LINES, Columns
from tokenworks_sources.connectors.json_columns.shape import Kind
from tokenworks_sources.connectors.json_columns.texts import FileTexts
from tokenworks_sources.machine_code import KeptKernel

KERNELS: tuple[KeptKernel, ...] = (COLUMNS_OF_LINES,)


def main() -> None:
    """Calls those that have to be compiled."""
    if all(kernel.is_kept for kernel in KERNELS):
        return
    sys.stderr.write("Compiling the kernels of connectors (once, some 20 s)\n")
    lines = FileTexts(lambda: BytesIO(b"{}\n"), 0, 3)
    for text in lines:
        Columns({"a": Kind.TEXT}).pieces(*text)
    if not all(kernel.is_kept for kernel in KERNELS):
        sys.stderr.write("Machine code can be written nowhere: large logs are read without it.\n")


if __name__ == "__main__":
    main()
