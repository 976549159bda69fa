"""Make a sample: simulate the fleet day by day and write its files.

Belongs here: the order of work. Memory does not grow with the number of days, and with the scale
only by what is in flight: rows are written as their hour ends.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tokenworks_sample import emit_dcgm, emit_vllm
from tokenworks_sample.accounts import Accounts
from tokenworks_sample.charges import all_charges
from tokenworks_sample.clock import DAY, HOUR, QUARTER
from tokenworks_sample.cluster import Cluster
from tokenworks_sample.costs import allocate
from tokenworks_sample.emit_energy import write_bills, write_readings, write_tariffs
from tokenworks_sample.emit_fleet import write_fleet
from tokenworks_sample.emit_focus import write_charges
from tokenworks_sample.emit_litellm import SpendLog, line_of, row_of
from tokenworks_sample.emit_series import write_series
from tokenworks_sample.facts import Facts
from tokenworks_sample.faults import PLAN, FaultPlan
from tokenworks_sample.meter import BillLine, bills, readings
from tokenworks_sample.records import Scrape, Scraped
from tokenworks_sample.serving import Engine
from tokenworks_sample.traffic import Traffic, cutoff
from tokenworks_sample.truth import write_truth
from tokenworks_sample.world import Server, Site, World, build_world

# Demand that one pod of servers carries; beyond it the fleet grows.
SCALE_PER_POD = 6.0
Progress = Callable[[int, int], None]
Mark = tuple[Scrape, Scrape | None]


@dataclass
class Run:
    """The state of a generation."""

    landing: Path
    world: World
    plan: FaultPlan
    days: int
    clusters: list[Cluster]
    logs: dict[str, SpendLog]
    accounts: Accounts
    last: dict[str, Scrape] = field(default_factory=dict)
    scraped: dict[str, Scraped] = field(default_factory=lambda: defaultdict(Scraped))

    @property
    def engines(self) -> dict[str, Engine]:
        """Engines by replica."""
        return {e.replica.id: e for cluster in self.clusters for e in cluster.engines}


def generate(
    out: Path, *, seed: int = 7, days: int = 14, scale: float = 1.0,
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Write `landing/` and `truth.json` under `out`.

    Args:
        out: folder; what is there already is overwritten file by file.
        seed: the same seed gives the same files.
        days: length, from 2026-10-19 on.
        scale: demand, as a multiple of the committed sample.
        progress: called with (hours done, hours in all).
    """
    run = _start(out / "landing", seed, days, scale)
    for day in range(days):
        for log in run.logs.values():
            log.open_day(day)
        for hour in range(day * 24, (day + 1) * 24):
            _hour(run, hour)
            if progress:
                progress(hour + 1, days * 24)
        if day == days - 1:
            _close(run)
        _write_scrapes(run, day)
    for log in run.logs.values():
        log.close()
    _books(run, out, {"seed": seed, "days": days, "scale": scale})


def pods_for(scale: float) -> int:
    """How often the servers are repeated."""
    return max(1, math.ceil(scale / SCALE_PER_POD))


def _start(landing: Path, seed: int, days: int, scale: float) -> Run:
    world = build_world(pods_for(scale))
    end = cutoff(days)
    clusters = [
        Cluster(Traffic(world, d, seed, scale, end), world.replicas_of(d.id), PLAN, end)
        for d in world.deployments
    ]
    folder = landing / "requests/litellm"
    logs = {site.id: SpendLog(folder, site.gateway, PLAN) for site in world.sites}
    return Run(landing, world, PLAN, days, clusters, logs, Accounts())


def _hour(run: Run, hour: int) -> None:
    rows: dict[str, list[tuple[float, str, str]]] = {site: [] for site in run.logs}
    for cluster in run.clusters:
        deployment = cluster.traffic.deployment
        for start, session in cluster.traffic.hour(hour):
            cluster.push(start, session)
        for attempt in cluster.run((hour + 1) * HOUR):
            row = row_of(attempt)
            run.accounts.add(attempt, row, deployment)
            line = line_of(attempt, row, deployment)
            rows[deployment.site].append((row.end, deployment.id, line))
    for site, ended in rows.items():
        ended.sort(key=lambda item: (item[0], item[1]))
        for end, _, line in ended:
            run.logs[site].write(end, line)


def _close(run: Run) -> None:
    """A last scrape, so that counters cover the whole sample."""
    for engine in run.engines.values():
        if engine.load:
            raise RuntimeError(f"{engine.replica.id} still holds {engine.load} requests at the end")
        engine.scrape(run.days * DAY - 1.0, 0)


def _write_scrapes(run: Run, day: int) -> None:
    engines = run.engines
    marks: dict[str, list[Mark]] = {}
    for name, engine in engines.items():
        # The last step of a day may end on the next one, and have met its first scrape.
        scrapes = [scrape for scrape in engine.scrapes if scrape.at < (day + 1) * DAY]
        engine.scrapes = engine.scrapes[len(scrapes) :]
        before = [run.last.get(name), *scrapes[:-1]]
        marks[name] = list(zip(scrapes, before, strict=True))
        run.last[name] = scrapes[-1]
        up = emit_vllm.shipped(scrapes)
        for scrape in up:
            run.scraped[name].add(scrape)
        emit_vllm.write_day(run.landing / "engine_samples/vllm_prometheus", engine, day, up)
    holders = {gpu: engine for engine in engines.values() for gpu in engine.replica.gpus}
    for server in run.world.servers:
        folder = run.landing / "gpu_samples/dcgm_prometheus"
        emit_dcgm.write_day(folder, server, day, holders, marks)


def _it_joules(run: Run, site: Site) -> list[float]:
    """Energy of the site's GPUs and hosts in each quarter of an hour."""
    count = run.days * DAY // QUARTER
    servers = [server for server in run.world.servers if server.site == site.id]
    held = {gpu for replica in run.world.replicas for gpu in replica.gpus}
    constant = sum(_constant_watts(server, held) for server in servers) * QUARTER
    gpus = {gpu for server in servers for gpu in server.gpus}
    engines = [e for e in run.engines.values() if e.replica.gpus[0] in gpus]
    return [
        constant
        + sum((e.quarters[i + 1][0] - e.quarters[i][0]) * len(e.replica.gpus) for e in engines)
        for i in range(count)
    ]


def _constant_watts(server: Server, held: set[str]) -> float:
    spare = sum(1 for gpu in server.gpus if gpu not in held)
    return server.host_watts + spare * server.kind.unallocated_watts


def _books(run: Run, out: Path, about: dict[str, float]) -> None:
    watt_hours: dict[str, list[int]] = {}
    lines: list[BillLine] = []
    for site in run.world.sites:
        watt_hours[site.id] = readings(site, _it_joules(run, site), int(about["seed"]))
        lines.extend(bills(site, watt_hours[site.id]))
        folder = run.landing / "energy_readings/green_button"
        write_readings(folder, site, watt_hours[site.id])
    write_bills(run.landing / "energy_bills/mapped", run.world, lines)
    write_tariffs(run.landing / "tariff_rates/openei_urdb")
    charges = all_charges(run.world, run.plan, run.days)
    write_charges(run.landing / "charges/focus", charges)
    write_series(run.landing, run.world, run.days)
    write_fleet(run.landing / "fleet/fleet_yaml/fleet.yaml", run.world)
    facts = Facts(
        run.world, run.plan, run.days, run.accounts, run.engines, run.scraped, charges, lines,
        watt_hours,
    )  # fmt: skip
    faults = [fault for log in run.logs.values() for fault in log.faults]
    write_truth(out / "truth.json", about, facts, allocate(facts), faults)
