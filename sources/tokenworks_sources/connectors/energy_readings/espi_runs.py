"""Runs of plain interval readings, cut out of an ESPI feed before expat sees them.

A reading has 6 elements, and even an empty Python handler for each costs more than everything else
that is done with it. Readings without attributes, comments or entities, which is nearly all, need no
handler: one regular expression takes a whole block of them, and expat gets a mark in their place.

Nothing is decided here that XML decides. The mark is a processing instruction: where the run stood in
a comment or a CDATA section, expat does not report it, and the run is no data. Its newlines keep the
line numbers of errors. Whatever the expression does not take goes to expat as it is.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import BinaryIO

from tokenworks_sources.connectors.energy_readings.espi_spool import READING_FIELDS
from tokenworks_sources.connectors.safe_xml import SafeXml

CHUNK_BYTES = 1 << 20
# A block that is longer is taken in parts.
LONGEST_RUN = 1 << 22

# Possessive throughout: nothing that a hostile run holds makes the expression go back.
_SPACE = "[ \\t\\r\\n]*+"
_VALUE = f"{_SPACE}([0-9A-Za-z.+:-]{{0,40}}+){_SPACE}"
_OPENING = re.compile(rb"<(?:([A-Za-z_][\w.-]*):)?IntervalReading>")
# Fields of the groups of a reading; a field that may stand in two places has two.
_GROUPS = (
    "cost", "currency", "quality", "duration", "start", "start", "duration", "value", "quality", "tou",
)  # fmt: skip
_WIDTH = len(_GROUPS) + 1

Columns = list[list[str | None]]


class RunReader:
    """Feeds a stream to expat, with its plain runs replaced by marks.

    Args:
        xml: the parser.
        prefix: tells the namespace prefix ("" for none) of the interval block that is open, or None.
        accept: takes the columns of a run, in the order of `READING_FIELDS`, where the run is data.
    """

    def __init__(
        self, xml: SafeXml, prefix: Callable[[], str | None], accept: Callable[[Columns], None]
    ) -> None:
        self._xml = xml
        self._prefix = prefix
        self._accept = accept
        # Unguessable, so that no instruction of the feed is taken for a mark.
        self._target = "run-" + secrets.token_hex(16)
        self._runs: dict[str, Columns] = {}
        self._number = 0
        self._buffer = b""
        self._is_open = True
        xml.parser.ProcessingInstructionHandler = self._on_mark
        # Deferral would report a block's opening tag only after its readings were looked at.
        if hasattr(xml.parser, "SetReparseDeferralEnabled"):
            xml.parser.SetReparseDeferralEnabled(False)

    def read(self, stream: BinaryIO) -> None:
        """Reads the stream to its end; raises as `SafeXml.feed` does."""
        while self._is_open:
            chunk = stream.read(CHUNK_BYTES)
            self._is_open = bool(chunk)
            self._buffer += chunk
            self._advance()
        self._xml.feed(self._buffer)
        self._xml.close()

    def _advance(self) -> None:
        """Hands over what is whole in the buffer and keeps the rest."""
        position = 0
        while found := _OPENING.search(self._buffer, position):
            prefix = (found[1] or b"").decode()
            self._xml.feed(self._buffer[position : found.start()])
            end = self._end_of_run(found.start(), prefix)
            if end is None:
                self._buffer = self._buffer[found.start() :]
                return
            self._hand_over(self._buffer[found.start() : end], prefix)
            position = end
        # The last bytes may begin an opening tag.
        safe = max(position, self._buffer.rfind(b"<"))
        self._xml.feed(self._buffer[position:safe])
        self._buffer = self._buffer[safe:]

    def _end_of_run(self, start: int, prefix: str) -> int | None:
        """Where the block ends, or its last whole reading where more of it is to come."""
        name = f"</{prefix}:" if prefix else "</"
        end = self._buffer.find(f"{name}IntervalBlock".encode(), start)
        if end >= 0:
            return end
        if self._is_open and len(self._buffer) - start < LONGEST_RUN:
            return None
        closing = f"{name}IntervalReading>".encode()
        last = self._buffer.rfind(closing, start)
        return len(self._buffer) if last < 0 else last + len(closing)

    def _hand_over(self, run: bytes, prefix: str) -> None:
        columns = _columns(run, prefix) if self._prefix() == prefix else None
        if columns is None:
            self._xml.feed(run)
            return
        self._number += 1
        self._runs = {str(self._number): columns}
        newlines = b"\n" * run.count(b"\n")
        self._xml.feed(f"<?{self._target} {self._number}".encode() + newlines + b"?>")

    def _on_mark(self, target: str, data: str) -> None:
        columns = self._runs.pop(data.strip(), None) if target == self._target else None
        if columns is not None:
            self._accept(columns)


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _columns(run: bytes, prefix: str) -> Columns | None:
    """Texts of the run's readings by field; None where it is anything but plain readings."""
    if not run.isascii():
        return None
    pattern = _PATTERNS.get(prefix) or _PATTERNS.setdefault(prefix, _pattern(prefix))
    parts = pattern.split(run.decode())
    if "".join(parts[::_WIDTH]).strip(" \t\r\n"):
        return None
    by_field: dict[str, list[str | None]] = {}
    for index, name in enumerate(_GROUPS, 1):
        texts: list[str | None] = parts[index::_WIDTH]
        if "" in texts:
            texts = [text or None for text in texts]
        by_field[name] = _either(by_field[name], texts) if name in by_field else texts
    return [by_field[name] for name in READING_FIELDS]


def _either(first: list[str | None], second: list[str | None]) -> list[str | None]:
    """The second text where it is given: the later of two elements holds."""
    if second.count(None) == len(second):
        return first
    return [one if other is None else other for one, other in zip(first, second, strict=True)]


def _pattern(prefix: str) -> re.Pattern[str]:
    """One reading, with the elements in the order of the schema; start may precede duration."""

    def opened(name: str) -> str:
        return f"<{re.escape(prefix)}:{name}>" if prefix else f"<{name}>"

    def closed(name: str) -> str:
        return opened(name).replace("<", "</", 1)

    def leaf(name: str) -> str:
        return opened(name) + _VALUE + closed(name) + _SPACE

    def ignored(name: str) -> str:
        return f"(?:{opened(name)}{_VALUE.replace('(', '(?:')}{closed(name)}{_SPACE})?+"

    quality = f"(?:{opened('ReadingQuality')}{_SPACE}{leaf('quality')}{closed('ReadingQuality')}{_SPACE})*+"
    period = (
        f"{opened('timePeriod')}{_SPACE}"
        f"(?:{leaf('duration')}{leaf('start')}|{leaf('start')}{leaf('duration')})"
        f"{closed('timePeriod')}{_SPACE}"
    )
    return re.compile(
        f"{opened('IntervalReading')}{_SPACE}(?:{leaf('cost')})?+(?:{leaf('currency')})?+{quality}"
        f"{period}{leaf('value')}{quality}{ignored('consumptionTier')}(?:{leaf('tou')})?+"
        f"{ignored('cpp')}{closed('IntervalReading')}"
    )
