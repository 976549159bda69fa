"""How sure a cost is: measured, estimated or unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tokenworks.reports.period import Period
from tokenworks.reports.quality import grade, quality
from tokenworks.reports.read import read_month
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("served", "", "accelerator", "even-hours|gpu-time|phase-weights"), "measured"),
        (("served", "", "electricity", "metered-kwh|gpu-energy|phase-weights"), "measured"),
        (("served", "", "electricity", "metered-kwh|gpu-time|phase-weights"), "estimated"),
        (("idle", "ready_empty", "demand", "even-hours|gpu-energy"), "estimated"),
        (("served", "", "demand", "posted-evenly|energy-share|gpu-energy"), "estimated"),
        (("served", "", "cooling", "metered-price|gpu-energy-estimated"), "estimated"),
        (("idle", "unobserved", "accelerator", "even-hours"), "unknown"),
        (("unattributed", "no_tokens", "accelerator", "even-hours|gpu-time"), "unknown"),
        (("served", "", "accelerator", ""), "unknown"),
    ],
)
def test_cost_is_graded_by_what_was_measured_when_allocated(
    line: tuple[str, str, str, str], expected: str
) -> None:
    assert grade(*line) == expected


def test_what_no_bill_confirms_is_an_estimate_when_graded(
    home: Settings, write_mart: WriteMart
) -> None:
    base = {"event_date": date(2026, 9, 1), "currency": "USD", "category": "served"}
    base |= {"component": "accelerator", "allocation_method": "even-hours|gpu-time"}
    write_mart(
        "fct_cost_ledger",
        [
            {**base, "cost": Decimal("75.00"), "is_accrued": False},
            {**base, "cost": Decimal("25.00"), "is_accrued": True},
        ],
    )
    marts = read_month(home.published_parquet, Period(2026, 9))
    found = quality(marts.requests, marts.ledger, marts.deployment_hours)
    assert found.accrued_share("USD", "served") == Decimal("0.25")
    assert found.shares("USD")["estimated"] == Decimal("0.25")
    assert found.unknown_cost_share == 0


def test_demand_by_the_peak_is_measured_when_graded() -> None:
    by_peak = "posted-evenly|peak-responsibility|gpu-energy"
    assert grade("served", "", "demand", by_peak) == "measured"
    assert (
        grade("served", "", "demand", "posted-evenly|peak-responsibility|gpu-time") == "estimated"
    )
    assert grade("idle", "ready_empty", "cooling", "metered-kwh|gpu-time") == "estimated"
