"""Spans of one JSON document of any size, cut out without parsing the document.

Belongs here: where the objects of resource, scope and span begin and end. numpy finds the brackets
outside of strings; Python sees the few near the top. What cannot be followed is an error or a reject,
never left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain

import numpy as np
import numpy.typing as npt

# A span is the seventh container, the eighth where its request is inside another one.
DEPTH = 7
PIECE_BYTES = 1 << 26
_BEFORE = 256
_WRAPPERS = frozenset({b"trace", b"result"})
_WRAPPED = re.compile(rb"\s*(?:\[|\{\s*\"(?:trace|result)\"\s*:)")
_KEY = re.compile(rb'"([^"\\]{1,64})"\s*:\s*\Z')
_QUOTE, _BACKSLASH, _BRACE = 0x22, 0x5C, 0x7B

_LEVELS = (
    frozenset({b"resourceSpans", b"resource_spans", b"batches"}),
    frozenset(
        {
            b"scopeSpans",
            b"scope_spans",
            b"instrumentationLibrarySpans",
            b"instrumentation_library_spans",
        }
    ),
    frozenset({b"spans"}),
)
_ASIDE = {1: frozenset({b"resource"}), 2: frozenset({b"scope", b"instrumentationLibrary"})}
_SPANS = 3

_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"{[")] = 1
_STEPS[list(b"}]")] = -1


class Piece(Enum):
    """What was cut out; RESOURCE_SPANS and SCOPE_SPANS mark where a new one begins."""

    RESOURCE_SPANS = "resourceSpans"
    RESOURCE = "resource"
    SCOPE_SPANS = "scopeSpans"
    SCOPE = "scope"
    SPAN = "span"
    UNKNOWN = "unknown"
    TOO_LARGE = "too large"
    CUT_SHORT = "cut short"
    DAMAGED = "damaged"
    NOTHING = "nothing"


CUT_REASONS = {
    Piece.UNKNOWN: "request: a field that OTLP traces do not have",
    Piece.TOO_LARGE: "span: over 64 MiB",
    Piece.CUT_SHORT: "document: ends early or is damaged",
    Piece.NOTHING: "document: no JSON object",
    Piece.DAMAGED: "document: brackets do not match; the rest cannot be read",
}

Pieces = Iterator[tuple[Piece, bytes]]


def cut(blocks: Iterable[bytes]) -> Pieces:
    """Pieces in the order of the document; several documents may follow each other."""
    remaining = iter(blocks)
    first = next(remaining, b"")
    cutter = _Cutter(DEPTH + bool(_WRAPPED.match(first)))
    return _cut(cutter, chain((first,), remaining))


def cut_at(depth: int, blocks: Iterable[bytes]) -> Pieces:
    """Every object at a depth, as spans."""
    return _cut(_DepthCutter(depth), blocks)


def bracket_depth(text: bytes) -> int:
    """Containers that are open behind a text."""
    codes = np.frombuffer(text, np.uint8)
    quotes = _unescaped(codes, np.flatnonzero(codes == _QUOTE))
    steps = _STEPS[codes]
    places = np.flatnonzero(steps)
    return int(steps[places[np.searchsorted(quotes, places) % 2 == 0]].sum())


def _cut(cutter: _Cutter, blocks: Iterable[bytes]) -> Pieces:
    for block in blocks:
        yield from cutter.feed(block)
        if cutter.is_damaged:
            yield Piece.DAMAGED, b""
            return
    if cutter.is_open:
        yield Piece.CUT_SHORT, b""
    elif not cutter.has_opened:
        yield Piece.NOTHING, b""


@dataclass
class _Cutter:
    """Where in the document we are.

    Attributes:
        deepest: containers below are not looked at.
        is_damaged: more was closed than opened.
        has_opened: there was a container at all.
    """

    deepest: int
    has_opened: bool = False
    is_damaged: bool = False
    _depth: int = 0
    _in_string: bool = False
    # Level of the path (0 to 3) of each open container near the top; None below what is cut.
    _levels: list[int | None] = field(default_factory=list)
    # What is cut, and how many containers were open with it.
    _cutting: tuple[Piece, int] | None = None
    _taken: list[bytes] = field(default_factory=list)
    _size: int = 0
    _held: bytes = b""
    _before: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether a container or string has not ended."""
        return bool(self._depth or self._in_string or self._held)

    def feed(self, block: bytes) -> Pieces:
        """The pieces that end in this block."""
        block = self._held + block
        # A run of backslashes is judged whole.
        kept = block.rstrip(b"\\")
        self._held = block[len(kept) :]
        self.is_damaged = len(self._held) > PIECE_BYTES
        block, begin = kept, 0
        for place, step in self._brackets(block):
            if step > 0:
                yield from self._open(block, place)
                if self._is_edge:
                    begin = place
                continue
            if self._is_edge:
                yield self._end(block[begin : place + 1])
            if not self._levels:
                self.is_damaged = True
                return
            self._levels.pop()
        self._keep(block[begin:])
        self._before = (self._before + block)[-_BEFORE:]

    @property
    def _is_edge(self) -> bool:
        """Whether the innermost container is the one that is cut."""
        return self._cutting is not None and self._cutting[1] == len(self._levels)

    def _brackets(self, block: bytes) -> Iterator[tuple[int, int]]:
        """Brackets near the top: (place, 1 opens or -1 closes); deeper ones only move the depth."""
        codes = np.frombuffer(block, np.uint8)
        quotes = _unescaped(codes, np.flatnonzero(codes == _QUOTE))
        steps = _STEPS[codes]
        places = np.flatnonzero(steps)
        inside = (np.searchsorted(quotes, places) + self._in_string) % 2 == 1
        self._in_string = bool((len(quotes) + self._in_string) % 2)
        places = places[~inside]
        if not len(places):
            return
        taken = steps[places].astype(np.int64)
        after = self._depth + np.cumsum(taken)
        self._depth = int(after[-1])
        self.has_opened = True
        # Depth of the container that opens or closes here.
        near = np.maximum(after, after - taken) <= self.deepest
        yield from zip(places[near].tolist(), taken[near].tolist(), strict=True)

    def _open(self, block: bytes, place: int) -> Pieces:
        level = self._levels[-1] if self._levels else 0
        if self._cutting is not None or level is None:
            self._levels.append(None)
            return
        near = max(0, place - _BEFORE)
        behind = (block[near:place] if near else self._before + block[:place]).rstrip()
        match = _KEY.search(behind) if behind.endswith(b":") else None
        key = match[1] if match else None
        is_object = block[place] == _BRACE
        if key is None:
            self._levels.append(level)
            if level == _SPANS and is_object:
                self._cutting = Piece.SPAN, len(self._levels)
            elif is_object and level:
                yield (Piece.RESOURCE_SPANS if level == 1 else Piece.SCOPE_SPANS), b""
        elif level < _SPANS and key in _LEVELS[level] and not is_object:
            self._levels.append(level + 1)
        elif key in _ASIDE.get(level, ()) and is_object:
            self._levels.append(None)
            self._cutting = (Piece.RESOURCE if level == 1 else Piece.SCOPE), len(self._levels)
        else:
            is_wrapped = key in _WRAPPERS and level == 0 and is_object
            self._levels.append(0 if is_wrapped else None)
            if not is_wrapped:
                yield Piece.UNKNOWN, b""

    def _keep(self, rest: bytes) -> None:
        if self._cutting is not None:
            self._size += len(rest)
            if self._size <= PIECE_BYTES:
                self._taken.append(rest)
            else:
                self._taken.clear()

    def _end(self, rest: bytes) -> tuple[Piece, bytes]:
        assert self._cutting is not None
        kind, _ = self._cutting
        self._keep(rest)
        text = b"".join(self._taken)
        is_whole = self._size <= PIECE_BYTES
        self._cutting, self._taken, self._size = None, [], 0
        return (kind, text) if is_whole else (Piece.TOO_LARGE, b"")


class _DepthCutter(_Cutter):
    """Cuts every object at one depth."""

    def _open(self, block: bytes, place: int) -> Pieces:
        self._levels.append(None)
        if len(self._levels) == self.deepest and block[place] == _BRACE:
            self._cutting = Piece.SPAN, self.deepest
        yield from ()


def _unescaped(codes: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Quotes behind an even number of backslashes."""
    if not len(quotes):
        return quotes
    behind = quotes > 0
    behind[behind] = codes[quotes[behind] - 1] == _BACKSLASH
    if not behind.any():
        return quotes
    slashes = np.flatnonzero(codes == _BACKSLASH)
    begins = np.flatnonzero(np.diff(slashes, prepend=-2) > 1)
    run = np.searchsorted(slashes, quotes[behind] - 1)
    length = run - begins[np.searchsorted(begins, run, side="right") - 1] + 1
    keep = np.ones(len(quotes), bool)
    keep[behind] = length % 2 == 0
    return quotes[keep]
