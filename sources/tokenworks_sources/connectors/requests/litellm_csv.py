"""Spend logs as CSV: windows that DuckDB reads as `csv` does are its own, the others go record by record.

Either way every cell is text that meets the same SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import duckdb
import numpy as np

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.csv_windows import Cursor
from tokenworks_sources.connectors.requests import (
    csv_spans,
    litellm_engine,
    litellm_fields,
    litellm_left,
    litellm_metadata,
    litellm_sql,
    slices,
)
from tokenworks_sources.connectors.requests.csv_spans import Looked, Place
from tokenworks_sources.connectors.requests.litellm_csv_records import Records
from tokenworks_sources.connectors.requests.litellm_left import Origin
from tokenworks_sources.connectors.requests.litellm_metadata import EVERYWHERE
from tokenworks_sources.connectors.requests.slice_files import SliceFileSystem, numbered
from tokenworks_sources.connectors.requests.slices import Slice
from tokenworks_sources.landing import is_compressed, open_decompressed

HEADER_BYTES = 1 << 16
# As Python's `isspace`, as far as a cell of one line may hold it.
_WHITE = "' ' || chr(9) || chr(11) || chr(12)"


def read(file: LandingFile, sink: Sink, required: Sequence[str], what: str) -> None:
    """Hands every record of a file to the sink, in windows of lines."""
    with open_decompressed(file.path) as stream:
        cursor = Cursor(stream, block=HEADER_BYTES)
        names = tabular.csv_header(file.path, cursor, required, what)
    left: Place | None = Place(cursor.taken, cursor.lines)
    if left and litellm_engine.pays(file.path):
        left = _read_columns(file, sink, names, left)
    if left:
        _read_windows(file, sink, names, left)


def _read_columns(file: LandingFile, sink: Sink, names: list[str], begin: Place) -> Place | None:
    from tokenworks_sources.connectors.requests import litellm_csv_columns

    with litellm_engine.engine(sink) as (connection, _):
        return litellm_csv_columns.read(Records(file, sink, connection, names), begin)


def _read_windows(file: LandingFile, sink: Sink, names: list[str], begin: Place) -> None:
    with ExitStack() as ahead:
        runs = ahead.enter_context(csv_spans.looked_ahead(file.path, begin))
        with litellm_engine.engine(sink) as (connection, files):
            log = _Log(Records(file, sink, connection, names), files)
            log.meet_at(begin.start)
            left = log.read_plain(runs)
            ahead.close()
            if left:
                log.read_with_care(left)


@dataclass
class _Log:
    """A log that is read.

    Attributes:
        records: reads one by one what DuckDB cannot read.
        files: shows DuckDB slices of it.
        met: whether the first records were looked at, which tell the names of people and
        form, found: how metadata is read.
    """

    records: Records
    files: SliceFileSystem
    met: bool = False
    form: litellm_sql.Form = "cell"
    found: Collection[str] = EVERYWHERE

    def meet_at(self, start: int) -> None:
        """Looks at the first records of a plain file, while the first run is looked at."""
        path = self.records.file.path
        if is_compressed(path) or start == path.stat().st_size:
            return
        first = slices.head_in([Slice(path, start, path.stat().st_size, 0, 0, ())])
        with suppress(duckdb.InvalidInputException):
            self._meet(first)

    def read_plain(self, runs: Iterator[Looked]) -> Looked | None:
        """Reads runs by DuckDB; the first that it cannot read as `csv` does."""
        for run in runs:
            if run.window is None or not self._copied(run.window):
                return run
        return None

    def read_with_care(self, run: Looked) -> None:
        """Reads what begins with a run, each window in the way that it allows."""
        with open_decompressed(self.records.file.path) as stream:
            csv_spans.skip(stream, run.start)
            cursor = Cursor(stream, lines=run.lines)
            while cursor.look():
                self._read_window(cursor)

    def _read_window(self, cursor: Cursor) -> None:
        """Reads what the cursor shows."""
        place = cursor.text, cursor.start, cursor.end, cursor.lines
        window = csv_spans.plain_window(*place)
        if window and self._copied(window):
            cursor.start, cursor.lines = cursor.end, window[-1].lines_before + window[-1].lines
            return
        last = slices.slices_of(*place)[-1]
        self.records.read(cursor, last.lines_before + last.lines)

    def _copied(self, window: slices.Window) -> bool:
        """Reads a window by DuckDB; False where it is damaged, and nothing of it was kept."""
        try:
            if not self.met:
                self._meet(slices.head_in(window))
            place = f"_line as source_line, 0 as _file, '{self.records.file.digest}' as _digest"
            written = self.records.copy(self._rows(window, self.form, place), window)
        except duckdb.InvalidInputException:
            return False
        records = slices.records_of(window)
        self.records.sink.expect(records)
        if written < records:
            self._read_again(window, records)
        return True

    def _meet(self, head: slices.Window) -> None:
        """Looks at the first records: their names, and the form of their metadata."""
        first = self._scan(self.files.show(head)[0])
        looked = (
            f"(select *, {litellm_metadata.from_text('metadata', EVERYWHERE)} as _m from {first})"
        )
        doubtful, found = litellm_engine.remember_names(
            self.records.connection,
            self.records.sink.pseudonym_key,
            looked,
            (f"avg(({litellm_metadata.doubtful()})::int)", litellm_metadata.sightings()),
        )
        self.form = "text" if (doubtful or 0) > litellm_metadata.DOUBTFUL_SHARE else "cell"
        self.found = litellm_metadata.found_by(found)
        self.met = True

    def _read_again(self, window: slices.Window, records: int) -> None:
        """Rejects what was not written, and writes what is good at a second look."""
        origin = Origin(np.array([1], np.int64), [0], [self.records.file.digest])
        saved = litellm_left.read_again(
            self.records.connection,
            window,
            origin,
            litellm_left.left_of(window, origin.lines_of(self.records.sink.copied())),
            lambda again: self._rows(again, "text", litellm_left.PLACE, litellm_left.AGAIN),
            self.records.copy,
            lambda _, line, reason, text: self.records.sink.reject(line, reason, text),
        )
        if saved > litellm_metadata.DOUBTFUL_SHARE * records:
            self.form = "text"

    def _rows(
        self, window: slices.Window, form: litellm_sql.Form, place: str, join: str = ""
    ) -> str:
        source = numbered(self.records.connection, self.files, window, self._scan, "_line")
        names = ", ".join(f'"{name}"' for name in litellm_fields.FIELDS)
        source = f"select {names}, _line, {place} from ({source}) {join}"
        return litellm_sql.request_rows(source, form, self.found)

    def _scan(self, name: str) -> str:
        """The fields of a slice; a cell of white space is no value."""
        places = {name: f"c{place}" for place, name in enumerate(self.records.names)}
        # As one condition with `or` it takes many times as long.
        cells = ", ".join(
            f"case when {cell} >= '!' then {cell} "
            f"when trim({cell}, {_WHITE}) <> '' then {cell} end as \"{name}\""
            if (cell := places.get(name))
            else f'null::varchar as "{name}"'
            for name in litellm_fields.FIELDS
        )
        columns = dict.fromkeys(places.values(), "VARCHAR")
        return (
            f"(select {cells} from read_csv('{name}', auto_detect = false, header = false, "
            f"delim = ',', quote = '\"', escape = '\"', "
            f"strict_mode = true, compression = 'none', columns = {columns!r}, "
            f"max_line_size = {tabular.RECORD_BYTES}, buffer_size = {2 * tabular.RECORD_BYTES}))"
        )
