"""dcgm-exporter scrapes: one file per server and day, one scrape every quarter of an hour.

Belongs here: GPU series from what the engines did. The energy counter is exact (millijoules since
the driver was loaded); power is the mean since the last scrape, and so are the ratios, because a
sample of an instant would say nothing about a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenworks_sample.clock import day_name, iso
from tokenworks_sample.landing import write_gzip
from tokenworks_sample.records import Scrape
from tokenworks_sample.serving import Engine
from tokenworks_sample.world import GpuKind, Server

DRIVER = "570.133.20"


@dataclass(frozen=True)
class GpuState:
    """A GPU at a scrape; joules since the start of the sample, the rest since the last scrape."""

    joules: float
    watts: float
    busy: float
    prefill: float
    is_loaded: bool


def spare_state(kind: GpuKind, at: float) -> GpuState:
    """A GPU that no replica holds."""
    watts = kind.unallocated_watts
    return GpuState(watts * at, watts, 0.0, 0.0, False)


def engine_state(now: Scrape, before: Scrape | None) -> GpuState:
    """A GPU of a replica, from two scrapes of its engine."""
    if before is None:
        return GpuState(now.joules, 0.0, 0.0, 0.0, now.up)
    seconds = now.at - before.at
    return GpuState(
        now.joules,
        (now.joules - before.joules) / seconds,
        (now.busy - before.busy) / seconds,
        (now.prefill - before.prefill) / seconds,
        now.up,
    )


def write_day(
    folder: Path,
    server: Server,
    day: int,
    holders: dict[str, Engine],
    marks: dict[str, list[tuple[Scrape, Scrape | None]]],
) -> None:
    """The file of one server for one day.

    `holders` has the engine of each GPU that is not spare; `marks` has, by replica, each scrape of
    the day with the one before it.
    """
    path = folder / server.id / f"{server.id}_{day_name(day)}.prom.gz"
    times = [scrape.at for scrape, _ in next(iter(marks.values()))]
    write_gzip(path, (_text(server, i, at, holders, marks) for i, at in enumerate(times)))


def _text(
    server: Server,
    index: int,
    at: float,
    holders: dict[str, Engine],
    marks: dict[str, list[tuple[Scrape, Scrape | None]]],
) -> str:
    states: list[GpuState] = []
    for gpu in server.gpus:
        if gpu in holders:
            states.append(engine_state(*marks[holders[gpu].replica.id][index]))
        else:
            states.append(spare_state(server.kind, at))
    return "\n".join(_lines(server, at, states)) + "\n"


def _lines(server: Server, at: float, states: list[GpuState]) -> Iterator[str]:
    yield f"# scraped_at {iso(at)}"
    yield f"# instance {server.hostname}.fleet.internal:9400"
    for name, kind, values in _series(server, states):
        yield f"# TYPE {name} {kind}"
        for index, (gpu, value) in enumerate(zip(server.gpus, values, strict=True)):
            labels = (
                f'gpu="{index}",UUID="{gpu}",device="nvidia{index}",'
                f'modelName="{server.kind.name}",hostname="{server.hostname}",'
                f'DCGM_FI_DRIVER_VERSION="{DRIVER}"'
            )
            yield f"{name}{{{labels}}} {value}"


def _series(server: Server, states: list[GpuState]) -> Iterator[tuple[str, str, list[str]]]:
    kind = server.kind
    used = [round(kind.memory_mib * 0.9) if s.is_loaded else 4 for s in states]
    decode = [max(0.0, s.busy - s.prefill) for s in states]
    watts = [s.watts or kind.unallocated_watts for s in states]
    yield "DCGM_FI_DEV_GPU_UTIL", "gauge", [str(round(100 * s.busy)) for s in states]
    yield "DCGM_FI_DEV_FB_USED", "gauge", [str(value) for value in used]
    yield "DCGM_FI_DEV_FB_FREE", "gauge", [str(kind.memory_mib - 600 - value) for value in used]
    yield "DCGM_FI_DEV_GPU_TEMP", "gauge", [str(round(27 + value / 9)) for value in watts]
    yield "DCGM_FI_DEV_POWER_USAGE", "gauge", [f"{value:.1f}" for value in watts]
    yield (
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter",
        [str(energy_millijoules(gpu, s.joules)) for gpu, s in zip(server.gpus, states, strict=True)],
    )  # fmt: skip
    yield "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", [f"{0.97 * s.busy:.4f}" for s in states]
    yield (
        "DCGM_FI_PROF_SM_ACTIVE",
        "gauge",
        [f"{0.86 * s.prefill + 0.61 * d:.4f}" for s, d in zip(states, decode, strict=True)],
    )
    yield (
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "gauge",
        [f"{0.52 * s.prefill + 0.03 * d:.4f}" for s, d in zip(states, decode, strict=True)],
    )  # fmt: skip
    yield (
        "DCGM_FI_PROF_DRAM_ACTIVE", "gauge",
        [f"{0.35 * s.prefill + 0.71 * d:.4f}" for s, d in zip(states, decode, strict=True)],
    )  # fmt: skip


def energy_millijoules(gpu: str, joules: float) -> int:
    """The counter of a GPU: what it had counted before the sample, and the joules since."""
    before = int(gpu[4:8], 16) * 1_000_003 + int(gpu[-2:], 16) * 70_000_019
    return before * 1000 + round(joules) * 1000
