"""A lake small enough to compute by hand: two sites, two deployments, two tenants, three hours.

Belongs here: the rows. What must come out of them is typed out in the tests.

    us-east   server srv-us, leased, GPUs G1 (small-us-0) and G2 (nobody's), meter, USD
    eu-west   server srv-eu, owned, GPU G3 (large-eu-0), no meter, EUR
    2026-09-01 10:00 to 13:00 UTC
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.dbt.histogram_rows import histograms
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.contracts.render import arrow_schema
from tokenworks_sources.lake import ensure_tables, partition_folder

# Rows read as tables do, so they keep their own line breaks.
# fmt: off
Row = dict[str, Any]
FLEET_FROM = datetime(2026, 9, 1)


def at(text: str) -> datetime:
    """A time of 2026-09-01."""
    return datetime.fromisoformat(f"2026-09-01T{text}")


def money(text: str) -> Decimal:
    """An amount at the lake's scale."""
    return Decimal(text).quantize(Decimal("1e-12"))


def fleet() -> dict[str, list[Row]]:
    """The seven fleet tables."""
    dated = {"valid_from": FLEET_FROM, "valid_to": None}
    weights = {"prefill_weight": 0.1378, "decode_weight": 0.3001, "cache_read_weight": 0.0}
    return {
        "fleet_sites": [
            {"site_id": "us", "region": "us-east", "time_zone": "America/New_York",
             "pue_ratio": 1.25, "facility_meter_id": "meter-us", "grid_zone": "US-PJM",
             "tariff_id": "tariff-us", "currency": "USD", **dated},
            {"site_id": "eu", "region": "eu-west", "time_zone": "Europe/Dublin",
             "pue_ratio": 1.5, "facility_meter_id": "meter-eu", "grid_zone": "IE",
             "currency": "EUR", **dated},
        ],
        "fleet_servers": [
            {"server_id": "srv-us", "site_id": "us", "hostname": "gpu-us-1", "gpu_model": "H100",
             "gpu_count": 2, "ownership": "leased", **dated},
            {"server_id": "srv-eu", "site_id": "eu", "hostname": "gpu-eu-1", "gpu_model": "H100",
             "gpu_count": 1, "ownership": "owned", "purchase_price": money("7300"),
             "residual_value": money("100"), "useful_life_months": 10, "currency": "EUR", **dated},
        ],
        "fleet_gpus": [
            {"gpu_uuid": "G1", "server_id": "srv-us", "gpu_index": 0, **dated},
            {"gpu_uuid": "G2", "server_id": "srv-us", "gpu_index": 1, **dated},
            {"gpu_uuid": "G3", "server_id": "srv-eu", "gpu_index": 0, **dated},
        ],
        "fleet_replicas": [
            {"replica_id": "small-us-0", "deployment_id": "small-us", "gpu_uuid": "G1",
             "endpoint": "small-us-0.internal:8000", **dated},
            {"replica_id": "large-eu-0", "deployment_id": "large-eu", "gpu_uuid": "G3",
             "endpoint": "large-eu-0.internal:8000", **dated},
        ],
        "fleet_deployments": [
            {"deployment_id": "small-us", "deployment_key": "key-small", "model": "llama-small",
             "tier": "small", "site_id": "us", "max_num_seqs": 64, "idle_power_watts": 50.0,
             **weights, **dated},
            {"deployment_id": "large-eu", "model": "llama-large", "tier": "large", "site_id": "eu",
             "max_num_seqs": 4, "max_num_batched_tokens": 8192, **weights, **dated},
        ],
        "fleet_tiers": [
            {"tier": "small", "rank": 1, "slo_ttft_seconds": 1.0, "slo_tpot_seconds": 2.0, **dated},
            {"tier": "large", "rank": 2, **dated},
        ],
        "fleet_tenants": [
            {"tenant_id": "acme", "tenant_name": "Acme", **dated},
            {"tenant_id": "beta", "tenant_name": "Beta", **dated},
        ],
    }


