"""Units that a mapping may name, by the unit of the contract's column.

A factor is a multiplier and a divisor, so that milliseconds become seconds by one exact division.
"""

from __future__ import annotations

_TIME = {"s": (1, 1), "ms": (1, 1_000), "us": (1, 1_000_000), "ns": (1, 1_000_000_000)}

FACTORS: dict[str, dict[str, tuple[int, int]]] = {
    "s": {**_TIME, "min": (60, 1), "h": (3_600, 1)},
    "1": {"ratio": (1, 1), "percent": (1, 100)},
    "By": {
        "B": (1, 1),
        "kB": (1_000, 1),
        "MB": (1_000_000, 1),
        "GB": (1_000_000_000, 1),
        "KiB": (1 << 10, 1),
        "MiB": (1 << 20, 1),
        "GiB": (1 << 30, 1),
    },
    "J": {"J": (1, 1), "mJ": (1, 1_000), "kJ": (1_000, 1), "Wh": (3_600, 1), "kWh": (3_600_000, 1)},
    "W": {"W": (1, 1), "mW": (1, 1_000), "kW": (1_000, 1)},
    "kW": {"kW": (1, 1), "W": (1, 1_000), "MW": (1_000, 1)},
    "kW.h": {"kWh": (1, 1), "Wh": (1, 1_000), "MWh": (1_000, 1)},
    "MHz": {"MHz": (1, 1), "Hz": (1, 1_000_000), "GHz": (1_000, 1)},
    "{token}": {"tokens": (1, 1), "thousand": (1_000, 1), "million": (1_000_000, 1)},
}
FACTORS["By/s"] = {f"{name}/s": factor for name, factor in FACTORS["By"].items()}
FACTORS["g/(kW.h)"] = {"g/kWh": (1, 1), "kg/MWh": (1, 1), "g/MWh": (1, 1_000), "kg/kWh": (1_000, 1)}

MICROSECONDS = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}


def factor_of(contract_unit: str | None, unit: str) -> tuple[int, int] | None:
    """Multiplier and divisor from a mapping's unit, or None where the column has no such unit."""
    return FACTORS.get(contract_unit or "", {}).get(unit)


def units_of(contract_unit: str | None) -> list[str]:
    """What a mapping may write for a column of that unit."""
    return list(FACTORS.get(contract_unit or "", {}))
