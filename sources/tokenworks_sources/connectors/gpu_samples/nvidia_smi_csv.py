"""Logs of `nvidia-smi --query-gpu=... --format=csv[,noheader][,nounits]` into `gpu_samples`.

What the emitter gets wrong:

- The clock is the host's local time without a zone. The zone is never assumed: write a line
  `# time_zone: America/New_York` (or UTC, or +02:00) first, put it into the file name
  (`gpu-us-1.UTC.csv`, `gpu-us-1.UTC-0500.csv`), or write `zone:` into about.yaml beside the log. Local
  times that a change of clocks repeats or skips are rejected. A log without a timestamp column is one reading at the
  time in its file name: of a loop the first is read, and the others are rejected.
- Without `uuid`, `index` or `pci.bus_id` the rows of several GPUs interleave and cannot be told
  apart: such a log is refused, unless a line `# gpu_uuid: GPU-...` or `# gpu_index: 0` says that it
  holds one GPU. GPUs without a UUID, or with a masked one, are named host:index; the host is the
  `hostname` column, a line `# hostname: gpu-us-1`, the folder, or the file name.
- Without a header the columns are unknown: write the command itself as a comment,
  `# nvidia-smi --query-gpu=timestamp,uuid,power.draw --format=csv,noheader`.
- Units stand in the header, at the values, both or nowhere; names differ between drivers; `[N/A]`,
  `[Not Supported]` and `[Requested functionality has been deprecated]` are no values. Utilisation is
  missing while MIG is on: a row is always of the whole board.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_clock import (
    ClockError,
    local_time,
    to_utc,
    zone_of,
    zone_said,
)
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_columns import Columns
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_rows import GpuRows, Row
from tokenworks_sources.connectors.prometheus.clock import instance_of_path, time_in_name
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

LINE_BYTES = 1 << 20
QUERY = re.compile(r"--query-gpu=([\w.,]+)")
_DECLARATION = re.compile(r"#\s*(time_zone|hostname|gpu_uuid|gpu_index)\s*:\s*(\S+)\s*$")
_EPOCH = datetime(1970, 1, 1)

TimeOf = Callable[[str | None], datetime]


class NvidiaSmiCsv:
    """Connector of nvidia-smi CSV logs."""

    name = "nvidia_smi_csv"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "3"
    summary = "nvidia-smi --query-gpu CSV logs"

    def recognise(self, preview: Preview) -> str | None:
        """A header of --query-gpu columns, or the command as a comment above the rows."""
        for line in (preview.text or "").splitlines():
            if line.startswith("#"):
                if QUERY.search(line) and not line.startswith("# $ "):
                    return "the command nvidia-smi --query-gpu as a comment"
            elif line.strip():
                names = Columns.of_header(line).names
                is_log = "timestamp" in names or Columns.of_header(line).is_identified
                return "a header of nvidia-smi --query-gpu" if is_log and is_header(line) else None
        return None

    def version_of(self, file: LandingFile) -> str:
        """See `registry.Versioned`."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one line that is neither comment nor header."""
        declared: dict[str, str] = {}
        columns: Columns | None = None
        rows: GpuRows | None = None
        time_of: TimeOf | None = None
        for number, line in lines_of(file):
            if line.startswith("#"):
                columns, time_of = _comment(file, line, number, declared) or columns, None
            elif is_header(line):
                columns, time_of = Columns.of_header(line), None
            else:
                if columns is None:
                    raise LandingFileError(
                        file.path,
                        "the columns have no names.",
                        "Log without noheader, or write the command as a comment: "
                        "'# nvidia-smi --query-gpu=timestamp,uuid,power.draw --format=csv,noheader'.",
                        number,
                    )
                rows = rows or _rows(file, sink, columns, declared, number)
                time_of = time_of or _time_of(file, columns, declared)
                is_dated = "timestamp" in columns.names
                rows.add(line, number, columns, time_of, is_dated=is_dated)
        if rows is None:
            return
        rows.flush()
        sink.expect(rows.records)


CONNECTOR = NvidiaSmiCsv()


def is_header(line: str) -> bool:
    """A line of column names that the lake knows."""
    columns = Columns.of_header(line)
    return len(columns.names) > 1 and "" not in columns.names and columns.is_of_gpus


def lines_of(file: LandingFile) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank.

    Raises:
        LandingFileError: the file is binary or damaged.
    """
    with open_decompressed(file.path) as stream:
        number = 0
        while raw := stream.readline(LINE_BYTES):
            number += 1
            if b"\0" in raw or len(raw) >= LINE_BYTES:
                raise LandingFileError(
                    file.path, "the file is binary.", "Ship the CSV of nvidia-smi.", number
                )
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
            if line:
                yield number, line


def _comment(file: LandingFile, line: str, number: int, declared: dict[str, str]) -> Columns | None:
    query = QUERY.search(line)
    if query:
        return Columns.of_query(query[1])
    match = _DECLARATION.match(line)
    if match:
        if match[1] == "time_zone" and zone_of(match[2]) is None:
            hint = "Write an IANA name such as Europe/Berlin, UTC, or an offset such as +02:00."
            raise LandingFileError(file.path, "time_zone: no time zone.", hint, number)
        declared[match[1]] = match[2]
    return None


def _rows(
    file: LandingFile, sink: Sink, columns: Columns, declared: dict[str, str], number: int
) -> GpuRows:
    only: Row = {}
    if "gpu_uuid" in declared:
        only["gpu_uuid"] = declared["gpu_uuid"]
    if declared.get("gpu_index", "").isdigit():
        only["gpu_index"] = int(declared["gpu_index"])
    if not only and not columns.is_identified:
        raise LandingFileError(
            file.path,
            "no column tells which GPU a row is of.",
            "Log uuid or index as well; if all rows are of one GPU, write a line "
            "'# gpu_uuid: GPU-...' or '# gpu_index: 0' first.",
            number,
        )
    host = instance_of_path(file.name, (NvidiaSmiCsv.name, NvidiaSmiCsv.table))
    return GpuRows(sink, host, declared.get("hostname"), only)


def _time_of(file: LandingFile, columns: Columns, declared: dict[str, str]) -> TimeOf:
    if "timestamp" not in columns.names:
        micros = time_in_name(file.name)
        if micros is None:
            raise LandingFileError(
                file.path,
                "neither a timestamp column nor the file name says when the GPUs were read.",
                "Log timestamp as well, or put the time into the file name (20261001T000500Z).",
            )
        taken = _EPOCH + timedelta(microseconds=micros)
        return lambda _: taken
    zone = zone_said(declared.get("time_zone"), file.name, about.beside(file.path).zone)
    if zone is None:
        raise LandingFileError(
            file.path,
            "nvidia-smi writes local time, and nothing says of which zone.",
            "Write a line '# time_zone: UTC' (or Europe/Berlin, or +02:00) first, put UTC or "
            "UTC+0200 into the file name, or write `zone: UTC` into about.yaml beside it.",
        )
    return in_zone(zone)


def in_zone(zone: tzinfo) -> TimeOf:
    """Turns the timestamps of a host in that zone into UTC."""

    def time_of(text: str | None) -> datetime:
        if text is None:
            raise ClockError("timestamp: missing")
        return to_utc(local_time(text), zone)

    return time_of
