"""Newline-delimited files in slices, so that DuckDB numbers lines and still uses every core.

Belongs here: where lines begin, which are blank, and a file system that shows DuckDB one byte range as
a file. What the lines mean belongs to the connector.

`row_number()` makes a scan single-threaded, and DuckDB's JSON reader does not count blank lines. A file
cut into as many slices as there are cores, each with its own `row_number()` and the number of the
lines before it, keeps both the exact number and the cores.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import fsspec  # type: ignore[import-untyped]
import numpy as np
import pyarrow as pa

from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK

BLOCK_BYTES = 1 << 22
SMALLEST_SLICE_BYTES = 1 << 25
MOST_SLICES = 16
NEWLINE, SPACE = 0x0A, 0x20
PROTOCOL = "slice"


@dataclass(frozen=True)
class Slice:
    """One run of whole lines.

    Attributes:
        start, end: byte range of the file, end exclusive.
        lines_before: lines of the file, blank ones included, before the slice.
        lines: lines of the slice, blank ones included.
        blank: numbers of the blank lines within the slice, counted from 1.
    """

    start: int
    end: int
    lines_before: int
    lines: int
    blank: tuple[int, ...]

    @property
    def records(self) -> int:
        """Lines that are not blank."""
        return self.lines - len(self.blank)

    def shifts(self) -> list[tuple[int, int]]:
        """Where numbers of records and lines part: (first record, lines to add from it on)."""
        shifts = [(1, self.lines_before)]
        for skipped, line in enumerate(self.blank, start=1):
            record = line - skipped + 1
            if shifts[-1][0] == record:
                shifts.pop()
            shifts.append((record, self.lines_before + skipped))
        return shifts


def slices_of(path: Path, count: int | None = None) -> list[Slice]:
    """Cuts a plain file at line ends into about `count` slices of equal size.

    Args:
        path: a file that is not compressed; a byte order mark is left out.
        count: number of slices; as many as cores, and none below 32 MiB, where None.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = len(BYTE_ORDER_MARK) if stream.read(3) == BYTE_ORDER_MARK else 0
        wanted = count or min(
            os.cpu_count() or 1, MOST_SLICES, max(1, size // SMALLEST_SLICE_BYTES)
        )
        cuts = [start]
        for index in range(1, wanted):
            stream.seek(max(start, size * index // wanted))
            stream.readline()
            if cuts[-1] < stream.tell() < size:
                cuts.append(stream.tell())
    cuts.append(size)
    ranges = list(pairwise(cuts))
    with ThreadPoolExecutor(len(ranges)) as pool:
        counted = list(pool.map(lambda span: _count_lines(path, *span), ranges))
    before = accumulate((lines for lines, _ in counted), initial=0)
    return [
        Slice(low, high, lines_before, lines, blank)
        for (low, high), lines_before, (lines, blank) in zip(ranges, before, counted, strict=False)
    ]


def _count_lines(path: Path, start: int, end: int) -> tuple[int, tuple[int, ...]]:
    """Number of lines of a byte range, and the numbers of its blank ones.

    Only a line that begins with white space can be blank; only there the text is looked at.
    """
    lines = 0
    doubtful: list[tuple[int, int]] = []
    buffer = bytearray(BLOCK_BYTES)
    codes = np.frombuffer(buffer, dtype=np.uint8)
    begins = np.zeros(1, dtype=np.int64)
    with path.open("rb", buffering=0) as stream:
        stream.seek(start)
        while start < end:
            size = stream.readinto(memoryview(buffer)[: min(BLOCK_BYTES, end - start)]) or 0
            starts = np.concatenate((begins, np.flatnonzero(codes[:size] == NEWLINE) + 1))
            # A line that begins right behind the block is counted with the next one.
            begins = starts[starts == size] - size
            starts = starts[starts < size]
            found = np.flatnonzero(codes[starts] <= SPACE)
            doubtful += [(lines + int(i) + 1, start + int(starts[i])) for i in found]
            lines += len(starts)
            start += size
    with path.open("rb") as text:
        return lines, tuple(number for number, offset in doubtful if _is_blank(text, offset))


def _is_blank(stream: BinaryIO, offset: int) -> bool:
    stream.seek(offset)
    return not stream.readline().strip()


def lines_at(path: Path, numbers: Iterable[int]) -> Iterator[bytes]:
    """The text of the lines of these ascending numbers, counted from 1."""
    with path.open("rb") as stream:
        reached = 0
        for number in numbers:
            line = b""
            while reached < number:
                line = stream.readline()
                reached += 1
            yield line.rstrip(b"\r\n")


class SliceFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """Shows the slices of one file to DuckDB as `slice://<number>`."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, path: Path, slices: list[Slice]) -> None:
        super().__init__()
        self._path = path
        self._slices = slices

    def _slice(self, path: str) -> Slice:
        return self._slices[int(path.removeprefix(f"{PROTOCOL}://"))]

    def open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        """A reader of the slice."""
        return _SliceReader(self._path, self._slice(path))

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
        """Time of the last change of the whole file."""
        return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)


class _SliceReader(io.RawIOBase):
    mode = "rb"

    def __init__(self, path: Path, part: Slice) -> None:
        self._stream = path.open("rb", buffering=0)
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


def register(connection: duckdb.DuckDBPyConnection, path: Path, slices: list[Slice]) -> None:
    """Makes the slices of a file, and the shifts of their numbers, readable in the connection."""
    connection.register_filesystem(SliceFileSystem(path, slices))
    for index, part in enumerate(slices):
        if part.blank:
            first, add = (
                pa.array(numbers, pa.int64()) for numbers in zip(*part.shifts(), strict=True)
            )
            connection.register(f"_shifts_{index}", pa.table({"first": first, "add": add}))


def numbered(slices: list[Slice], scan: Callable[[str], str], line: str) -> str:
    """One SQL relation over all slices, with the exact line of the file on every row.

    Args:
        slices: the slices that `register` made readable.
        scan: from the path of a slice to the SQL of its scan, in the order of its lines.
        line: name of the column of the line number.
    """
    parts = []
    for index, part in enumerate(slices):
        rows = f"(select *, row_number() over () as _record from {scan(f'{PROTOCOL}://{index}')})"
        if part.blank:
            parts.append(
                f'select r.* exclude (_record), r._record + s."add" as {line} from {rows} as r '
                f"asof join _shifts_{index} as s on r._record >= s.first"
            )
        else:
            parts.append(
                f"select * exclude (_record), _record + {part.lines_before} as {line} from {rows}"
            )
    return " union all ".join(parts)
