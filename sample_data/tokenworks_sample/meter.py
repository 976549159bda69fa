"""What the site meters counted, and the electricity bills that follow from it.

Belongs here: arithmetic. A meter counts GPUs, hosts and the facility around them; the bill prices
its readings by the local calendar. The files are written by `emit_energy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tokenworks_sample.clock import DAY, HOUR, QUARTER, local_midnight
from tokenworks_sample.power import facility_watt_hours
from tokenworks_sample.series import TARIFFS, cents, energy_rate, is_day_rate
from tokenworks_sample.world import Site

NOISE = 0.002
DAYS_OF_MONTH = {"2026-10": 31, "2026-11": 30}


@dataclass(frozen=True)
class BillLine:
    """One line of a bill; the period is in seconds since the start."""

    bill_id: str
    line_id: str
    site: str
    start: float
    end: float
    kind: str
    quantity: Decimal | None
    unit: str
    amount: Decimal
    currency: str
    description: str


def readings(site: Site, it_joules: Sequence[float], seed: int) -> list[int]:
    """Watt hours of the facility in each quarter of an hour."""
    rng = np.random.Generator(np.random.PCG64([seed, len(site.id), len(site.time_zone)]))
    noise = np.round((rng.random(len(it_joules)) * 2 - 1) * NOISE, 6).tolist()
    return [
        facility_watt_hours(joules, site.pue, extra)
        for joules, extra in zip(it_joules, noise, strict=True)
    ]


def reading_cost(site: Site, index: int, watt_hours: int) -> int:
    """Energy cost of a reading in hundred-thousandths of the currency, as ESPI counts money."""
    rate = energy_rate(site.id, site.time_zone, index * QUARTER)
    return int((Decimal(watt_hours) / 1000 * rate * 100_000).to_integral_value())


def bills(site: Site, watt_hours: Sequence[int]) -> list[BillLine]:
    """One bill per local calendar month in which the site was metered."""
    end = len(watt_hours) * QUARTER
    turn = local_midnight(site.time_zone, 2026, 11, 1)
    periods = [(0.0, min(turn, end), "2026-10"), (turn, end, "2026-11")]
    lines: list[BillLine] = []
    for start, stop, month in periods:
        if start < stop:
            lines.extend(_bill(site, watt_hours, start, stop, month))
    return lines


def _bill(
    site: Site, watt_hours: Sequence[int], start: float, end: float, month: str
) -> list[BillLine]:
    tariff = TARIFFS[site.id]
    indices = range(int(start // QUARTER), int(end // QUARTER))
    lit = [i for i in indices if is_day_rate(i * QUARTER, site.time_zone)]
    kwh_day = Decimal(sum(watt_hours[i] for i in lit)) / 1000
    kwh = Decimal(sum(watt_hours[i] for i in indices)) / 1000
    night = kwh - kwh_day
    peak = Decimal(max(watt_hours[i] for i in indices)) * HOUR // QUARTER / 1000
    days = Decimal(round((end - start) / DAY * 24)) / 24
    share = days / DAYS_OF_MONTH[month]
    rows: list[tuple[str, Decimal | None, str, Decimal, str]] = [
        ("energy", kwh_day, "kWh", cents(kwh_day * tariff.day), "Energy, day rate"),
        ("energy", night, "kWh", cents(night * tariff.night), "Energy, night rate"),
        ("rider", kwh, "kWh", cents(kwh * tariff.rider), "Grid rider"),
        ("demand", peak, "kW", cents(peak * tariff.demand * share), "15-minute peak, prorated"),
        ("fixed", None, "", cents(days * tariff.fixed_per_day), "Service fee"),
    ]
    if site.id == "us-east" and month == "2026-10":
        rows.append(("credit", None, "", Decimal("-5.00"), "Paperless billing credit"))
    base = sum((row[3] for row in rows), Decimal(0))
    rows.append(("tax", None, "", cents(base * tariff.tax), f"Tax {tariff.tax * 100:.0f} %"))
    bill = f"EL-{site.gateway.upper()}-{month}"
    return [
        BillLine(
            bill, f"{number:02d}", site.id, start, end, kind, quantity, unit, amount,
            site.currency, text,
        )
        for number, (kind, quantity, unit, amount, text) in enumerate(rows, 1)
    ]  # fmt: skip
