"""Files of one JSON value or of long JSON lines, mapped into memory: only what is wanted becomes objects.

Belongs here: values too large for `document`, of which most is never wanted, so that it is declared
`msgspec.Raw` and stays where it lies; NaN and Infinity are null. Lists of records belong to `lists`.
"""

from __future__ import annotations

import mmap
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import GZIP_MAGIC, ZSTD_MAGIC, open_decompressed

_NO_NUMBER = re.compile(rb"Infinity|NaN")
_BEFORE, _BEHIND = b" :,[\t\n", b" ,]}\t\r\n"

Value = TypeVar("Value")


@contextmanager
def mapped(path: Path, scratch: Path) -> Iterator[mmap.mmap]:
    """The file's bytes; only pages that are written to become memory of the process.

    Args:
        path: the file.
        scratch: folder for a decompressed copy, where it needs one.
    """
    with path.open("rb") as plain, _plain(path, plain, scratch) as stream:
        if stream.seek(0, 2) == 0:
            raise LandingFileError(path, "it holds nothing.", "Ship it again, whole.")
        yield mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)


@contextmanager
def _plain(path: Path, stream: BinaryIO, scratch: Path) -> Iterator[BinaryIO]:
    if not stream.read(4).startswith((GZIP_MAGIC, ZSTD_MAGIC)):
        yield stream
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=scratch) as copy:
        with open_decompressed(path) as source:
            shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        yield copy


def lines_of(path: Path, scratch: Path) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of each line that is not blank, however long it is."""
    with mapped(path, scratch) as pages:
        view, begin, number = memoryview(pages), _begin(pages), 0
        while begin < len(pages):
            newline = pages.find(b"\n", begin)
            end = len(pages) if newline < 0 else newline
            number += 1
            # Longer lines are never blank.
            if end - begin > 1_000 or bytes(view[begin:end]).strip():
                yield number, view[begin:end]
            begin = end + 1


def _begin(pages: mmap.mmap) -> int:
    return len(BYTE_ORDER_MARK) if pages[:3] == BYTE_ORDER_MARK else 0


def value_of(path: Path, kind: type[Value], scratch: Path) -> Value:
    """The one value of a file; what is declared `msgspec.Raw` stays where it lies.

    Raises:
        LandingFileError: it is no JSON, or of another shape.
    """
    try:
        with mapped(path, scratch) as pages:
            return _decoded(memoryview(pages)[_begin(pages) :], kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        kind_of = "of another shape" if isinstance(error, msgspec.ValidationError) else "not JSON"
        raise _unreadable(path, kind_of) from None


def values_of(path: Path, kind: type[Value], scratch: Path) -> Iterator[tuple[int, Value | None]]:
    """Number and value of each run of a file; None where a line is broken.

    Tools that append write one object a line; a file that was made readable is one object over many.

    Raises:
        LandingFileError: the file is no JSON, or of another shape.
    """
    lines = lines_of(path, scratch)
    number, line = next(lines, (1, memoryview(b"")))
    value = _line_value(line, kind)
    del line
    if value is None:
        yield 1, value_of(path, kind, scratch)
        return
    yield number, value
    del value
    for number, line in lines:
        yield number, _line_value(line, kind)


def _decoded(text: memoryview, kind: type[Value]) -> Value:
    """Python writes NaN and Infinity, which are no JSON: they become null where they lie."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if text.readonly or not _take_out(text):
            raise
        return msgspec.json.decode(text, type=kind)


def _take_out(text: memoryview) -> bool:
    """Overwrites NaN and Infinity by as many bytes; within texts too, which are never read."""
    changed = False
    for match in _NO_NUMBER.finditer(text):
        begin, end = match.span()
        if begin == 0 or (end < len(text) and text[end] not in _BEHIND):
            continue
        is_short = end - begin < len(b"null")
        if text[begin - 1] == ord("-") or (is_short and text[begin - 1] == ord(" ")):
            begin -= 1
        elif is_short or text[begin - 1] not in _BEFORE:
            continue
        text[begin:end] = b"null".ljust(end - begin)
        changed = True
    return changed


def _line_value(line: memoryview, kind: type[Value]) -> Value | None:
    try:
        return _decoded(line, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _unreadable(path: Path, what: str) -> LandingFileError:
    return LandingFileError(
        path, f"it is {what}.", "It may have been cut off: ship it again, whole."
    )
