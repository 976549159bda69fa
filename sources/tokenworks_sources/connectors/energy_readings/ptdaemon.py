"""SPEC PTDaemon power logs of MLPerf (`spl.txt`) into `energy_readings`.

What the emitter gets wrong:

- No header: keys and values alternate, `Time,…,Watts,…`, then the same for each channel behind
  `Ch1`, `Ch2`, …. The first `Watts` is the total; adding the channels would count it twice.
- Time in US order without a zone. `timezone` of the session file beside it names the server's zone,
  and PTDaemon does not always use it; so the zone is proven by the session's phases (`mlperf.py`) or
  named as `zone` in an `about.yaml` beside the log. Else the log is refused.
- Where the meter does not answer, `Watts` is -1: rejected, for it is no power. PTDaemon's messages
  about it stand between the samples: skipped.
- A blank line at the end.

The meter is the folder of the log (`run_1`, `ranging` and `power` excepted). `interval_start` is the
time as logged, so that a LoadGen window cuts the same samples as the published results. Files that
travel with a log (session, LoadGen and PTDaemon logs) are skipped with their reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path, PurePath
from statistics import median

import polars as pl

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.energy_readings.mlperf import (
    TIME_FORMAT,
    offset_of,
    session_of,
)
from tokenworks_sources.connectors.local_clock import Clock, clock_of, zone_of
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed, preview_of

BATCH_ROWS = 100_000
NO_READING = -1.0
# Samples that tell how often the analyser writes.
CADENCE_SAMPLES = 1_000

_SAMPLE = re.compile(r"^Time,\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d+,Watts,")
_MESSAGE = re.compile(r"Time,[^,]+,(?:ERROR|WARNING|NOTICE)\b")
_RUN_FOLDER = re.compile(r"^(run_\d+|ranging|testing|power)$")


class PtDaemon:
    """Connector of PTDaemon power logs and the files that travel with them."""

    name = "ptdaemon"
    table = "energy_readings"
    tables = ("energy_readings",)
    version = "2"
    summary = "SPEC PTDaemon power log of MLPerf (spl.txt), with its server.json beside it"

    def recognise(self, preview: Preview) -> str | None:
        """Samples that begin `Time,MM-DD-YYYY …,Watts,`, or a file that travels with them."""
        if _SAMPLE.match(preview.first_line):
            return "lines of Time, Watts and channels"
        return _companion(preview)

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of what names or proves the zone: a corrected one re-ingests."""
        if not _SAMPLE.match(preview_of(file.path).first_line):
            return self.version
        return about.version_with(self.version, file.path, _session_file(file.path))

    def companions_of(self, path: Path) -> list[Path]:
        """The session that proves the zone of a log, from beside it or from the run's folder."""
        session = _session_file(path)
        is_log = _SAMPLE.match(preview_of(path).first_line)
        return [session] if session and is_log else []

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one line that is not blank."""
        preview = preview_of(file.path)
        companion = _companion(preview)
        if companion and not _SAMPLE.match(preview.first_line):
            sink.expect(1)
            sink.skip(companion, 1)
            return
        samples = _samples(file.path)
        times = (time for _, time, watts, _ in samples if time and watts is not None)
        head = list(islice(times, CADENCE_SAMPLES))
        if not head:
            raise LandingFileError(
                file.path,
                "not a PTDaemon power log: no line begins Time,MM-DD-YYYY hh:mm:ss.fff,Watts.",
                "Land the spl.txt of an MLPerf power run.",
            )
        _land(file, sink, _clock(file.path, head[0]), _cadence(file.path, head))


def _companion(preview: Preview) -> str | None:
    text, first = preview.text or "", preview.first_line
    if text.startswith("{") and '"ptd_client_server.' in text and '"timezone"' in text:
        return "session of MLPerf power: the clock of the logs beside it"
    if first.startswith(':::MLLOG {"key": "loadgen'):
        return "LoadGen events: the window of the power log beside it"
    if "MLPerf Results Summary" in text[:400]:
        return "LoadGen summary: throughput, no energy"
    if first.startswith("Selected power meter"):
        return "messages of PTDaemon, no samples"
    return None


Sample = tuple[int, datetime | None, float | None, str]


def _samples(path: Path) -> Iterator[Sample]:
    """Line number, local time, total watts and text of each line; None where unreadable."""
    with open_decompressed(path) as stream:
        for number, line in enumerate(stream, 1):
            text = line.decode("utf-8", "replace").strip()
            if text:
                parts = text.split(",")
                yield number, _time(parts), _watts(parts), text


def _time(parts: list[str]) -> datetime | None:
    if len(parts) < 2 or parts[0] != "Time":
        return None
    try:
        return datetime.strptime(parts[1], TIME_FORMAT)
    except ValueError:
        return None


def _watts(parts: list[str]) -> float | None:
    """The total, which stands before the first channel."""
    if len(parts) < 4 or parts[2] != "Watts":
        return None
    try:
        watts = float(parts[3])
    except ValueError:
        return None
    return watts if math.isfinite(watts) else None


def _cadence(path: Path, times: list[datetime]) -> int:
    """Whole seconds between samples; 1 where there is a single sample, as MLPerf prescribes."""
    # Clocks that go back in autumn leave a negative gap.
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    gap = median([gap for gap in gaps if gap >= 0] or [1.0])
    seconds = round(gap)
    if seconds < 1 or abs(gap - seconds) > 0.05:
        raise LandingFileError(
            path,
            f"samples are {gap:.3f} s apart.",
            "Set PTDaemon to whole seconds; MLPerf prescribes one sample per second.",
        )
    return seconds


def _clock(path: Path, first: datetime) -> Clock:
    """Local time to naive UTC, by the zone that is said beside the log, or by its session."""
    said = about.beside(path)
    if said.zone is not None:
        return clock_of(zone_of(said.zone))
    session, also = _session_file(path), "or lay the run's server.json there"
    if session is None:
        why = "the times have no zone, and no session file lies beside the log"
        raise about.missing(path, why, "zone: UTC", f"the zone of the log, {also}")
    last = max(time for _, time, _, _ in _samples(path) if time)
    offset = offset_of(session_of(session), first, last)
    if offset is None:
        why = f"neither UTC nor the zone of {session.name} puts the samples into one of its phases"
        raise about.missing(path, why, "zone: UTC", "the zone of the log")
    return lambda local: local + offset


def _session_file(path: Path) -> Path | None:
    """The first session file there is; it decides the zone of a log where nobody says it."""
    return next((candidate for candidate in _session_files(path) if candidate.exists()), None)


def _session_files(path: Path) -> Iterator[Path]:
    for side in ("server", "client"):
        for suffix in (".json", ".json.gz"):
            yield path.parent / f"power__{side}{suffix}"
            yield path.parent / f"{side}{suffix}"
            yield path.parent.parent / "power" / f"{side}{suffix}"


Row = tuple[int, datetime, float, float]


def _land(file: LandingFile, sink: Sink, clock: Clock, seconds: int) -> None:
    rows: list[Row] = []
    records = 0
    for number, time, watts, text in _samples(file.path):
        records += 1
        if time is None:
            sink.reject(number, "time: not MM-DD-YYYY hh:mm:ss.fff behind Time", text)
        elif _MESSAGE.match(text):
            sink.skip("message of PTDaemon, no sample", 1)
        elif watts is None:
            sink.reject(number, "watts: no finite total behind the time", text)
        elif watts == NO_READING:
            sink.reject(number, "watts: -1, which stands for no valid reading", text)
        else:
            rows.append((number, clock(time), watts * seconds / 3.6e6, watts / 1000))
        if len(rows) >= BATCH_ROWS:
            sink.write("energy_readings", _frame(file, rows, seconds))
            rows.clear()
    if rows:
        sink.write("energy_readings", _frame(file, rows, seconds))
    sink.expect(records)


def _frame(file: LandingFile, rows: list[Row], seconds: int) -> pl.DataFrame:
    columns = ["source_line", "interval_start", "energy_kwh", "average_power_kw"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        pl.lit(seconds, pl.Int64).alias("interval_seconds"),
        pl.lit(_meter(file.name)).alias("meter_id"),
        pl.lit("import").alias("flow_direction"),
        pl.lit("raw").alias("quality"),
    )


def _meter(name: str) -> str:
    """The nearest folder below the landing folder that is not one of a run."""
    folders = PurePath(name).parts[:-1]
    below = folders[2:] if folders[:1] == ("energy_readings",) else folders
    return next((part for part in reversed(below) if not _RUN_FOLDER.match(part)), "ptdaemon")


CONNECTOR = PtDaemon()
