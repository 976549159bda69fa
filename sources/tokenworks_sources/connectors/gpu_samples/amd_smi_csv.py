"""CSV of `amd-smi metric`, `amd-smi monitor` and `rocm-smi` into `gpu_samples`: power, use and memory, and
of the first the energy counters.

What the emitter gets wrong:

- The CSV has no units: amd-smi writes them as text or JSON only. Its source counts energy in joules
  (accumulator times resolution in microjoules, over a million), power in watts, activity in percent,
  memory in MiB (which it calls MB) and temperature in degrees Celsius.
- The two name the same things otherwise: `mem` is the temperature of the memory in `metric` and its use
  in `monitor`. Which of them wrote a file is told by the names that are its own.
- rocm-smi names its units, warns before the header, and calls GPUs `card0`. The second die of a package has
  no power (`N/A (Secondary die)`) and repeats the energy of the package, so that counter is not read.
- Energy counts from the driver's start and begins again with it; of two readings the later may be
  the smaller.
- Without `-w` there is no time in the file: put the time of the reading into its name
  (`gpu-a.20261001T000500Z.csv`), which dates one reading: of a loop the others are rejected. With `-w`
  there is a column `timestamp` of epoch seconds.
- With `-w`, an invitation to stop it stands before the header, and the header before every reading.
- GPUs have an index alone, and are named host:index; the host is the folder, or the file name.
- `N/A` is no value, and a blank line ends the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_columns import value_or_none
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_rows import GpuRows, Sample
from tokenworks_sources.connectors.prometheus.clock import (
    instance_of_path,
    parse_time,
    time_in_name,
)
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

HEADER_AGAIN = "the header, before another reading"
# Lines of banners and warnings before the header.
MOST_BEFORE = 20
_PERCENT, _MEBIBYTE = 100.0, 2.0**-20


@dataclass(frozen=True)
class Dialect:
    """What one command writes.

    Attributes:
        command: for errors.
        gpu: column that names the GPU.
        prefix: of that name, before the index.
        columns: its column to that of the contract, and its unit over the contract's; the first of a
            column that has a value wins.
        own: names that tell it from other tables.
        enough: how many of them do.
    """

    command: str
    gpu: str
    prefix: str
    columns: Mapping[str, tuple[str, float]]
    own: frozenset[str]
    enough: int = 1


METRIC = Dialect(
    command="amd-smi metric --csv",
    gpu="gpu",
    prefix="",
    columns={
        "total_energy_consumption": ("energy_joules_total", 1.0),
        "socket_power": ("power_watts", 1.0),
        "current_socket_power": ("power_watts", 1.0),
        "average_socket_power": ("power_watts", 1.0),
        "gfx_activity": ("gpu_util_ratio", _PERCENT),
        "umc_activity": ("mem_copy_util_ratio", _PERCENT),
        "used_vram": ("memory_used_bytes", _MEBIBYTE),
        "free_vram": ("memory_free_bytes", _MEBIBYTE),
        "hotspot": ("gpu_temperature_celsius", 1.0),
        "mem": ("memory_temperature_celsius", 1.0),
    },
    own=frozenset(("total_energy_consumption", "socket_power", "gfx_activity", "used_vram")),
)
MONITOR = Dialect(
    command="amd-smi monitor --csv",
    gpu="gpu",
    prefix="",
    columns={
        "power_usage": ("power_watts", 1.0),
        "gfx": ("gpu_util_ratio", _PERCENT),
        "mem": ("mem_copy_util_ratio", _PERCENT),
        "vram_used": ("memory_used_bytes", _MEBIBYTE),
        "vram_free": ("memory_free_bytes", _MEBIBYTE),
        "hotspot_temperature": ("gpu_temperature_celsius", 1.0),
        "memory_temperature": ("memory_temperature_celsius", 1.0),
    },
    own=frozenset(
        ("power_usage", "max_power", "hotspot_temperature", "gfx_clk", "vram_used", "vram_total")
    ),
    enough=2,
)
_ROCM = {
    "Current Socket Graphics Package Power (W)": ("power_watts", 1.0),
    "Average Graphics Package Power (W)": ("power_watts", 1.0),
    "GPU use (%)": ("gpu_util_ratio", _PERCENT),
    "GPU Memory Read/Write Activity (%)": ("mem_copy_util_ratio", _PERCENT),
    "VRAM Total Used Memory (B)": ("memory_used_bytes", 1.0),
    "Temperature (Sensor junction) (C)": ("gpu_temperature_celsius", 1.0),
    "Temperature (Sensor edge) (C)": ("gpu_temperature_celsius", 1.0),
    "Temperature (Sensor memory) (C)": ("memory_temperature_celsius", 1.0),
}
ROCM = Dialect(
    command="rocm-smi --csv",
    gpu="device",
    prefix="card",
    columns=_ROCM,
    own=frozenset(_ROCM),
)
DIALECTS = (METRIC, MONITOR, ROCM)
_EPOCH = datetime(1970, 1, 1)


class _FieldError(ValueError):
    """A field that cannot be used; its text is the reject reason."""


class AmdSmiCsv:
    """Connector of CSV of AMD's tools."""

    name = "amd_smi_csv"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "3"
    summary = "amd-smi metric or monitor --csv, rocm-smi --csv: energy, power, activity, memory"

    def recognise(self, preview: Preview) -> str | None:
        """A header of one of the commands."""
        found = _header(preview)
        return f"a header of {found[1].command}" if found else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one line below the header."""
        found = _header(preview_of(file.path))
        if found is None:
            raise LandingFileError(
                file.path,
                "no line is a header of AMD's tools.",
                "Land the CSV of amd-smi metric, amd-smi monitor or rocm-smi.",
            )
        before, dialect = found
        host = instance_of_path(file.name, (AmdSmiCsv.name, AmdSmiCsv.table))
        rows = GpuRows(sink, host, None, {})
        shape = tabular.CsvShape(skip_lines=before)
        for block in tabular.read_csv(file.path, sink, [dialect.gpu], dialect.command, shape):
            for row in block.select(pl.all().exclude("_raw")).iter_rows(named=True):
                number = row.pop("source_line")
                if row[dialect.gpu] == dialect.gpu:
                    sink.skip(HEADER_AGAIN, 1)
                    continue
                try:
                    rows.put(_sample(row, dialect, file), number)
                except _FieldError as error:
                    rows.reject(number, str(error))
        rows.flush()


CONNECTOR = AmdSmiCsv()


def _header(preview: Preview) -> tuple[int, Dialect] | None:
    """Lines before the header, and whose it is."""
    for number, line in enumerate((preview.text or "").splitlines()[:MOST_BEFORE]):
        likely = [dialect for dialect in DIALECTS if dialect.gpu in line]
        names = set(tabular.header_of(line)) if likely else set()
        for dialect in likely:
            if dialect.gpu in names and len(dialect.own & names) >= dialect.enough:
                return number, dialect
    return None


def _sample(row: dict[str, str | None], dialect: Dialect, file: LandingFile) -> Sample:
    index = (row[dialect.gpu] or "").removeprefix(dialect.prefix)
    if not (index.isascii() and index.isdigit() and len(index) < 5):
        raise _FieldError(f"{dialect.gpu}: not an index")
    values: dict[str, str | float | int | None] = {"gpu_index": int(index)}
    for name, (column, divisor) in dialect.columns.items():
        text = value_or_none((row.get(name) or "").strip())
        if text is not None and not text.startswith("N/A") and column not in values:
            values[column] = _number(name, text) / divisor
    stamp = row.get("timestamp")
    return Sample(values, index, _time(stamp, file), is_dated=bool(stamp))


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise _FieldError(f"{name}: not a number") from error
    if not abs(number) < float("inf"):
        raise _FieldError(f"{name}: not a number")
    return number


def _time(stamp: str | None, file: LandingFile) -> datetime:
    micros = parse_time(stamp.strip()[:64]) if stamp else time_in_name(file.name)
    if micros is None and stamp:
        raise _FieldError("timestamp: not an epoch")
    if micros is None:
        raise LandingFileError(
            file.path,
            "neither a timestamp column nor the file name says when the GPUs were read.",
            "Log with -w, or put the time into the file name (20261001T000500Z).",
        )
    return _EPOCH + timedelta(microseconds=micros)
