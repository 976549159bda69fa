"""Published figures about money: entered as rows of the lake, read from the marts.

InferenceX's cost functions, the FOCUS specification's example of credits, and the split between input and
output that OpenCost gets wrong.
"""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IngestFile
from tests.dbt.small_lake import FLEET_FROM, at, money
from tests.properties.compiled import Models, Row
from tokenworks_sources.connectors.charges.focus import CONNECTOR

D = Decimal
DATED: Row = {"valid_from": FLEET_FROM, "valid_to": None}
HOUR = {"charge_period_start": at("10:00:00"), "charge_period_end": at("11:00:00")}


def one_gpu(name: str, lease: str, kilowatts: float, weights: dict[str, float]) -> dict[str, Any]:
    """A deployment on a leased GPU of its own: its rows by table, for the hour from 10:00."""
    amount = money(lease)
    return {
        "fleet_servers": [
            {"server_id": name, "site_id": "site", "hostname": name, "gpu_model": "GPU",
             "gpu_count": 1, "ownership": "leased", **DATED}
        ],
        "fleet_gpus": [{"gpu_uuid": name, "server_id": name, "gpu_index": 0, **DATED}],
        "fleet_replicas": [
            {"replica_id": name, "deployment_id": name, "gpu_uuid": name, "endpoint": name, **DATED}
        ],
        "fleet_deployments": [
            {"deployment_id": name, "model": name, "tier": "all", "site_id": "site",
             **weights, **DATED}
        ],
        "charges": [
            {"billing_account_id": "account", "billing_currency": "USD", "invoice_id": "INV",
             "charge_category": "Usage", "service_category": "Compute", "resource_id": name,
             "billing_period_start": datetime(2026, 9, 1),
             "billing_period_end": datetime(2026, 10, 1),
             "billed_cost": amount, "effective_cost": amount, **HOUR}
        ],
        "gpu_samples": [
            {"sampled_at": at(when), "gpu_uuid": name, "mig_instance_id": "",
             "energy_joules_total": 1e6 + kilowatts * 3.6e6 * share}
            for when, share in (("10:00:00", 0.0), ("10:30:00", 0.5), ("11:00:00", 1.0))
        ],
    }  # fmt: skip


def together(*parts: dict[str, Any]) -> dict[str, list[Row]]:
    """One site with all of these deployments."""
    tables: dict[str, list[Row]] = {
        "fleet_sites": [
            {"site_id": "site", "region": "us", "time_zone": "UTC", "pue_ratio": 1.0,
             "currency": "USD", **DATED}
        ],
        "fleet_tiers": [{"tier": "all", "rank": 1, **DATED}],
        "fleet_tenants": [{"tenant_id": "acme", "tenant_name": "Acme", **DATED}],
    }  # fmt: skip
    for part in parts:
        for table, rows in part.items():
            tables.setdefault(table, []).extend(rows)
    return tables


def hour_long(name: str, **more: Any) -> Row:
    """A request that keeps a deployment busy from 10:00 to 11:00."""
    return {
        "emitter": "gateway", "request_id": name, "endpoint": name, "clock": "utc",
        "status": "success", "tenant_id": "acme", "started_at": at("10:00:00"),
        "ended_at": at("11:00:00"), "input_cache_read_tokens": 0, **more,
    }  # fmt: skip


# $ per GPU-hour as owned by a hyperscaler, by a neocloud, and rented for 3 years; all-in kW of a GPU.
INFERENCEX = {
    "H100": (("1.30", "1.69", "1.30"), 1.73),
    "B200": (("1.95", "2.34", "2.90"), 2.17),
    "GB200": (("2.21", "2.75", "3.30"), 2.10),
    "MI355X": (("1.48", "1.90", "2.10"), 2.65),
}
PER_MILLION = {
    "H100": (0.361111, 0.469444, 0.361111),
    "B200": (0.541667, 0.650000, 0.805556),
    "GB200": (0.613889, 0.763889, 0.916667),
    "MI355X": (0.411111, 0.527778, 0.583333),
}
TOKENS_PER_SECOND_AND_MEGAWATT = {
    "H100": 578_034.68, "B200": 460_829.49, "GB200": 476_190.48, "MI355X": 377_358.49
}  # fmt: skip


