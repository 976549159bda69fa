"""Captures of many nvidia-smi commands in one text file into `gpu_samples`.

A capture has a header (`collected_at: 2026-06-24T08:26:34Z`) and sections, each a `# $ command` line
between rules and then that command's output. The `--query-gpu` sections (idle and under load) become
rows; the lines of all other sections are skipped and counted.

What the emitter gets wrong: the rows are in the host's local time while `collected_at` is UTC, so the
offset of the first row to it, a whole number of quarter hours, is the host's zone; UUIDs and serial
numbers are masked with zeros, and GPUs are then named by the file and their index; the columns, their
names and their units differ between drivers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_clock import (
    ClockError,
    local_time,
    zone_by_anchor,
)
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_columns import Columns
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_csv import (
    QUERY,
    TimeOf,
    in_zone,
    lines_of,
)
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_rows import GpuRows
from tokenworks_sources.connectors.prometheus.clock import instance_of_path, parse_time
from tokenworks_sources.errors import LandingFileError

OTHER_SECTIONS = "line of another section of the capture"
_COLLECTED = re.compile(r"(?m)^collected_at:\s*(\S+)\s*$")
_COMMAND = "# $ "


class NvidiaSmiCapture:
    """Connector of nvidia-smi captures."""

    name = "nvidia_smi_capture"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "1"
    summary = "captures of nvidia-smi commands: their --query-gpu sections"

    def recognise(self, preview: Preview) -> str | None:
        """A collection time and nvidia-smi commands as section titles."""
        text = preview.text or ""
        if _COLLECTED.search(text) and f"\n{_COMMAND}nvidia-smi" in text:
            return "a collection time and sections of nvidia-smi commands"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one line that is no comment."""
        # Many captures lie in one folder, so only the file's own name can stand for the host.
        host = instance_of_path(file.name.rpartition("/")[2], ())
        rows = GpuRows(sink, host, None, {})
        clock = _Clock(file)
        columns: Columns | None = None
        is_headed, others = False, 0
        for number, line in lines_of(file):
            if line.startswith("#"):
                if line.startswith(_COMMAND):
                    query = QUERY.search(line)
                    columns = Columns.of_query(query[1]) if query else None
                    is_headed = "noheader" in line
                continue
            clock.look(line, number)
            if columns is None:
                others += 1
            elif not is_headed:
                columns, is_headed = Columns.of_header(line), True
                others += 1
            else:
                rows.add(line, number, columns, clock.time_of(columns, line, number))
        rows.flush()
        if others:
            sink.skip(OTHER_SECTIONS, others)
        sink.expect(rows.records + others)


CONNECTOR = NvidiaSmiCapture()


class _Clock:
    """The host's zone, from the collection time and the first reading after it."""

    def __init__(self, file: LandingFile) -> None:
        self._file = file
        self._collected: datetime | None = None
        self._time_of: TimeOf | None = None

    def look(self, line: str, number: int) -> None:
        """Takes the collection time from the header."""
        match = _COLLECTED.match(line)
        if match is None or self._collected is not None:
            return
        micros = parse_time(match[1])
        if micros is None:
            hint = "Write an ISO time with its zone, for example 2026-06-24T08:26:34Z."
            raise LandingFileError(self._file.path, "collected_at is no time.", hint, number)
        self._collected = datetime.fromtimestamp(micros / 1_000_000, UTC)

    def time_of(self, columns: Columns, line: str, number: int) -> TimeOf:
        """How to turn this capture's timestamps into UTC."""
        if self._time_of is None:
            self._time_of = self._anchored(columns, line, number)
        return self._time_of

    def _anchored(self, columns: Columns, line: str, number: int) -> TimeOf:
        if self._collected is None:
            hint = "Put a line 'collected_at: 2026-06-24T08:26:34Z' into the header."
            raise LandingFileError(self._file.path, "the capture has no time.", hint, number)
        fields = dict(zip(columns.names, (part.strip() for part in line.split(",")), strict=False))
        try:
            return in_zone(zone_by_anchor(local_time(fields.get("timestamp", "")), self._collected))
        except ClockError as error:
            hint = "Correct collected_at, or ship the section as a log with '# time_zone:'."
            raise LandingFileError(self._file.path, f"{error}.", hint, number) from error
