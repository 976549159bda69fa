"""Names and units of the DCGM fields that `gpu_samples` holds, by column.

Until 2.0 dcgm-exporter named fields `dcgm_power_usage` and the like, in the units that DCGM has. Since then
three generations are exported side by side. DCGM 4.6 gave many fields a second name of the same
value and unit; DCGM 4.7 added further fields in base units (hertz, bytes, joules, ratios), which
dcgm-exporter 4.9 exports by default. `DCGM_FI_DEV_GPU_UTIL_RATIO` is a percentage in 4.6 and a ratio
in 4.7; `DCGM_FI_DEV_GPU_UTIL` beside it decides, else the file's other names or values tell which,
else a 1 is no value.
"""

from __future__ import annotations

from dataclasses import dataclass

PERCENT, MILLI, HERTZ, MEBIBYTE = 100.0, 1000.0, 1e6, 2.0**-20

# Smallest "no value" of each DCGM type; every blank, not-found, not-supported and not-permitted
# value of the type lies at or above it.
BLANK_INT32 = float(0x7FFFFFF0)
BLANK_FP64 = 140_737_488_355_328.0

UTIL_RATIO = "DCGM_FI_DEV_GPU_UTIL_RATIO"


@dataclass(frozen=True)
class Field:
    """One exported field.

    Attributes:
        name: metric name.
        column: column of the contract.
        divisor: exported unit over the contract's unit.
        rank: 0 for the name that wins where a scrape has several.
        blank_from: exported values from here on mean that there is no value.
        is_base_unit: exported by DCGM 4.7 and later only.
    """

    name: str
    column: str
    divisor: float = 1.0
    rank: int = 1
    blank_from: float = BLANK_INT32
    is_base_unit: bool = False


def _pair(column: str, old: str, new: str, divisor: float = 1.0) -> tuple[Field, Field]:
    """A field and its 4.6 name, of one unit."""
    return (
        Field(f"DCGM_FI_{old}", column, divisor),
        Field(f"DCGM_FI_{new}", column, divisor, rank=0),
    )


def _converted(column: str, old: str, new: str, divisor: float) -> tuple[Field, Field]:
    """A field and its 4.7 counterpart in the base unit."""
    # Counters, hertz and bytes pass the INT32 sentinels with real values; the FP64 ones they do not.
    base_divisor = divisor if divisor == HERTZ else 1.0
    old_divisor = 1.0 if divisor == HERTZ else divisor
    return (
        Field(f"DCGM_FI_{old}", column, old_divisor, blank_from=_blank_of(divisor)),
        Field(f"DCGM_FI_{new}", column, base_divisor, 0, BLANK_FP64, is_base_unit=True),
    )


def _blank_of(divisor: float) -> float:
    return BLANK_FP64 if divisor == MILLI else BLANK_INT32


_FIELDS = (
    # The old name wins: its unit never changed.
    Field("DCGM_FI_DEV_GPU_UTIL", "gpu_util_ratio", PERCENT, rank=0),
    Field(UTIL_RATIO, "gpu_util_ratio"),
    *_converted("mem_copy_util_ratio", "DEV_MEM_COPY_UTIL", "DEV_MEMORY_UTIL_RATIO", PERCENT),
    *_pair("gr_engine_active_ratio", "PROF_GR_ENGINE_ACTIVE", "PROF_GR_ENGINE_UTIL_RATIO"),
    *_pair("sm_active_ratio", "PROF_SM_ACTIVE", "PROF_SM_UTIL_RATIO"),
    *_pair("sm_occupancy_ratio", "PROF_SM_OCCUPANCY", "PROF_SM_OCCUPANCY_RATIO"),
    *_pair("tensor_active_ratio", "PROF_PIPE_TENSOR_ACTIVE", "PROF_TENSOR_UTIL_RATIO"),
    *_pair("dram_active_ratio", "PROF_DRAM_ACTIVE", "PROF_DRAM_UTIL_RATIO"),
    *_converted("memory_used_bytes", "DEV_FB_USED", "DEV_FB_USED_BYTES", MEBIBYTE),
    *_converted("memory_free_bytes", "DEV_FB_FREE", "DEV_FB_FREE_BYTES", MEBIBYTE),
    *_converted("memory_reserved_bytes", "DEV_FB_RESERVED", "DEV_FB_RESERVED_BYTES", MEBIBYTE),
    *_pair("power_watts", "DEV_POWER_USAGE", "DEV_BOARD_POWER_WATTS"),
    *_converted(
        "energy_joules_total", "DEV_TOTAL_ENERGY_CONSUMPTION", "DEV_GPU_ENERGY_JOULES_TOTAL", MILLI
    ),
    *_converted("sm_clock_mhz", "DEV_SM_CLOCK", "DEV_SM_CLOCK_HERTZ", HERTZ),
    *_converted("mem_clock_mhz", "DEV_MEM_CLOCK", "DEV_MEMORY_CLOCK_HERTZ", HERTZ),
    *_pair("gpu_temperature_celsius", "DEV_GPU_TEMP", "DEV_GPU_TEMP_CELSIUS"),
    *_pair("memory_temperature_celsius", "DEV_MEMORY_TEMP", "DEV_MEMORY_TEMP_CELSIUS"),
    Field("DCGM_FI_PROF_PCIE_TX_BYTES", "pcie_tx_bytes_per_second", blank_from=BLANK_FP64),
    Field("DCGM_FI_PROF_PCIE_RX_BYTES", "pcie_rx_bytes_per_second", blank_from=BLANK_FP64),
    *_pair("xid_last", "DEV_XID_ERRORS", "DEV_XID_ERROR"),
    *_pair("throttle_reasons", "DEV_CLOCK_THROTTLE_REASONS", "DEV_CLOCKS_EVENT_REASONS"),
)
# Names before 2.0.
_FIRST = (
    Field("dcgm_gpu_utilization", "gpu_util_ratio", PERCENT),
    Field("dcgm_mem_copy_utilization", "mem_copy_util_ratio", PERCENT),
    Field("dcgm_fb_used", "memory_used_bytes", MEBIBYTE),
    Field("dcgm_fb_free", "memory_free_bytes", MEBIBYTE),
    Field("dcgm_power_usage", "power_watts"),
    Field("dcgm_total_energy_consumption", "energy_joules_total", MILLI, blank_from=BLANK_FP64),
    Field("dcgm_sm_clock", "sm_clock_mhz"),
    Field("dcgm_memory_clock", "mem_clock_mhz"),
    Field("dcgm_gpu_temp", "gpu_temperature_celsius"),
    Field("dcgm_memory_temp", "memory_temperature_celsius"),
    Field("dcgm_xid_errors", "xid_last"),
)
FIELDS = {field.name: field for field in (*_FIELDS, *_FIRST)}
