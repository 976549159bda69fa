"""CSV in windows of whole lines, so that DuckDB can read what is plain and Python the rest.

Belongs here: taking a stream apart, and telling whether DuckDB and `csv` read a window alike. They do
where each record is one line and each quote begins or ends a cell. Elsewhere DuckDB drops white space
around quotes, counts records as lines, and leaves columns unchecked that it does not read.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

WINDOW_BYTES = 1 << 27
_BLOCK_BYTES = 1 << 17
_NEWLINE, _RETURN, _QUOTE = b'\n\r"'
_BESIDE_QUOTES = np.zeros(256, np.bool_)
_BESIDE_QUOTES[[*b',\n\r"']] = True

_Codes = npt.NDArray[np.uint8]


@dataclass
class Cursor:
    """A stream of bytes that may be looked at before it is taken.

    Attributes:
        stream: where bytes come from.
        text: the bytes that are held.
        start: the first of them that is not yet taken.
        end: behind the last whole line of them.
        lines: how many are taken.
    """

    stream: BinaryIO
    text: bytes = b""
    start: int = 0
    end: int = 0
    lines: int = 0

    def look(self) -> bool:
        """Moves `end`; whether there is anything to take."""
        more = True
        while more and len(self.text) - self.start < WINDOW_BYTES // 2:
            more = self._fill()
        whole = self.text.rfind(b"\n", self.start) + 1
        self.end = whole if more and whole else len(self.text)
        return self.start < self.end

    def readline(self, limit: int = sys.maxsize) -> bytes:
        """Takes a line, or so much of it."""
        while True:
            end = self.text.find(b"\n", self.start, self.start + limit) + 1
            if end or len(self.text) - self.start >= limit or not self._fill():
                break
        line = self.text[self.start : end or self.start + limit]
        self.start += len(line)
        self.lines += line.endswith(b"\n")
        return line

    def _fill(self) -> bool:
        block = self.stream.read(WINDOW_BYTES)
        self.text, self.start = self.text[self.start :] + block, 0
        return bool(block)


def is_plain(text: bytes, start: int, end: int) -> bool:
    """Whether DuckDB and `csv` read a run of bytes alike; where it is not sure, they may not."""
    is_whole = end == len(text) or text[end - 1] == _NEWLINE
    if not is_whole or not _is_utf8(text, start, end):
        return False
    codes = np.frombuffer(text, np.uint8)
    quotes = lines = returns = closing = 0
    for low in range(start, end, _BLOCK_BYTES):
        block = codes[low : min(low + _BLOCK_BYTES, end)]
        marks = np.flatnonzero(block == _QUOTE)
        ends = np.flatnonzero(block == _NEWLINE)
        # A newline behind an odd number of quotes is inside a cell.
        inside = (np.searchsorted(marks, ends) + quotes) % 2
        closed = np.count_nonzero(codes[ends + low - 1] == _RETURN)
        as_lines = not inside.any() and closed in (0, len(ends))
        if not as_lines or not _tidy(codes, marks + low, quotes % 2):
            return False
        quotes += len(marks)
        lines += len(ends)
        closing += int(closed)
        returns += int(np.count_nonzero(block == _RETURN))
    return quotes % 2 == 0 and returns == closing and closing in (0, lines)


def _tidy(codes: _Codes, places: npt.NDArray[np.intp], inside: int) -> bool:
    """Whether quotes open behind a delimiter or a quote, and close before one."""
    opening, closing = places[inside::2], places[1 - inside :: 2]
    before = codes[np.maximum(opening - 1, 0)]
    behind = codes[np.minimum(closing + 1, len(codes) - 1)]
    return bool(_BESIDE_QUOTES[before].all() and _BESIDE_QUOTES[behind].all())


def _is_utf8(text: bytes, start: int, end: int) -> bool:
    if text.isascii():
        return True
    try:
        str(memoryview(text)[start:end], "utf-8")
    except UnicodeDecodeError:
        return False
    return True
