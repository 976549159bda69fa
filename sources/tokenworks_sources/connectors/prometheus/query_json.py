"""Answers of Prometheus' HTTP API (`query_range`, `query`) as a dump.

Format: https://prometheus.io/docs/prometheus/latest/querying/api/ (matrix: `values`, vector:
`value`, both [seconds, "text"]; NaN and +Inf are texts; times have whole milliseconds). A file holds one
answer or several, one after the other or in a list; clients also save its `data`, or the list in it, alone,
and some sort the keys. `source_line` is the number of the series in the
file; one record is one sample. Native histograms (`histogram`, `histograms`) have no fixed bounds to
store: rejected, each sample.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.dump import Dump
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.query_elements import AnswerError, Answers
from tokenworks_sources.connectors.prometheus.spool import Spool, spooled
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

NATIVE = "histogram: native histograms are not read, store classic buckets"
BAD_SERIES = "series: not as the HTTP API writes it"
_HINT = "Save the answer of /api/v1/query_range again, whole."

# What the decoder raises; bytes that are no UTF-8 are no DecodeError.
REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_STATUS = re.compile(r'\s*[\[{].{0,200}?"status"\s*:\s*"(?:success|error)"', re.DOTALL)
_RESULT = re.compile(r'"(?:resultType|errorType)"\s*:|"result"\s*:\s*\[\s*\{\s*"metric"')
# Without its status: the keys sorted, the data alone, or the list of series alone.
_PART = re.compile(
    r'\s*+(?:(?:\[?\s*+\{\s*+"data"\s*+:\s*+)?'
    r'\{\s*+(?:"resultType"\s*+:\s*+"\w+"\s*+,\s*+)?"result"\s*+:\s*+)?'
    r'\[\s*+\{\s*+"metric"\s*+:\s*+\{[^{}]{0,8000}\}\s*+,\s*+"values?"\s*+:\s*+\[\s*+[\d\[]',
    re.ASCII,
)

Pair = tuple[float, str]


class _Answered(msgspec.Struct):
    """One series of an answer."""

    metric: dict[str, str]
    values: list[Pair] = []
    value: Pair | None = None
    histograms: list[msgspec.Raw] = []
    histogram: msgspec.Raw | None = None


class _LooselyAnswered(msgspec.Struct):
    """One series whose samples are not all as they should be."""

    metric: dict[str, str]
    values: list[msgspec.Raw] = []
    value: msgspec.Raw | None = None


_SERIES = msgspec.json.Decoder(_Answered)
_LOOSE = msgspec.json.Decoder(_LooselyAnswered)
_PAIR = msgspec.json.Decoder(Pair)


def is_answer(text: str) -> bool:
    """Whether a text begins as an answer, or as the part of one that holds its series."""
    return bool((_STATUS.match(text) and _RESULT.search(text)) or _PART.match(text))


def read_answers(
    file: LandingFile, is_wanted: Callable[[Series], bool], unwanted: str, sink: Sink
) -> AbstractContextManager[Dump]:
    """The series of the answers; see `spooled`.

    Raises:
        LandingFileError: the answer tells an error, ends early or holds no series.
    """
    return spooled(file, is_wanted, unwanted, sink, _fill)


def _fill(spool: Spool, file: LandingFile) -> None:
    with open_decompressed(file.path) as stream:
        answers = Answers(stream)
        try:
            for number, one in enumerate(answers.series(_SERIES.decode, REFUSED), 1):
                if isinstance(one, bytes):
                    _loose(spool, number, one)
                else:
                    _add(spool, number, one)
        except AnswerError as error:
            raise LandingFileError(file.path, f"{error}.", _HINT) from error
    if not answers.results:
        raise LandingFileError(file.path, "the answer tells of a failed query.", _HINT)


def _add(spool: Spool, number: int, one: _Answered) -> None:
    pairs = one.values if one.value is None else [*one.values, one.value]
    native = len(one.histograms) + (one.histogram is not None)
    if native:
        spool.reject(number, NATIVE, one.metric.get("__name__", ""), native)
    _keep(spool, number, one.metric, pairs)


def _loose(spool: Spool, number: int, text: bytes) -> None:
    """The bytes of a series that is not as it should be."""
    try:
        one = _LOOSE.decode(text)
    except REFUSED:
        spool.reject(number, BAD_SERIES, "", 1)
        return
    pairs: list[Pair] = []
    for raw in one.values if one.value is None else [*one.values, one.value]:
        try:
            pairs.append(_PAIR.decode(raw))
        except REFUSED:
            spool.reject(number, "sample: no pair of a time and a text", bytes(raw)[:80], 1)
    _keep(spool, number, one.metric, pairs)


def _keep(spool: Spool, number: int, metric: dict[str, str], pairs: list[Pair]) -> None:
    if pairs:
        times, texts = zip(*pairs, strict=True)
        spool.keep(number, metric, times, texts)
