"""Engines that take turns on one GPU, and a charge that names it: every dollar where it was typed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.dbt.small_lake import money
from tests.properties.compiled import Models, Row

D = Decimal
START = datetime(2026, 9, 1)
TEN = datetime(2026, 9, 1, 10)
DATED = {"valid_from": START, "valid_to": None}


def _deployment(name: str) -> Row:
    weights = {"prefill_weight": 1.0, "decode_weight": 1.0, "cache_read_weight": 0.0}
    return {
        "deployment_id": name,
        "model": name,
        "tier": "t",
        "site_id": "site",
        **weights,
        **DATED,
    }


def _replica(name: str, share: float) -> Row:
    return {"replica_id": f"{name}-0", "deployment_id": name, "gpu_uuid": "GPU-a", "endpoint": name,
            "gpu_share_ratio": share, **DATED}  # fmt: skip


def _scrapes(name: str, busy_minutes: int) -> list[Row]:
    return [
        {"scraped_at": TEN + timedelta(minutes=minute), "engine": "vllm", "instance": name,
         "engine_index": "0", "model_name": name, "requests_waiting": 0.0,
         "requests_running": 1.0 if minute < busy_minutes else 0.0}
        for minute in range(60)
    ]  # fmt: skip


def _charge(resource: str, amount: str) -> Row:
    return {
        "billing_account_id": "account", "billing_currency": "USD", "charge_category": "Usage",
        "invoice_id": "INV", "service_category": "Compute", "resource_id": resource,
        "billing_period_start": START, "billing_period_end": datetime(2026, 10, 1),
        "charge_period_start": TEN, "charge_period_end": TEN + timedelta(hours=1),
        "billed_cost": money(amount), "effective_cost": money(amount),
    }  # fmt: skip


def _tables() -> dict[str, list[dict[str, Any]]]:
    """One hour: `half` runs for thirty minutes on half of GPU-a, `quarter` has a quarter and nothing to do."""
    site = {"site_id": "site", "region": "r", "time_zone": "UTC", "currency": "USD", **DATED}
    server = {"server_id": "srv", "site_id": "site", "hostname": "host", "gpu_model": "H100",
              "gpu_count": 2, "ownership": "leased", **DATED}  # fmt: skip
    return {
        "fleet_sites": [site],
        "fleet_servers": [server],
        "fleet_gpus": [
            {"gpu_uuid": gpu, "server_id": "srv", "gpu_index": index, **DATED}
            for index, gpu in enumerate(("GPU-a", "GPU-b"))
        ],
        "fleet_replicas": [_replica("half", 0.5), _replica("quarter", 0.25)],
        "fleet_deployments": [_deployment("half"), _deployment("quarter")],
        "fleet_tiers": [{"tier": "t", "rank": 1, **DATED}],
        "engine_samples": [*_scrapes("half", 30), *_scrapes("quarter", 0)],
        "requests": [
            {"emitter": "gateway", "request_id": "r", "endpoint": "half", "clock": "utc",
             "status": "success", "tenant_id": "acme", "started_at": TEN,
             "ended_at": TEN + timedelta(minutes=30), "input_total_tokens": 90,
             "input_cache_read_tokens": 0, "output_total_tokens": 10}
        ],
        "charges": [
            _charge("MIG-GPU-A/1/0", "1.00"), _charge("host:0", "3.00"), _charge("srv/gpu1", "8.00"),
            _charge("GPU-c", "5.00"),
        ],
    }  # fmt: skip


def test_charge_of_a_shared_gpu_is_of_the_shares_that_hold_it(models: Models) -> None:
    """4.00 for GPU-a: 2.00 of the half, 1.00 of the quarter, 1.00 nobody's; 8.00 for GPU-b nobody's."""
    ask = models.ask(_tables(), "fct_cost_ledger", "rpt_reconciliation")
    found = ask(
        "select category, cause, deployment_id, tenant_id, sum(cost) from fct_cost_ledger "
        "group by all order by all"
    )
    assert found == [
        ("idle", "ready_empty", "half", None, D("1.00")),
        ("idle", "ready_empty", "quarter", None, D("1.00")),
        ("idle", "unallocated", None, None, D("9.00")),
        ("overhead", "other", None, None, D("5.00")),
        ("served", None, "half", "acme", D("1.00")),
    ]
    checks = ask(
        "select subject, expected, actual, is_balanced, is_blocking from rpt_reconciliation "
        "where check_name = 'charges_of_gpus'"
    )
    assert checks == [("INV", D(17), D(12), False, False)]