def test_pub_05_dollars_and_joules_per_token_are_those_of_inferencex(models: Models) -> None:
    """1,000 tokens a second and GPU; without tokens there is no cost per token, and not 0."""
    weights = {"prefill_weight": 0.001, "decode_weight": 0.001, "cache_read_weight": 0.0}
    parts, requests = [], []
    for chip, (leases, kilowatts) in INFERENCEX.items():
        for number, lease in enumerate(leases):
            name = f"{chip} {number}"
            parts.append(one_gpu(name, lease, kilowatts, weights))
            requests.append(hour_long(name, input_total_tokens=0, output_total_tokens=3_600_000))
    parts.append(one_gpu("idle", "1.30", 1.73, weights))
    ask = models.ask({**together(*parts), "requests": requests}, "rpt_unit_cost", "rpt_energy")
    cost = dict(
        ask("select model, usd_per_m_total_fully_loaded from rpt_unit_cost where model <> 'idle'")
    )
    energy = dict(ask("select model, joules_per_output_token_facility from rpt_energy"))
    for chip, published in PER_MILLION.items():
        found = tuple(cost[f"{chip} {number}"] for number in range(3))
        assert found == pytest.approx(published, abs=5e-7)
        assert energy[f"{chip} 0"] == pytest.approx(INFERENCEX[chip][1], rel=1e-9)
        assert 1e6 / energy[f"{chip} 0"] == pytest.approx(
            TOKENS_PER_SECOND_AND_MEGAWATT[chip], abs=0.005
        )
    assert ask(
        "select cost_fully_loaded_usd, usd_per_m_total_fully_loaded, usd_per_m_output_active "
        "from rpt_unit_cost where model = 'idle'"
    ) == [(D("1.3"), None, None)]


def test_opencost_cost_goes_to_input_by_its_seconds_and_not_by_the_time_per_token(
    models: Models,
) -> None:
    """0.5 s of prefill and 300 tokens of 30 ms: 5.26 % is input; OpenCost says 94 %."""
    weights = {"prefill_weight": 0.0005, "decode_weight": 0.03, "cache_read_weight": 0.0}
    request = hour_long("r", input_total_tokens=1_000, output_total_tokens=300)
    ask = models.ask(
        {**together(one_gpu("r", "9.50", 0.7, weights)), "requests": [request]}, "rpt_unit_cost"
    )
    assert ask(
        "select usd_per_m_input_uncached_active, usd_per_m_output_active from rpt_unit_cost"
    ) == [(pytest.approx(500.0, rel=1e-9), pytest.approx(30_000.0, rel=1e-9))]


FOCUS = {
    "BillingAccountId": "credits", "BillingCurrency": "USD", "InvoiceId": "INV-1",
    "BillingPeriodStart": "2026-09-01T00:00:00Z", "BillingPeriodEnd": "2026-10-01T00:00:00Z",
    "ChargePeriodStart": "2026-09-01T00:00:00Z", "ChargePeriodEnd": "2026-09-02T00:00:00Z",
    "ChargeCategory": "Usage", "ServiceCategory": "Analytics", "BilledCost": "0",
    "PricingCurrency": "Credits",
}  # fmt: skip


def _focus(ingest_file: IngestFile, path: Path, rows: list[dict[str, str]]) -> list[Row]:
    path.parent.mkdir()
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return ingest_file(path, CONNECTOR).frames["charges"].to_dicts()


def test_pub_08_credits_cost_when_they_are_used_and_not_when_they_are_bought(
    models: Models, ingest_file: IngestFile, tmp_path: Path
) -> None:
    """FOCUS, credits of $2: 100,000 bought; on the first day 245 Q at 1, 5 Z at 2, 120 Workflow at 3."""
    bought = {
        "ListCost": "200000.00", "ContractedCost": "200000.00", "BilledCost": "200000.00",
        "EffectiveCost": "0.00", "ChargeCategory": "Purchase", "SkuId": "credits",
    }  # fmt: skip
    used = [
        {"SkuId": sku, "PricingCurrencyEffectiveCost": amount, "EffectiveCost": cost}
        for sku, amount, cost in (
            ("Q", "245", "490"),
            ("Z", "10", "20"),
            ("Workflow", "360", "720"),
        )
    ]
    rows = _focus(
        ingest_file, tmp_path / "bills" / "credits.csv", [FOCUS | row for row in (bought, *used)]
    )
    ask = models.ask({"charges": rows}, "fct_cost_ledger", "rpt_reconciliation")
    assert ask("select sum(cost), count(*) filter (cost < 0) from fct_cost_ledger") == [
        (D("1230.00"), 0)
    ]
    assert ask(
        "select expected, actual, is_blocking from rpt_reconciliation "
        "where check_name = 'invoice_vs_effective'"
    ) == [(D("200000.00"), D("1230.00"), False)]


def test_pub_08_unit_prices_are_those_of_the_row_and_not_of_the_narrative(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    """Credits of $1, Workflow at 2: the CSV's row carries 6 and 2, the text beside it 2 and 1."""
    row = FOCUS | {
        "EffectiveCost": "240", "ListCost": "720", "ContractedCost": "240", "ListUnitPrice": "6",
        "ContractedUnitPrice": "2", "PricingQuantity": "120", "PricingUnit": "Workflows",
    }  # fmt: skip
    (landed,) = _focus(ingest_file, tmp_path / "bills" / "b3.csv", [row])
    prices = ("effective_cost", "list_cost", "list_unit_price", "contracted_unit_price")
    assert tuple(landed[name] for name in prices) == (D(240), D(720), D(6), D(2))
    assert landed["billed_cost"] == 0
