"""The records of a window that were not written: read once more, by themselves and with all care.

What was written says which lines are left. A few of them cost little to read again, and of those it
is told why they are refused; a record whose metadata only looked doubtful is written after all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from tokenworks_sources.connectors.requests import slices

# Records that are held in memory to be read again, by number and by bytes.
REJECTS_AT_ONCE = 50_000
BYTES_AT_ONCE = 1 << 25
# The place of each record that is read again, by its line among them.
AGAIN_TABLE = "tokenworks_again"
AGAIN = f"join {AGAIN_TABLE} on _line = _again"
PLACE = "source_line, _file, _digest"

Lines = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """Where the lines of a window come from: files behind each other.

    Attributes:
        first: the line of the window's text at which each file begins, counted from 1.
        files: the place of each file in its batch.
        digests: the digest of each.
    """

    first: Lines
    files: list[int]
    digests: list[str]

    def lines_of(self, places: pl.DataFrame) -> Lines:
        """Lines of the text from those of the files, and the files' digests."""
        starts = dict(zip(self.digests, self.first.tolist(), strict=True))
        first = places["source_digest"].replace_strict(starts, return_dtype=pl.Int64)
        return (places["source_line"] + first - 1).to_numpy()


def left_of(window: slices.Window, written: Lines) -> Lines:
    """The lines of a window, blank ones aside, that are not among those that were written."""
    before = window[0].lines_before
    left = np.ones(window[-1].lines_before + window[-1].lines - before, np.bool_)
    left[written - before - 1] = False
    for part in window:
        left[np.array(part.blank, np.int64) + (part.lines_before - before - 1)] = False
    return np.flatnonzero(left) + before + 1


def read_again(
    connection: duckdb.DuckDBPyConnection,
    window: slices.Window,
    origin: Origin,
    lines: Lines,
    rows: Callable[[slices.Window], str],
    copy: Callable[[str], int],
    reject: Callable[[int, int, str, bytes], None],
) -> int:
    """Reads the records of some lines of a window with all care, and rejects what is no good.

    Args:
        connection: runs the queries.
        window: the window.
        origin: where its lines come from.
        lines: the lines, ascending.
        rows: SQL of `litellm_sql.request_rows` of a window, with the join AGAIN and its PLACE.
        copy: writes such rows.
        reject: called with file, line of it, reason and text.

    Returns:
        how many were written after all.
    """
    saved = 0
    for numbers, texts in texts_of(window, lines):
        places = np.searchsorted(origin.first, numbers, "right") - 1
        connection.execute(
            f"create or replace temp table {AGAIN_TABLE} as select unnest($1::bigint[]) as _again, "
            "unnest($2::bigint[]) as source_line, unnest($3::bigint[]) as _file, "
            "unnest($4::varchar[]) as _digest",
            [
                list(range(1, len(texts) + 1)),
                (numbers - origin.first[places] + 1).tolist(),
                [origin.files[place] for place in places],
                [origin.digests[place] for place in places],
            ],
        )
        again = slices.window_of(b"\n".join(texts) + b"\n")
        refused = connection.execute(
            f"select _line, source_line, _file, _reason from ({rows(again)}) "
            "where _reason is not null order by _line"
        ).fetchall()
        if len(refused) < len(texts):
            saved += copy(rows(again))
        for line, source_line, file, reason in refused:
            reject(file, source_line, reason, texts[line - 1])
    return saved


def texts_of(window: slices.Window, lines: Lines) -> Iterator[tuple[Lines, list[bytes]]]:
    """The lines and their texts, so many as may be held."""
    begin, size, texts = 0, 0, list[bytes]()
    for text in slices.lines_at(window, lines.tolist()):
        texts.append(text)
        size += len(text)
        if len(texts) >= REJECTS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield lines[begin : begin + len(texts)], texts
            begin, size, texts = begin + len(texts), 0, []
    if texts:
        yield lines[begin:], texts
