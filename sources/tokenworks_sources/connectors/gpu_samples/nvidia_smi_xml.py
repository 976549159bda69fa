"""`nvidia-smi -q -x` into `gpu_samples`: one document, or many in a row as `-l` prints them.

What the emitter gets wrong:

- The clock is the host's local time without a zone, as C writes it. The zone is never assumed: put it
  into the file name (`gpu-us-1.UTC.xml`, `gpu-us-1.UTC-0500.xml`), into a comment,
  `<!-- time_zone: America/New_York -->`, or into about.yaml beside the file. Local times that a change of clocks repeats or skips are
  rejected. A document without a timestamp is a reading at the time in the file name.
- Power moved with each schema: `power_readings/power_draw`, then `gpu_power_readings/power_draw` (with
  `module_power_readings` beside it, which is the whole module and not read), then
  `average_power_draw` and `instant_power_draw` in it, of which the average wins as in CSV logs.
- Units stand at the values; `N/A`, `[N/A]`, `Unknown Error` and the like are no values.
- There is no index. GPUs without a UUID, or with a masked one, are named by host and PCI bus; the host
  is the comment `<!-- hostname: gpu-us-1 -->`, the folder, or the file name.
- While MIG is on, utilisation is missing and each instance has memory of its own: a board then gives
  one row per GPU instance, which repeats the board's power. Compute instances of one GPU instance
  share its memory and give one row.
- Reasons of a throttled clock are flags here and a mask elsewhere: they become that mask.

The document type is accepted as the emitter writes it, without declarations of its own; it is never
loaded. Any entity refuses the file. Processes and their names are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import BinaryIO
from xml.parsers import expat

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_clock import (
    ClockError,
    c_time,
    to_utc,
    zone_of,
    zone_said,
)
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_columns import (
    Columns,
    ValueProblemError,
    values_of,
)
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_rows import GpuRows, Sample
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_xml_document import (
    ELEMENTS,
    ROOT,
    Document,
    Gpu,
)
from tokenworks_sources.connectors.prometheus.clock import instance_of_path, time_in_name
from tokenworks_sources.connectors.safe_xml import LONGEST_TAG
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

DAMAGED = "not XML: the document is cut off or damaged"
SHARED = "compute instance that shares the memory of its GPU instance"
_DECLARATION = re.compile(r"\s*(time_zone|hostname)\s*:\s*(\S+)\s*")
_BEGIN = re.compile(rf"<{ROOT}[\s>]")
_EPOCH = datetime(1970, 1, 1)


class NvidiaSmiXml:
    """Connector of nvidia-smi XML."""

    name = "nvidia_smi_xml"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "3"
    summary = "nvidia-smi -q -x, one reading or a log of them"

    def recognise(self, preview: Preview) -> str | None:
        """The root element of nvidia-smi's XML."""
        text = (preview.text or "").lstrip()
        return f"XML with the root {ROOT}" if text[:1] == "<" and _BEGIN.search(text) else None

    def version_of(self, file: LandingFile) -> str:
        """See `registry.Versioned`."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one GPU, or MIG device, of one document."""
        reader = _Reader(file, sink)
        with open_decompressed(file.path) as stream:
            for lines in _documents(file, stream):
                reader.read(lines)
        reader.close()


CONNECTOR = NvidiaSmiXml()


def _documents(file: LandingFile, stream: BinaryIO) -> Iterator[Iterator[bytes]]:
    """The lines of each document; every one must be taken before the next."""
    pending: list[bytes] = []

    def lines() -> Iterator[bytes]:
        is_first = True
        while line := pending.pop() if pending else stream.readline(LONGEST_TAG):
            if not is_first and line.lstrip().startswith(b"<?xml"):
                pending.append(line)
                return
            is_first = is_first and not line.strip()
            yield line

    while line := pending.pop() if pending else stream.readline(LONGEST_TAG):
        pending.append(line)
        if line.strip():
            yield lines()
        else:
            pending.clear()


