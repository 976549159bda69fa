"""CSV in windows of whole lines, so that DuckDB can read what is plain and Python the rest.

Belongs here: taking a stream apart, and telling whether DuckDB and `csv` read a window alike. They do
where each record is one line and each quote begins or ends a cell. Elsewhere DuckDB drops white space
around quotes, counts records as lines, and leaves columns unchecked that it does not read.
"""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

WINDOW_BYTES = 1 << 27
_BLOCK_BYTES = 1 << 18
_NEWLINE, _RETURN, _SPACE, _QUOTE = b'\n\r "'
_FIRST_BEYOND_ASCII = 0x80
_BESIDE_QUOTES = np.zeros(256, np.bool_)
_BESIDE_QUOTES[[*b',\n\r"']] = True

_Codes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


@dataclass
class Cursor:
    """A stream of bytes that may be looked at before it is taken.

    Attributes:
        stream: where bytes come from.
        text: the bytes that are held.
        start: the first of them that is not yet taken.
        end: behind the last whole line of them.
        lines: how many are taken.
        before: bytes of the stream in front of those that are held.
        block: how many are read at a time.
    """

    stream: BinaryIO
    text: bytes = b""
    start: int = 0
    end: int = 0
    lines: int = 0
    before: int = 0
    block: int = field(default_factory=lambda: WINDOW_BYTES)

    @property
    def taken(self) -> int:
        """How many bytes of the stream are taken."""
        return self.before + self.start

    def look(self) -> bool:
        """Moves `end`; whether there is anything to take."""
        more = True
        while more and len(self.text) - self.start < self.block // 2:
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
        block = self.stream.read(self.block)
        self.before += self.start
        self.text, self.start = self.text[self.start :] + block, 0
        return bool(block)


@dataclass(frozen=True)
class Lines:
    """What a run of lines holds that DuckDB and `csv` read alike.

    Attributes:
        number: how many lines, blank ones included.
        blank: the numbers of those, counted from 1.
        ended: how many end with a line feed.
        returned: how many of these have a carriage return in front of it: none or all.
    """

    number: int
    blank: tuple[int, ...]
    ended: int
    returned: int

    @property
    def line_ends(self) -> set[bool]:
        """Whether a carriage return belongs to the ends of lines, where there are ends."""
        return {self.returned > 0} if self.ended else set()


def plain_lines(stream: BinaryIO, size: int) -> Lines | None:
    """Counts so many bytes of whole lines; None where DuckDB and `csv` may read them differently.

    They read them alike where no line feed is inside quotes, where all lines end in the same way,
    and where quotes that are not doubled stand at the edges of a cell.
    """
    run = _Run(stream, size)
    while run.read():
        if not run.is_plain():
            return None
    return run.lines()


class _Run:
    """A run of bytes, block by block.

    Each block has the byte in front of it at place 0 and the one behind it at its end; both are
    line feeds where there is none.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._left = size
        self._text = bytearray(min(_BLOCK_BYTES, size) + 3)
        self._codes = np.frombuffer(self._text, np.uint8)
        self._codes[0] = _NEWLINE
        self._ahead = self._bytes = 0
        self._inside = self._ended = self._returned = self._returns = 0
        self._begins = True
        self._blank: list[int] = []
        self._decoder = getincrementaldecoder("utf-8")()

    def read(self) -> bool:
        """Moves on by a block; whether there is one."""
        codes, done = self._codes, self._bytes
        codes[0] = codes[done]
        if self._ahead:
            codes[1] = codes[done + 1]
        begin = 1 + self._ahead
        view = memoryview(self._text)[: min(begin + self._left, len(self._text) - 1)]
        read = 0
        while begin + read < len(view) and (size := _read(self._stream, view[begin + read :])):
            read += size
        is_cut = begin + read < len(view)  # while it is read; its size tells at the end
        self._left = 0 if is_cut else self._left - read
        held = self._ahead + read
        self._ahead = int(self._left > 0)
        self._bytes = held - self._ahead
        if not self._ahead:
            codes[held + 1] = _NEWLINE
        return self._bytes > 0

    def is_plain(self) -> bool:
        """Whether this block is; what it holds is counted."""
        codes, size = self._codes, self._bytes
        block = codes[1 : size + 1]
        quotes = np.flatnonzero(block == _QUOTE)
        ends = np.flatnonzero(block == _NEWLINE)
        inside = np.searchsorted(quotes, ends) + self._inside
        if (inside % 2).any() or not _tidy(codes, quotes, self._inside):
            return False
        if not self._is_utf8(block) or not self._ends_alike(block, ends):
            return False
        self._note_blank(ends)
        self._inside = (self._inside + len(quotes)) % 2
        self._ended += len(ends)
        self._begins = block[-1] == _NEWLINE
        return True

    def lines(self) -> Lines | None:
        """What was counted; None where the run as a whole is not plain."""
        if self._inside or self._returns != self._returned:
            return None
        if self._decoder.getstate()[0] or self._returned not in (0, self._ended):
            return None
        number = self._ended + (not self._begins)
        return Lines(number, tuple(self._blank), self._ended, self._returned)

    def _is_utf8(self, block: _Codes) -> bool:
        if block.max() < _FIRST_BEYOND_ASCII and not self._decoder.getstate()[0]:
            return True
        try:
            self._decoder.decode(block.tobytes())
        except UnicodeDecodeError:
            return False
        return True

    def _ends_alike(self, block: _Codes, ends: _Places) -> bool:
        if self._text.find(b"\r", 0, self._bytes + 1) < 0:
            return True
        returned = int(np.count_nonzero(self._codes[ends] == _RETURN))
        self._returned += returned
        self._returns += int(np.count_nonzero(block == _RETURN))
        return returned in (0, len(ends))

    def _note_blank(self, ends: _Places) -> None:
        """Only where a line begins with white space its text is looked at."""
        begins = ends + 1
        if begins.size and begins[-1] == self._bytes:
            begins = begins[:-1]
        doubtful = begins[self._codes[begins + 1] <= _SPACE].tolist()
        if self._begins and self._codes[1] <= _SPACE:
            doubtful.insert(0, 0)
        for begin in doubtful:
            if self._is_blank(begin + 1):
                self._blank.append(self._ended + int(np.searchsorted(ends, begin)) + 1)

    def _is_blank(self, place: int) -> bool:
        held = self._bytes + 1 + self._ahead
        close = self._text.find(b"\n", place, held)
        text = bytes(self._text[place : close if close >= 0 else held])
        if close < 0 and self._left and not text.strip():
            here = self._stream.tell()
            text = self._stream.readline(self._left)
            self._stream.seek(here)
        return not text.strip()


def _tidy(codes: _Codes, quotes: _Places, inside: int) -> bool:
    """Whether quotes open behind a delimiter or a quote, and close before one.

    Args:
        codes: a block, with a byte in front of it and one behind it.
        quotes: places of the quotes, counted from the first byte of the block.
        inside: 1 where the block begins within quotes.
    """
    opening, closing = quotes[inside::2], quotes[1 - inside :: 2]
    reopening = opening[1 - inside :]
    # Two that touch are one quote of the text.
    apart = np.flatnonzero(reopening - closing[: len(reopening)] != 1)
    before = codes[np.concatenate((opening[: 1 - inside], reopening[apart]))]
    behind = codes[np.concatenate((closing[apart], closing[len(reopening) :])) + 2]
    return bool(_BESIDE_QUOTES[before].all() and _BESIDE_QUOTES[behind].all())


def _read(stream: BinaryIO, view: memoryview) -> int:
    return stream.readinto(view)  # type: ignore[attr-defined, no-any-return]
