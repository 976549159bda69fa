"""Files of the landing folder, written so that a seed gives the same bytes.

Belongs here: where files lie, compression, JSON and CSV text. What is in them is in `emit_*`.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class GzipText:
    """A gzip file of UTF-8 text without time stamp or name, written in order."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = path.open("wb")
        self._zip = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)

    def write(self, text: str) -> None:
        """Append text."""
        self._zip.write(text.encode())

    def close(self) -> None:
        """Finish the file."""
        self._zip.close()
        self._raw.close()


def write_gzip(path: Path, parts: Iterable[str]) -> None:
    """A gzip file from pieces of text."""
    file = GzipText(path)
    for part in parts:
        file.write(part)
    file.close()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """A CSV file; a value that is not given is empty, which means null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(buffer.getvalue().encode())