class _Reader:
    """Rows of all documents of a file."""

    def __init__(self, file: LandingFile, sink: Sink) -> None:
        self._file, self._sink = file, sink
        self._declared: dict[str, str] = {}
        self._beside = about.beside(file.path).zone
        self._rows: GpuRows | None = None
        self._documents = self._gpus = self._damaged = self._shared = 0

    def read(self, lines: Iterator[bytes]) -> None:
        """One document."""
        xml = Document(self._file.path, self.add, self.declare).xml
        try:
            for line in lines:
                xml.feed(line)
            xml.close()
        except LandingFileError as error:
            # A log that was stopped ends within a document; the others are whole.
            if self._documents == 0 or not isinstance(error.__cause__, expat.ExpatError):
                raise
            for _ in lines:
                pass
            self._damaged += 1
            self._sink.reject(self._gpus + 1, DAMAGED, b"")
        self._documents += 1

    def declare(self, comment: str) -> None:
        """What a comment says about all documents."""
        match = _DECLARATION.fullmatch(comment)
        if match is None:
            return
        if match[1] == "time_zone" and zone_of(match[2]) is None:
            hint = "Write an IANA name such as Europe/Berlin, UTC, or an offset such as +02:00."
            raise LandingFileError(self._file.path, "time_zone in a comment is no zone.", hint)
        self._declared[match[1]] = match[2]

    def add(self, gpu: Gpu, stamp: str | None, driver: str | None) -> None:
        """One GPU of a document that was taken at `stamp`."""
        self._gpus += 1
        rows = self._rows = self._rows or self._new_rows()
        names = (*dict.fromkeys(ELEMENTS.values()), "driver_version")
        texts = {ELEMENTS[path]: text for path, text in reversed(gpu.texts.items())}
        texts |= {"driver_version": driver or ""}
        instances = self._instances(gpu.devices)
        for device in instances or [{}]:
            memory = {f"fb_memory_usage/{kind}": "" for kind in ("used", "free", "reserved")}
            own = {ELEMENTS[path]: device.get(path, "") for path in memory} if device else {}
            fields = [(texts | own).get(name, "") for name in names]
            try:
                values = values_of(Columns(names, (None,) * len(names)), fields)
                time = self._time(stamp)
            except (ValueProblemError, ClockError) as error:
                rows.reject(self._gpus, str(error))
                continue
            if gpu.reasons is not None:
                values["throttle_reasons"] = f"0x{gpu.reasons:016X}"
            mig = device.get("gpu_instance_id", "")
            rows.put(Sample(values, gpu.bus, time, mig, stamp is not None), self._gpus)

    def close(self) -> None:
        """Writes what is left."""
        if self._rows is None:
            if self._damaged == 0:
                hint = "Run nvidia-smi -q -x without -d, or with -d POWER,UTILIZATION,MEMORY."
                raise LandingFileError(self._file.path, "no GPU is in it.", hint)
            return
        self._rows.flush()
        self._sink.skip(SHARED, self._shared)
        self._sink.expect(self._rows.records + self._shared + self._damaged)

    def _instances(self, devices: list[dict[str, str]]) -> list[dict[str, str]]:
        distinct = {device.get("gpu_instance_id", ""): device for device in reversed(devices)}
        self._shared += len(devices) - len(distinct)
        return list(reversed(distinct.values()))

    def _new_rows(self) -> GpuRows:
        host = instance_of_path(self._file.name, (NvidiaSmiXml.name, NvidiaSmiXml.table))
        return GpuRows(self._sink, host, self._declared.get("hostname"), {})

    def _time(self, stamp: str | None) -> datetime:
        if stamp is not None:
            return to_utc(c_time(stamp), self._zone())
        micros = time_in_name(self._file.name)
        if micros is None:
            raise LandingFileError(
                self._file.path,
                "neither a timestamp nor the file name says when the GPUs were read.",
                "Put the time into the file name (20261001T000500Z).",
            )
        return _EPOCH + timedelta(microseconds=micros)

    def _zone(self) -> tzinfo:
        zone = zone_said(self._declared.get("time_zone"), self._file.name, self._beside)
        if zone is None:
            raise LandingFileError(
                self._file.path,
                "nvidia-smi writes local time, and nothing says of which zone.",
                "Put UTC or UTC+0200 into the file name, a comment <!-- time_zone: UTC --> (or "
                "Europe/Berlin, or +02:00) below its first line, or `zone: UTC` into about.yaml "
                "beside it.",
            )
        return zone
