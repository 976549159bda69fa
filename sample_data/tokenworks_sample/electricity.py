"""Which GPU bears which part of an electricity bill, by plain accounting.

Belongs here: the rules for lines of bills that the README of the sample writes out, done with floats
and loops. Energy and riders go by metered energy, energy at the price of its time where the site names a
tariff; demand goes evenly over the hours to those who drew at the peak; fixed amounts go by GPU time;
taxes and credits go where the rest of their bill goes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tokenworks_sample.clock import HOUR, QUARTER
from tokenworks_sample.facts import QUARTERS_PER_HOUR, Facts, dollars
from tokenworks_sample.meter import BillLine
from tokenworks_sample.series import TARIFF_IDS, energy_rate
from tokenworks_sample.world import Server


@dataclass
class SitePower:
    """US dollars of a site's electricity by hour.

    Attributes:
        by_energy: for the GPUs by their energy in the hour.
        by_time: for the GPUs by time.
        demand: by who drew at the peak; None is whose GPUs nobody holds.
        joules: energy of the GPUs by hour and holder, and of all (under the empty name).
    """

    by_energy: list[float]
    by_time: list[float]
    demand: list[dict[str | None, float]]
    joules: list[dict[str | None, float]] = field(default_factory=list)
    gpu_count: int = 0

    def usd(self, facts: Facts, server: Server, gpu: str, hour: int) -> float:
        """What one GPU bears in an hour."""
        joules, held = facts.gpu_joules(server, gpu, hour), facts.holder(gpu, hour)
        drawn = self.joules[hour]
        return (
            self.by_energy[hour] * joules / sum(drawn.values())
            + self.by_time[hour] / self.gpu_count
            + self.demand[hour].get(held, 0.0) * joules / drawn[held]
        )


def site_power(facts: Facts, site: str) -> SitePower:
    """All bills of a site."""
    hours = facts.hours
    power = SitePower([0.0] * hours, [0.0] * hours, [defaultdict(float) for _ in range(hours)])
    power.gpu_count = len(facts.gpus_of(site))
    for hour in range(hours):
        drawn: dict[str | None, float] = defaultdict(float)
        for server, gpu in facts.gpus_of(site):
            drawn[facts.holder(gpu, hour)] += facts.gpu_joules(server, gpu, hour)
        power.joules.append(drawn)
    bills: dict[str, list[BillLine]] = defaultdict(list)
    for line in facts.bills:
        if line.site == site:
            bills[line.bill_id].append(line)
    for lines in bills.values():
        _post_bill(facts, power, lines)
    return power


def orphaned_demand(
    facts: Facts, power: Mapping[str, SitePower], hour: int
) -> Iterator[tuple[str, float]]:
    """Demand of GPUs that nobody held at the peak, in hours in which all are held."""
    for site, bill in power.items():
        cost = bill.demand[hour].get(None, 0.0)
        if cost and None not in bill.joules[hour]:
            yield site, cost


def _post_bill(facts: Facts, power: SitePower, lines: list[BillLine]) -> None:
    base = sum(float(line.amount) for line in lines if line.kind not in ("tax", "credit"))
    factor = sum(float(line.amount) for line in lines) / base
    for line in lines:
        hours = range(int(line.start // HOUR), int(line.end // HOUR))
        weights = _hour_weights(facts, line, hours)
        whole = sum(weights)
        peak = _peak_shares(facts, power, line) if line.kind == "demand" else {}
        for hour, weight in zip(hours, weights, strict=True):
            amount = float(line.amount) * factor * weight / whole
            cost = dollars(amount, line.currency, hour // 24)
            if line.kind in ("energy", "rider"):
                power.by_energy[hour] += cost
            elif line.kind == "fixed":
                power.by_time[hour] += cost
            for holder, share in peak.items():
                power.demand[hour][holder] += cost * share


def _hour_weights(facts: Facts, line: BillLine, hours: range) -> list[float]:
    metered = facts.watt_hours[line.site]
    zone = facts.world.site(line.site).time_zone
    if line.kind not in ("energy", "rider"):
        return [1.0] * len(hours)
    is_priced = line.kind == "energy" and line.site in TARIFF_IDS
    return [
        sum(
            metered[i] * (float(energy_rate(line.site, zone, i * QUARTER)) if is_priced else 1.0)
            for i in range(hour * QUARTERS_PER_HOUR, (hour + 1) * QUARTERS_PER_HOUR)
        )
        for hour in hours
    ]


def _peak_shares(facts: Facts, power: SitePower, line: BillLine) -> dict[str | None, float]:
    """Who drew in the hour of the highest quarter of the bill, the first where several are as high."""
    metered = facts.watt_hours[line.site]
    quarters = range(int(line.start // QUARTER), int(line.end // QUARTER))
    highest = max(quarters, key=lambda i: (metered[i], -i))
    drawn = power.joules[highest // QUARTERS_PER_HOUR]
    return {holder: joules / sum(drawn.values()) for holder, joules in drawn.items()}
