"""Parallel arrays, one value per request, as vLLM's and SGLang's benchmarks write them with details.

Both write the same arrays: `input_lens`, `output_lens`, `ttfts`, `itls` (one list per request),
`errors` and `generated_texts`, of which the last is never read and the last but one only for whether
there is any. A failed request keeps its place with an empty list, 0 tokens and a `ttft` of 0.0: its
latencies are unknown. A copy without `errors` tells it by that; one without `itls` does not tell when the
last token came. Newer vLLM adds `start_times` on a clock that starts anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import msgspec

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.benchmarks import figures, moments
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows
from tokenworks_sources.errors import LandingFileError

KNOWN_BY = "input_lens"
_NO_ERROR = (b'""', b"null")


class Detail(msgspec.Struct):
    """The arrays of one run; what they hold is checked request by request."""

    input_lens: list[Any] = []
    output_lens: list[Any] = []
    ttfts: list[Any] = []
    itls: list[msgspec.Raw] = []
    errors: list[msgspec.Raw] = []
    start_times: list[Any] = []

    def check(self, path: Path) -> None:
        """Every array is empty or has a value for each request.

        Raises:
            LandingFileError: they do not belong together.
        """
        for name in self.__struct_fields__:
            values = getattr(self, name)
            if isinstance(values, list) and len(values) not in (0, len(self.input_lens)):
                raise LandingFileError(
                    path,
                    f"{name} has {len(values)} values for {len(self.input_lens)} requests.",
                    "Which value belongs to which request is not known; write the file again.",
                )


def write_requests(
    detail: Detail, start: datetime, prefix: str, lines: Iterator[int], rows: Rows, sink: Sink
) -> None:
    """The requests of one run; those without a usable figure become rejects.

    Args:
        detail: arrays that were checked.
        start: when the run began, where its earliest start falls.
        prefix: of the request ids.
        lines: numbers of the records.
        rows: where requests go.
        sink: where rejects go.
    """
    origin = min((time for time in detail.start_times if _is_time(time)), default=0.0)
    for index in range(len(detail.input_lens)):
        line = next(lines)
        try:
            begun = _at(detail.start_times, index)
            offset = begun - origin if _is_time(begun) else 0.0
            row = _request(detail, index, moments.later(start, offset))
        except UsageError as error:
            sink.reject(line, str(error), "")
            continue
        rows.add(line, "", {**row, "request_id": f"{prefix}-{line}"})


def _request(detail: Detail, index: int, started_at: datetime | None) -> Mapping[str, object]:
    failed = _has_failed(detail, index)
    ttft = None if failed else figures.positive(_at(detail.ttfts, index), "ttfts")
    gaps = [] if ttft is None else _gaps(detail, index)
    decode = sum(gaps) if gaps else None
    is_last_known = bool(detail.itls) or _at(detail.output_lens, index) == 1
    whole = ttft + (decode or 0.0) if ttft is not None and is_last_known else None
    return {
        "started_at": started_at,
        "first_token_at": moments.later(started_at, ttft) if started_at else None,
        "ended_at": moments.later(started_at, whole) if started_at else None,
        "ttft_seconds": ttft,
        "icl_seconds": decode / len(gaps) if decode is not None else None,
        "decode_seconds": decode,
        "e2e_seconds": whole,
        "input_total_tokens": figures.whole(detail.input_lens[index], "input_lens"),
        "output_total_tokens": figures.whole(_at(detail.output_lens, index), "output_lens"),
        "is_streaming": True if ttft is not None else None,
        "status": "failure" if failed else "success",
    }


def _has_failed(detail: Detail, index: int) -> bool:
    if detail.errors:
        return bytes(detail.errors[index]) not in _NO_ERROR
    return bool(_at(detail.ttfts, index) == 0 and _at(detail.output_lens, index) == 0)


def _gaps(detail: Detail, index: int) -> list[float]:
    """The gaps between chunks; none where there is no second one."""
    if not detail.itls:
        return []
    try:
        gaps = msgspec.json.decode(detail.itls[index], type=list[float])
    except msgspec.DecodeError:
        raise UsageError("itls: not a list of numbers") from None
    if any(gap < 0 for gap in gaps):
        raise UsageError("itls: below 0")
    return gaps


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index] if values else None


def _is_time(value: object) -> bool:
    """A clock of 0 was never read."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def constants_of(emitter: str, file: LandingFile) -> dict[str, object]:
    """What all requests of a file share; its name says what was measured."""
    return {
        "emitter": emitter,
        "clock": "relative",
        "deployment_key": PurePath(file.name).name.split(".json")[0],
    }
