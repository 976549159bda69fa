"""What the columns of `nvidia-smi --query-gpu` mean, and how their values are written.

Belongs here: names, units and texts that are no value. Does not belong here: files and clocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([A-Za-z%]*)")
_HEADER = re.compile(r"([\w.]+)\s*(?:\[(.+)\])?")
# An all-zero UUID is one that was masked before the file was shared.
_MASKED = re.compile(r"(?:GPU-)?0{8}-0{4}-0{4}-0{4}-0{12}")

# Factors to the contract's unit, by the unit as written.
_UNITS = {
    "ratio": {"%": 0.01},
    "bytes": {"MiB": 2.0**20, "KiB": 2.0**10, "GiB": 2.0**30, "B": 1.0},
    "watts": {"W": 1.0, "mW": 0.001},
    "mhz": {"MHz": 1.0},
    "celsius": {"C": 1.0, "": 1.0},
}
_DEFAULT_UNIT = {"ratio": "%", "bytes": "MiB", "watts": "W", "mhz": "MHz", "celsius": "C"}

# Exported name to column of the contract; the first of several names that has a value wins.
TEXTS = {
    "uuid": "gpu_uuid",
    "gpu_uuid": "gpu_uuid",
    "name": "gpu_model",
    "gpu_name": "gpu_model",
    "driver_version": "driver_version",
    "hostname": "hostname",
    "clocks_event_reasons.active": "throttle_reasons",
    "clocks_throttle_reasons.active": "throttle_reasons",
}
NUMBERS = {
    "utilization.gpu": ("gpu_util_ratio", "ratio"),
    "utilization.memory": ("mem_copy_util_ratio", "ratio"),
    "memory.used": ("memory_used_bytes", "bytes"),
    "memory.free": ("memory_free_bytes", "bytes"),
    "memory.reserved": ("memory_reserved_bytes", "bytes"),
    "power.draw": ("power_watts", "watts"),
    "power.draw.average": ("power_watts", "watts"),
    "power.draw.instant": ("power_watts", "watts"),
    "clocks.current.sm": ("sm_clock_mhz", "mhz"),
    "clocks.sm": ("sm_clock_mhz", "mhz"),
    "clocks.current.memory": ("mem_clock_mhz", "mhz"),
    "clocks.mem": ("mem_clock_mhz", "mhz"),
    "temperature.gpu": ("gpu_temperature_celsius", "celsius"),
    "temperature.memory": ("memory_temperature_celsius", "celsius"),
}
Values = dict[str, str | float | int | None]
IDENTITIES = ("uuid", "gpu_uuid", "index", "pci.bus_id", "gpu_bus_id")


class ValueProblemError(ValueError):
    """A value that is neither of its column's kind nor a text for "no value"."""


@dataclass(frozen=True)
class Columns:
    """The columns of one CSV section.

    Attributes:
        names: without their units, as printed or as asked for.
        units: as printed in the header, None where there is none.
    """

    names: tuple[str, ...]
    units: tuple[str | None, ...]

    @classmethod
    def of_header(cls, line: str) -> Columns:
        """Columns of a header line such as `timestamp, power.draw [W]`."""
        matches = [_HEADER.fullmatch(part.strip()) for part in line.split(",")]
        names = tuple(match[1] if match else "" for match in matches)
        return cls(names, tuple(match[2] if match else None for match in matches))

    @classmethod
    def of_query(cls, query: str) -> Columns:
        """Columns of the list behind `--query-gpu=`, for files without a header."""
        names = tuple(query.split(","))
        return cls(names, (None,) * len(names))

    @property
    def is_identified(self) -> bool:
        """Some column tells one GPU from another."""
        return any(name in IDENTITIES for name in self.names)

    @property
    def is_of_gpus(self) -> bool:
        """Some column is one that the lake holds."""
        return any(name in NUMBERS for name in self.names)


def value_or_none(text: str) -> str | None:
    """The text, or None where it says that there is no value.

    nvidia-smi writes every such text in brackets (`[N/A]`, `[Not Supported]`, `[Unknown Error]`,
    `[Requested functionality has been deprecated]`), some drivers without.
    """
    is_none = not text or text.startswith("[") or text in ("N/A", "Not Supported", "ERR!")
    return None if is_none else text


def measured(name: str, text: str, unit: str | None) -> float:
    """A number in the contract's unit: by the unit at the value, else the header's, else the usual.

    Raises:
        ValueProblemError: no number, or a unit that this column does not have.
    """
    quantity = NUMBERS[name][1]
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueProblemError(f"{name}: not a number")
    given = match[2] or unit or _DEFAULT_UNIT[quantity]
    factor = _UNITS[quantity].get(given)
    if factor is None:
        raise ValueProblemError(f"{name}: unknown unit")
    number = float(match[1])
    return number / 100 if quantity == "ratio" else number * factor


def values_of(columns: Columns, fields: Sequence[str]) -> Values:
    """The contract's columns of one CSV row, without its time.

    Raises:
        ValueProblemError: see `measured`.
    """
    given = {
        name: (text, unit)
        for name, unit, field in zip(columns.names, columns.units, fields, strict=True)
        if (text := value_or_none(field)) is not None
    }
    row: Values = {}
    for name, (column, _) in NUMBERS.items():
        if name in given and column not in row:
            row[column] = measured(name, *given[name])
    for name, column in TEXTS.items():
        if name in given and column not in row and not _MASKED.fullmatch(given[name][0]):
            row[column] = given[name][0]
    if "index" in given:
        row["gpu_index"] = _index(given["index"][0])
    return row


def place_of(columns: Columns, fields: Sequence[str]) -> str | None:
    """What tells the GPUs of one host apart where they have no UUID: index, else PCI bus."""
    given = dict(zip(columns.names, fields, strict=True))
    places = (value_or_none(given.get(name, "")) for name in ("index", "pci.bus_id", "gpu_bus_id"))
    return next((place for place in places if place is not None), None)


def _index(text: str) -> int:
    if not text.isdigit():
        raise ValueProblemError("index: not a whole number")
    return int(text)
