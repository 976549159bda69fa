"""A file system that shows DuckDB a run of lines as a file, and the relation of all of them, numbered.

Where the lines begin belongs to `slices.py`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import fsspec  # type: ignore[import-untyped]

from tokenworks_sources.connectors.requests.slices import Slice, Window

PROTOCOL = "slice"


class SliceFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """Shows slices to DuckDB as `slice://<window>-<number>`; no two windows share a name."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._slices: Sequence[Slice] = ()
        self._window = 0

    def show(self, window: Window) -> list[str]:
        """Paths of the slices of a window; those of the window before are gone."""
        self._window += 1
        self._slices = window
        return [f"{PROTOCOL}://{self._window}-{number}" for number in range(len(window))]

    def _slice(self, path: str) -> Slice:
        return self._slices[int(path.rpartition("-")[2])]

    def open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        """A reader of the slice."""
        return _SliceReader(self._slice(path))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name and size."""
        part = self._slice(path)
        return {"name": path, "size": part.end - part.start, "type": "file"}

    def glob(self, path: str, **_: Any) -> list[str]:
        """The path itself: slices are named one by one."""
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        """Always: slices are named one by one."""
        return True

    def modified(self, path: str) -> datetime:
        """Never: a name is used once."""
        return datetime.fromtimestamp(0, UTC)


class _SliceReader(io.RawIOBase):
    mode = "rb"

    def __init__(self, part: Slice) -> None:
        self._stream = part.open()
        self._part = part
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        size = self._part.end - self._part.start
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = self._part.end - self._part.start - self._position
        wanted = left if size < 0 else min(size, left)
        self._stream.seek(self._part.start + self._position)
        data = self._stream.read(max(wanted, 0)) or b""
        self._position += len(data)
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def numbered(
    connection: duckdb.DuckDBPyConnection,
    files: SliceFileSystem,
    window: Window,
    scan: Callable[[str], str],
    line: str,
) -> str:
    """One SQL relation over all slices of a window, with the exact line of the file on every row.

    Args:
        connection: reads it; `files` is registered there.
        files: the file system that shows the slices.
        window: the slices.
        scan: from the path of a slice to the SQL of its scan, in the order of its lines.
        line: name of the column of the line number.
    """
    parts = []
    for index, (path, part) in enumerate(zip(files.show(window), window, strict=True)):
        rows = f"(select *, row_number() over () as _record from {scan(path)})"
        if part.blank:
            connection.execute(
                f"create or replace temp table _shifts_{index} as "
                'select unnest($1::bigint[]) as first, unnest($2::bigint[]) as "add"',
                [list(numbers) for numbers in zip(*part.shifts(), strict=True)],
            )
            parts.append(
                f'select r.* exclude (_record), r._record + s."add" as {line} from {rows} as r '
                f"asof join _shifts_{index} as s on r._record >= s.first"
            )
        else:
            parts.append(
                f"select * exclude (_record), _record + {part.lines_before} as {line} from {rows}"
            )
    return " union all ".join(parts)