def _request(request_id: str, start: str, end: str, tenant: str, **more: Any) -> Row:
    return {
        "emitter": "gateway", "request_id": request_id, "started_at": at(start), "ended_at": at(end),
        "clock": "utc", "tenant_id": tenant, "endpoint": "small-us-0.internal:8000",
        "model_requested": "small", "is_streaming": True, "status": "success",
        "input_cache_read_tokens": 0, **more,
    }


def requests() -> list[Row]:
    """Busy 20 minutes in hour 10, all of hour 11 (golden case SYN-07), half of hour 12 wasted."""
    return [
        # The same attempt twice, first without an end: one row must remain.
        {**_request("r1", "10:00:00", "10:10:00", "acme", input_total_tokens=1000), "ended_at": None},
        _request("r1", "10:00:00", "10:10:00", "acme", first_token_at=at("10:00:00.500000"),
                 input_total_tokens=1000, input_cache_read_tokens=600, output_total_tokens=101),
        _request("r2", "10:05:00", "10:20:00", "beta", first_token_at=at("10:05:02"),
                 input_total_tokens=400, output_total_tokens=200),
        _request("A", "11:00:00", "12:00:00", "acme", first_token_at=at("11:00:00.5"),
                 input_total_tokens=90_000, input_cache_read_tokens=60_000, output_total_tokens=1_000),
        _request("B", "11:00:00", "12:00:00", "beta", first_token_at=at("11:00:00.5"),
                 input_total_tokens=10_000, output_total_tokens=9_000),
        _request("r5", "12:00:00", "12:30:00", "acme", first_token_at=at("12:00:01"),
                 input_total_tokens=100, output_total_tokens=50, status="cancelled"),
        # Answered by the gateway's cache; and one that no fleet knows, with its cache unknown.
        _request("r6", "12:10:00", "12:10:00.1", "beta", input_total_tokens=70,
                 output_total_tokens=7, is_gateway_cache_hit=True),
        {"emitter": "trace", "request_id": "t1", "started_at": datetime(2023, 11, 16, 18, 17, 3),
         "clock": "utc", "status": "unknown", "input_total_tokens": 374, "output_total_tokens": 44},
    ]


def engine_samples() -> list[Row]:
    """large-eu-0 every minute of hours 10 and 11, then silence: two running for the first half hour."""
    rows = []
    for minute in range(120):
        gained = {0: 100, 1: 160, 2: 220, 3: 15}.get(minute, 75)
        rows.append({
            "scraped_at": at("10:00:00") + timedelta(minutes=minute), "engine": "vllm",
            "instance": "large-eu-0.internal:8000", "engine_index": "0", "model_name": "llama-large",
            "requests_running": 2.0 if minute < 30 else 0.0, "requests_waiting": 0.0,
            "kv_cache_usage_ratio": 0.5, "output_tokens": float(gained), "input_tokens": 1000.0,
            "step_tokens": 8.0 * minute, "steps": 2.0 * minute,
        })
    return rows


