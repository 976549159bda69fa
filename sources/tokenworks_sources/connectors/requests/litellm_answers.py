"""Spend logs as the proxy answers them: one JSON array (`/spend/logs`), or a page of the UI with `data`.

A document is written out as one record a line, which is how logs are read; the number of a record
takes the place of its line.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenworks_sources.connectors.base import LandingFile, Preview
from tokenworks_sources.connectors.json import lists, records
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import HEAD_BYTES, open_decompressed

LISTS: Collection[lists.Path] = ((), ("data",))
# Within a string a line break is written as an escape.
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


def first_row(preview: Preview) -> records.Record | None:
    """The first record of a log, whether it stands by itself, in an array or in a page."""
    found = records.first_record(preview)
    page = _page(found)
    if page is None:
        return found
    return page[0] if page and isinstance(page[0], dict) else None


def is_answer(path: Path, begin: bytes) -> bool:
    """Whether a file that begins so is one document instead of records line by line."""
    if begin.startswith(b"["):
        return True
    first = records.decoded(begin[: begin.find(b"\n") + 1])
    if isinstance(first, dict):
        return _page(first) is not None
    head = begin[:HEAD_BYTES]
    return b'"data"' in head and _page(records.first_record(Preview(path, head))) is not None


def _page(found: records.Record | None) -> list[Any] | None:
    """The records of a page; a record of the log may have `data` too, and an id."""
    data = found.get("data") if found and "request_id" not in found else None
    return data if isinstance(data, list) else None


@contextmanager
def as_lines(file: LandingFile, scratch: Path) -> Iterator[Path]:
    """The records of an answer, one a line, for as long as the context lasts.

    Raises:
        LandingFileError: the document is damaged.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=".jsonl") as target:
        number = 0
        with open_decompressed(file.path) as stream:
            try:
                for piece in lists.elements(stream, LISTS):
                    if isinstance(piece, lists.Element):
                        number += 1
                        target.write(piece.text.translate(_ONE_LINE) + b"\n")
            except lists.DocumentError as error:
                raise LandingFileError(
                    file.path,
                    f"the JSON after record {number} cannot be read: {error}.",
                    "Ship it again, whole.",
                ) from error
        target.flush()
        yield Path(target.name)
