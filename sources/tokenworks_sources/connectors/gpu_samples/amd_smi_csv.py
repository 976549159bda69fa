"""`amd-smi metric --csv` and `amd-smi monitor --csv` into `gpu_samples`: power, use and memory, and of
the first the energy counters.

What the emitter gets wrong:

- The CSV has no units: amd-smi writes them as text or JSON only. Its source counts energy in joules
  (accumulator times resolution in microjoules, over a million), power in watts, activity in percent,
  memory in MiB (which it calls MB) and temperature in degrees Celsius.
- The two name the same things otherwise: `mem` is the temperature of the memory in `metric` and its use
  in `monitor`. Which of them wrote a file is told by the names that are its own.
- Energy counts from the driver's start and begins again with it; of two readings the later may be
  the smaller.
- Without `-w` there is no time in the file: put the time of the reading into its name
  (`gpu-a.20261001T000500Z.csv`). With `-w` there is a column `timestamp` of epoch seconds.
- With `-w`, an invitation to stop it stands before the header, and the header before every reading.
- GPUs have an index alone, and are named host:index; the host is the folder, or the file name.
- `N/A` is no value, and a blank line ends the file.
"""

from __future__ import annotations

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

KNOWN_BY = "gpu"
BANNER = "'CTRL' + 'C' to stop"
HEADER_AGAIN = "the header, before another reading"
WHAT = "amd-smi metric or monitor --csv"
_PERCENT, _MEBIBYTE = 100.0, 2.0**-20
# Column of amd-smi to column of the contract, and its unit over the contract's; the first of a column that has a value wins.
METRIC = {
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
}
MONITOR = {
    "power_usage": ("power_watts", 1.0),
    "gfx": ("gpu_util_ratio", _PERCENT),
    "mem": ("mem_copy_util_ratio", _PERCENT),
    "vram_used": ("memory_used_bytes", _MEBIBYTE),
    "vram_free": ("memory_free_bytes", _MEBIBYTE),
    "hotspot_temperature": ("gpu_temperature_celsius", 1.0),
    "memory_temperature": ("memory_temperature_celsius", 1.0),
}
# Other tables have a column `gpu` too; these are amd-smi's own. Of monitor's no single one is.
OWN = frozenset(("total_energy_consumption", "socket_power", "gfx_activity", "used_vram"))
OWN_OF_MONITOR = frozenset(
    ("power_usage", "max_power", "hotspot_temperature", "gfx_clk", "vram_used", "vram_total")
)
_EPOCH = datetime(1970, 1, 1)


class _FieldError(ValueError):
    """A field that cannot be used; its text is the reject reason."""


class AmdSmiCsv:
    """Connector of amd-smi CSV."""

    name = "amd_smi_csv"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "3"
    summary = "amd-smi metric or monitor --csv: energy counters, power, activity, memory"

    def recognise(self, preview: Preview) -> str | None:
        """A header of amd-smi's metrics, or of its monitor."""
        lines = (preview.text or "").splitlines()[_lines_before(preview) :]
        names = tabular.header_of(next((line for line in lines if line.strip()), ""))
        own = [name for name in names if name in OWN or name in OWN_OF_MONITOR]
        is_own = not OWN.isdisjoint(names) or len(own) > 1
        return f"a header of amd-smi: gpu, {own[0]}" if is_own and KNOWN_BY in names else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one line below the header."""
        host = instance_of_path(file.name, (AmdSmiCsv.name, AmdSmiCsv.table))
        rows = GpuRows(sink, host, None, {})
        shape = tabular.CsvShape(skip_lines=_lines_before(preview_of(file.path)))
        for block in tabular.read_csv(file.path, sink, [KNOWN_BY], WHAT, shape):
            columns = MONITOR if OWN.isdisjoint(block.columns) else METRIC
            for row in block.select(pl.all().exclude("_raw")).iter_rows(named=True):
                number = row.pop("source_line")
                if row[KNOWN_BY] == KNOWN_BY:
                    sink.skip(HEADER_AGAIN, 1)
                    continue
                try:
                    rows.put(_sample(row, columns, file), number)
                except _FieldError as error:
                    rows.reject(number, str(error))
        rows.flush()


CONNECTOR = AmdSmiCsv()


def _lines_before(preview: Preview) -> int:
    """Lines before the header: the invitation to stop, where amd-smi was told to watch."""
    return 1 if (preview.text or "").startswith(BANNER) else 0


def _sample(
    row: dict[str, str | None], columns: dict[str, tuple[str, float]], file: LandingFile
) -> Sample:
    index = row[KNOWN_BY] or ""
    if not (index.isascii() and index.isdigit() and len(index) < 5):
        raise _FieldError("gpu: not an index")
    values: dict[str, str | float | int | None] = {"gpu_index": int(index)}
    for name, (column, divisor) in columns.items():
        text = value_or_none((row.get(name) or "").strip())
        if text is not None and column not in values:
            values[column] = _number(name, text) / divisor
    return Sample(values, index, _time(row.get("timestamp"), file))


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
