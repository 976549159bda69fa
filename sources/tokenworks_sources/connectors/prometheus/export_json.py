"""Exports of VictoriaMetrics (`/api/v1/export`) as a dump.

Format: https://docs.victoriametrics.com/#json-line-format (a series a line: `metric`, `values` as
numbers, `timestamps` in milliseconds). A value that JSON cannot write is null (NaN) or a text
(`Infinity`). One series may take several lines. `source_line` is the line; one record is one sample.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.dump import Dump
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.query_elements import LARGEST_SERIES_BYTES
from tokenworks_sources.connectors.prometheus.query_json import REFUSED
from tokenworks_sources.connectors.prometheus.spool import Spool, spooled
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

BAD_LINE = "line: not as /api/v1/export writes it"
# Its values are no pairs, and its times may stand megabytes behind them.
_BEGINS = re.compile(
    r'\s*+\{\s*+"metric"\s*+:\s*+\{[^{}]{0,8000}\}\s*+,\s*+"values"\s*+:\s*+\[\s*+[-\d"nN]',
    re.ASCII,
)


class _Exported(msgspec.Struct):
    metric: dict[str, str]
    values: list[float | str | None]
    timestamps: list[int]


_LINE = msgspec.json.Decoder(_Exported)


def is_export(text: str) -> bool:
    """Whether a text begins as an export does."""
    return bool(_BEGINS.match(text))


def read_export(
    file: LandingFile, is_wanted: Callable[[Series], bool], unwanted: str, sink: Sink
) -> AbstractContextManager[Dump]:
    """The series of the export; see `spooled`.

    Raises:
        LandingFileError: a line is too long to be one series.
    """
    return spooled(file, is_wanted, unwanted, sink, _fill)


def _fill(spool: Spool, file: LandingFile) -> None:
    with open_decompressed(file.path) as stream:
        number = 0
        while line := stream.readline(LARGEST_SERIES_BYTES):
            number += 1
            if len(line) >= LARGEST_SERIES_BYTES:
                raise LandingFileError(
                    file.path,
                    f"a line of over {LARGEST_SERIES_BYTES >> 20} MiB.",
                    "Export again with max_rows_per_line=100000.",
                    number,
                )
            if line.strip():
                _add(spool, number, line)


def _add(spool: Spool, number: int, line: bytes) -> None:
    try:
        one = _LINE.decode(line)
    except REFUSED:
        spool.reject(number, BAD_LINE, "", 1)
        return
    if len(one.values) != len(one.timestamps):
        spool.reject(number, BAD_LINE, "", max(len(one.values), len(one.timestamps)))
        return
    times = [milliseconds / 1000 for milliseconds in one.timestamps]
    spool.keep(number, one.metric, times, [_text(value) for value in one.values])


def _text(value: float | str | None) -> str:
    return "NaN" if value is None else value if isinstance(value, str) else repr(value)