def gpu_samples() -> list[Row]:
    """Energy counters every ten minutes: G1 900, 1080, 720 kJ by hour; G2 180 kJ each."""
    rows = []
    for gpu, hourly in (("G1", (900, 1080, 720)), ("G2", (180, 180, 180))):
        total = 5_000_000.0
        for step in range(19):
            rows.append({
                "sampled_at": at("10:00:00") + timedelta(minutes=10 * step), "gpu_uuid": gpu,
                "mig_instance_id": "", "gpu_util_ratio": 0.5, "energy_joules_total": total,
            })
            total += hourly[min(step // 6, 2)] * 1000 / 6
    return rows


def energy() -> dict[str, list[Row]]:
    """The meter of us-east read 1, 3 and 2 kWh; bills of both sites."""
    period = {"period_start": at("10:00:00"), "period_end": at("13:00:00")}
    us = {"bill_id": "power-us", "meter_id": "meter-us", "currency": "USD", **period}
    return {
        "energy_readings": [
            {"meter_id": "meter-us", "flow_direction": "import", "interval_start": at(f"{hour}:00:00"),
             "interval_seconds": 3600, "energy_kwh": kwh, "quality": "valid"}
            for hour, kwh in ((10, 1.0), (11, 3.0), (12, 2.0))
        ],
        "energy_bills": [
            {**us, "line_id": "1", "kind": "energy", "amount": money("3.00")},
            {**us, "line_id": "2", "kind": "demand", "amount": money("0.60")},
            {"bill_id": "power-eu", "line_id": "1", "meter_id": "meter-eu", "kind": "energy",
             "amount": money("0.30"), "currency": "EUR", **period},
        ],
    }


def tariff() -> dict[str, list[Row]]:
    """What us-east pays: .50 a kWh and .20 a kW of the highest hour: 3.00 and .60, as billed."""
    common = {"tariff_id": "tariff-us", "valid_from": datetime(2026, 1, 1)}
    return {
        "tariff_rates": [
            {**common, "component": component, "period": 0, "tier": 0, "rate": money(rate),
             "unit": unit, "currency": "USD"}
            for component, rate, unit in (("energy", "0.50", "kWh"), ("demand_flat", "0.20", "kW"))
        ],
        "tariff_schedule": [
            {**common, "component": component, "month": 9, "day_type": day_type, "hour": hour,
             "period": 0}
            for component in ("energy", "demand_flat")
            for day_type in ("weekday", "weekend")
            for hour in range(24)
        ],
    }


def charges() -> list[Row]:
    """A lease of 4.00 USD an hour, the network of a site, and a credit without a target."""
    month = {
        "billing_account_id": "account", "billing_currency": "USD", "charge_category": "Usage",
        "billing_period_start": datetime(2026, 9, 1), "billing_period_end": datetime(2026, 10, 1),
        "charge_period_start": at("10:00:00"), "charge_period_end": at("13:00:00"),
    }

    def row(amount: str, **more: Any) -> Row:
        return {**month, "billed_cost": money(amount), "effective_cost": money(amount), **more}

    return [
        row("12.00", invoice_id="INV-1", service_category="Compute", resource_id="srv-us"),
        row("0.30", invoice_id="INV-1", service_category="Networking", resource_id="us"),
        row("-0.90", charge_category="Credit", service_category="Other"),
    ]


def tables() -> dict[str, list[Row]]:
    """All rows by lake table."""
    rates = [(date(2026, 8, 31), "1.10"), (date(2026, 9, 2), "1.20")]
    prices = [("input_uncached", "0.10"), ("input_cache_read", "0.01"), ("output", "0.40")]
    return {
        **fleet(), **energy(), **tariff(),
        "requests": requests(), "engine_samples": engine_samples(), "gpu_samples": gpu_samples(),
        "engine_histograms": histograms(),
        "charges": charges(),
        "fx_rates": [
            {"rate_date": day, "base_currency": "EUR", "quote_currency": "USD", "rate": money(rate)}
            for day, rate in rates
        ],
        "prices": [
            {"provider": "list", "model": "llama-small", "token_class": token_class,
             "valid_from": datetime(2026, 1, 1), "price_per_million_tokens": money(price),
             "currency": "USD"}
            for token_class, price in prices
        ],
        "grid_intensity": [
            {"zone": "US-PJM", "method": "average", "interval_start": at(f"{hour}:00:00"),
             "interval_seconds": 3600, "carbon_grams_per_kwh": 400.0}
            for hour in (10, 11, 12)
        ],
    }


def write_lake(lake: Path, rows: dict[str, list[Row]]) -> None:
    """Write rows as the lake holds them: typed, by event date, with provenance."""
    ensure_tables(lake)
    for table, table_rows in rows.items():
        contract = CONTRACTS[table]
        by_date: dict[date, list[Row]] = {}
        for line, row in enumerate(table_rows, start=1):
            when = row[contract.event_time]
            day = when.date() if isinstance(when, datetime) else when
            provenance = {"source_file": f"{table}.jsonl", "source_line": line, "source_digest": table}
            by_date.setdefault(day, []).append({**provenance, **row})
        for day, day_rows in by_date.items():
            folder = partition_folder(lake, table, day)
            folder.mkdir(parents=True, exist_ok=True)
            frame = pa.Table.from_pylist(day_rows, schema=arrow_schema(contract))
            pq.write_table(frame, folder / "part.parquet")
