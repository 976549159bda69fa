"""Where the series of an answer of Prometheus' HTTP API begin and end, without reading them twice.

A series ends with the bracket of its samples and its own brace, so the next such pair is taken and
decoded; only where that fails (such a pair inside a label, keys in another order, native histograms)
its brackets are counted. Counting those of every sample would cost more than decoding them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

from tokenworks_sources.connectors.json.brackets import end_of_container

BLOCK_BYTES = 4 << 20
# One series of 32 MiB holds over a million samples; the API answers with 11,000 at most.
LARGEST_SERIES_BYTES = 32 << 20
_RESULT = re.compile(rb'"result"\s*:\s*(\[|null)')
# A list of series that stands alone.
_BARE = re.compile(rb'[\s,]*\[\s*(?=\{\s*"metric"\s*:)')
_RESULT_BYTES = 64
_END = re.compile(rb"\]\s*\}")
_GAP = re.compile(rb"[\s,]*")

Decoded = TypeVar("Decoded")


class AnswerError(ValueError):
    """The answer ends early or holds no series; its text quotes nothing."""


class Answers:
    """The answers of one file.

    Attributes:
        results: lists of series met so far; the file has none where it stays 0.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.results = 0
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._ended = False

    def series(
        self, decode: Callable[[bytes], Decoded], refused: tuple[type[Exception], ...]
    ) -> Iterator[Decoded | bytes]:
        """The series, decoded; the bytes of those that cannot be.

        Args:
            decode: reads the bytes of one series.
            refused: what it raises where the bytes are no series.

        Raises:
            AnswerError: see the class.
        """
        while self._find_result():
            while self._at_series():
                yield self._series(decode, refused)

    def _more(self) -> bool:
        # As much again as is kept, so that a long series is not scanned once a block.
        kept = self._buffer[self._position :]
        block = self._stream.read(max(BLOCK_BYTES, len(kept)))
        self._buffer, self._position = kept + block, 0
        self._ended = not block
        return not self._ended

    def _find_result(self) -> bool:
        while len(self._buffer) - self._position < _RESULT_BYTES and self._more():
            pass
        bare = _BARE.match(self._buffer, self._position)
        if bare:
            self._position = bare.end()
            self.results += 1
            return True
        while True:
            found = _RESULT.search(self._buffer, self._position)
            if found:
                self._position = found.end()
                self.results += 1
                if found[1] == b"[":
                    return True
                continue
            self._position = max(self._position, len(self._buffer) - _RESULT_BYTES)
            if not self._more():
                return False

    def _at_series(self) -> bool:
        while True:
            gap = _GAP.match(self._buffer, self._position)
            self._position = gap.end() if gap else self._position
            if self._position < len(self._buffer):
                break
            if not self._more():
                raise AnswerError("it ends within a list of series")
        mark = self._buffer[self._position : self._position + 1]
        if mark == b"]":
            self._position += 1
            return False
        if mark != b"{":
            raise AnswerError("its result is no list of series")
        return True

    def _series(
        self, decode: Callable[[bytes], Decoded], refused: tuple[type[Exception], ...]
    ) -> Decoded | bytes:
        text = self._until(self._next_pair)
        try:
            decoded = decode(text)
        except refused:
            text = self._until(self._counted)
            self._position += len(text)
            try:
                return decode(text)
            except refused:
                return text
        self._position += len(text)
        return decoded

    def _until(self, find: Callable[[], int | None]) -> bytes:
        while (end := find()) is None:
            if len(self._buffer) - self._position > LARGEST_SERIES_BYTES:
                raise AnswerError(f"one series is over {LARGEST_SERIES_BYTES >> 20} MiB")
            if not self._more():
                raise AnswerError("it ends within a series")
        return self._buffer[self._position : end]

    def _next_pair(self) -> int | None:
        found = _END.search(self._buffer, self._position)
        return found.end() if found else None

    def _counted(self) -> int | None:
        return end_of_container(self._buffer, self._position)[0]
