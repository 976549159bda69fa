"""What holds of any electricity bill, and of a month whose bill is not there yet."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt import small_lake
from tests.properties.compiled import Models, Row

FEW = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
D = Decimal
AMOUNTS = st.integers(-(10**9), 10**9).map(lambda units: D(units).scaleb(-4))
ACCRUED = (
    "select charge_line_id, component, sum(cost) from fct_cost_ledger where is_accrued "
    "group by all order by all"
)


@st.composite
def lines(draw: st.DrawFn) -> Row:
    """A line of any kind and length, of a meter that is read, that is not, or that nobody knows."""
    start = small_lake.at("08:00:00") + timedelta(minutes=15 * draw(st.integers(0, 20)))
    return {
        "bill_id": draw(st.sampled_from(["b1", "b2"])),
        "meter_id": draw(st.sampled_from(["meter-us", "meter-eu", "nobody's"])),
        "kind": draw(st.sampled_from(["energy", "demand", "fixed", "tax", "credit", "rider"])),
        "currency": draw(st.sampled_from(["USD", "EUR"])),
        "quantity": draw(st.sampled_from([None, 0.4, 5.0])),
        "unit": draw(st.sampled_from(["kWh", "kW"])),
        "amount": small_lake.money(str(draw(AMOUNTS))),
        "period_start": start,
        "period_end": start + timedelta(minutes=15 * draw(st.integers(1, 40))),
    }


@st.composite
def readings(draw: st.DrawFn) -> Row:
    """A reading of a quarter hour, an hour or three, which may meet others or flow back."""
    seconds = draw(st.sampled_from([900, 3600, 10_800]))
    quarter = draw(st.integers(0, 11)) * 900 // seconds * seconds
    return {
        "meter_id": draw(st.sampled_from(["meter-us", "meter-eu", "it-us"])),
        "flow_direction": "import",
        "interval_start": small_lake.at("10:00:00") + timedelta(seconds=quarter),
        "interval_seconds": seconds,
        "energy_kwh": draw(st.integers(-50, 500)) / 100,
        "quality": "valid",
    }


def without(tables: dict[str, list[Row]], bill: str) -> dict[str, list[Row]]:
    """The lake before that bill came."""
    kept = [row for row in tables["energy_bills"] if row["bill_id"] != bill]
    return {**tables, "energy_bills": kept}


@FEW
@given(
    bills=st.lists(lines(), min_size=1, max_size=20),
    read=st.lists(readings(), max_size=30),
    host_share=st.sampled_from([None, 0.15, 1.0]),
)
def test_every_bill_is_in_the_ledger_whole_when_its_lines_are_random(
    models: Models, bills: list[Row], read: list[Row], host_share: float | None
) -> None:
    tables = small_lake.tables()
    sites = [{**site, "it_meter_id": f"it-{site['site_id']}"} for site in tables["fleet_sites"]]
    servers = [{**row, "host_share_ratio": host_share} for row in tables["fleet_servers"]]
    numbered = [{**row, "line_id": str(number)} for number, row in enumerate(bills)]
    changed: dict[str, Any] = {
        "energy_bills": numbered,
        "energy_readings": read,
        "fleet_sites": sites,
        "fleet_servers": servers,
    }
    ask = models.ask({**tables, **changed}, "fct_cost_ledger")
    billed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in bills:
        billed[row["bill_id"], row["currency"]] += row["amount"]
    found = ask(
        "select bill_id, currency, sum(cost) from fct_cost_ledger "
        "where cost_source = 'energy_bills' group by all"
    )
    ledger = {(bill, currency): cost for bill, currency, cost in found}
    assert {key: ledger.get(key, D(0)) for key in billed} == billed
    assert ask("select sum(cost) from fct_cost_ledger where bill_id = 'INV-1'") == [(D("12.3"),)]


def test_accrual_is_at_the_tariff_until_the_bill_comes(models: Models) -> None:
    """6 kWh at .50, and 3 of September's 720 hours at .20 for 3 kW: .0025. The bill takes it all away."""
    tables = small_lake.tables()
    before = models.ask(without(tables, "power-us"), "fct_cost_ledger")
    assert before(ACCRUED) == [
        ("demand 2026-09-01 10:00:00", "demand", D("0.0025")),
        # With PUE 1.25 a fifth is cooling.
        ("energy 2026-09-01 10:00:00", "cooling", D("0.6")),
        ("energy 2026-09-01 10:00:00", "electricity", D("2.4")),
    ]
    assert before("select distinct bill_id from fct_cost_ledger where is_accrued") == [
        ("accrual us 2026-09",)
    ]
    assert models.ask(tables, "fct_cost_ledger")(ACCRUED) == []


def test_accrual_is_at_the_price_of_the_last_bill_when_no_tariff_is_known(models: Models) -> None:
    """August's bill: 40.00 for 100 kWh, so 6 kWh are 2.40; what it covers of them is not accrued."""
    tables = small_lake.tables()
    sites = [{**row, "tariff_id": None} for row in tables["fleet_sites"]]
    last = {
        "bill_id": "power-us-8", "line_id": "1", "meter_id": "meter-us", "kind": "energy",
        "amount": small_lake.money("40"), "currency": "USD", "quantity": 100.0, "unit": "kWh",
        "period_start": small_lake.at("00:00:00") - timedelta(days=31),
    }  # fmt: skip

    def accrued(last_bill_ends: str) -> list[tuple[Any, ...]]:
        bills = [{**last, "period_end": small_lake.at(last_bill_ends)}]
        lake = {**tables, "fleet_sites": sites, "energy_bills": bills}
        return models.ask(lake, "fct_cost_ledger")(
            "select sum(cost), min(allocation_method[:17]) from fct_cost_ledger where is_accrued"
        )

    assert accrued("04:00:00") == [(D("2.4"), "accrued-last-bill")]
    assert accrued("11:00:00") == [(D(2), "accrued-last-bill")]


@pytest.mark.parametrize(
    ("month_of_charge", "expected"),
    [
        # 62.00 for August: 2.00 a day, .25 for three hours of the 1st of September.
        ("08", [("srv-us:2026-09-01", "accelerator", D("0.25"))]),
        ("09", []),
    ],
)
def test_lease_is_accrued_when_its_month_has_no_charge(
    models: Models, month_of_charge: str, expected: list[tuple[Any, ...]]
) -> None:
    """Never charged: its GPU was busy or ready for two hours and a half."""
    tables = small_lake.tables()
    start = small_lake.at("00:00:00").replace(month=int(month_of_charge))
    charge = tables["charges"][0] | {
        "charge_period_start": start,
        "charge_period_end": start + timedelta(days=31),
        "effective_cost": small_lake.money("62"),
        "billed_cost": small_lake.money("62"),
    }
    ask = models.ask({**tables, "charges": [charge]}, "fct_cost_ledger", "rpt_reconciliation")
    assert ask(ACCRUED) == expected
    assert ask("select * from rpt_reconciliation where check_name = 'unbilled_gpu_hours'") == []
    never = models.ask({**tables, "charges": []}, "rpt_reconciliation")
    assert never(
        "select subject, actual from rpt_reconciliation where check_name = 'unbilled_gpu_hours'"
    ) == [("srv-us", D("2.5"))]
