"""Rows of `nvidia-smi --query-gpu` CSV on their way to the sink, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_clock import ClockError
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_columns import (
    Columns,
    ValueProblemError,
    Values,
    place_of,
    values_of,
)
from tokenworks_sources.contracts.gpu_samples import CONTRACT
from tokenworks_sources.contracts.render import polars_schema

BATCH_ROWS = 50_000
_SCHEMA = {
    name: kind
    for name, kind in polars_schema(CONTRACT).items()
    if name not in ("source_file", "source_digest")
} | {"_raw": pl.String()}
UNDATED = "a second reading of the GPU, and nothing says when it was taken; log the timestamp"
NO_GPU = "nothing in the row tells which GPU it is of"

Row = dict[str, object]


@dataclass(frozen=True)
class Sample:
    """What was read of one GPU or MIG instance.

    Attributes:
        values: columns of the contract.
        place: what tells the GPUs of one host apart where they have no UUID.
        time: UTC.
        mig_instance_id: empty for a whole GPU.
        is_dated: the time is the reading's own; else that of the file, which holds one of each GPU.
    """

    values: Values
    place: str | None
    time: datetime
    mig_instance_id: str = ""
    is_dated: bool = True


class GpuRows:
    """Collects rows and writes them in batches.

    Args:
        sink: takes the rows.
        host: names GPUs that have no UUID, together with their index.
        hostname: host of the rows that have no host column of their own.
        only: identity of the one GPU that a file declares for all its rows.

    Attributes:
        records: data rows seen, rejected ones included.
    """

    def __init__(self, sink: Sink, host: str | None, hostname: str | None, only: Row) -> None:
        self.records = 0
        self._sink, self._host, self._hostname, self._only = sink, host, hostname, only
        self._rows: list[Row] = []
        self._undated: set[tuple[object, str]] = set()

    def add(
        self,
        line: str,
        number: int,
        columns: Columns,
        time_of: Callable[[str | None], datetime],
        *,
        is_dated: bool = True,
    ) -> None:
        """One data row. `time_of` gives the UTC time of the timestamp column's text."""
        self.records += 1
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != len(columns.names):
            reason = f"{len(fields)} fields where the header has {len(columns.names)}"
            self._sink.reject(number, reason, line)
            return
        try:
            values = values_of(columns, fields)
            place = place_of(columns, fields)
            stamp = dict(zip(columns.names, fields, strict=True)).get("timestamp")
            time = time_of(stamp)
        except (ValueProblemError, ClockError) as error:
            self._sink.reject(number, str(error), line)
            return
        self._put(Sample(values, place, time, is_dated=is_dated), number, line)

    def put(self, sample: Sample, number: int, raw: str = "") -> None:
        """One sample whose values were read already."""
        self.records += 1
        self._put(sample, number, raw)

    def reject(self, number: int, reason: str) -> None:
        """One sample that cannot be used."""
        self.records += 1
        self._sink.reject(number, reason, b"")

    def _put(self, sample: Sample, number: int, raw: str) -> None:
        row = self._identified(sample.values, sample.place)
        if row is None:
            self._sink.reject(number, NO_GPU, raw)
            return
        if not sample.is_dated:
            gpu = (row["gpu_uuid"], sample.mig_instance_id)
            if gpu in self._undated:
                self._sink.reject(number, UNDATED, raw)
                return
            self._undated.add(gpu)
        self._rows.append(
            {
                **row,
                "sampled_at": sample.time,
                "mig_instance_id": sample.mig_instance_id,
                "source_line": number,
                "_raw": raw,
            }
        )
        if len(self._rows) >= BATCH_ROWS:
            self.flush()

    def _identified(self, values: Values, place: str | None) -> Row | None:
        row: Row = {"hostname": self._hostname, **values, **self._only}
        if row.get("gpu_uuid") is None:
            if "gpu_index" in self._only:
                place = str(self._only["gpu_index"])
            host = row.get("hostname") or self._host
            if place is None or host is None:
                return None
            row["gpu_uuid"] = f"{host}:{place}"
        return row

    def flush(self) -> None:
        """Writes what has been collected."""
        if self._rows:
            columns = {name: [row.get(name) for row in self._rows] for name in _SCHEMA}
            self._sink.write("gpu_samples", pl.DataFrame(columns, schema=_SCHEMA))
            self._rows.clear()
