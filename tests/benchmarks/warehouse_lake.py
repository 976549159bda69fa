"""A lake of any size for the benchmarks of the warehouse, written by DuckDB as ingest leaves it.

Belongs here: the fleet, its bills, and its requests as a function of the row number. 30 replicas of two
GPUs serve four deployments at two sites, four GPUs are nobody's; one request in a hundred lies in the lake
twice.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.contracts.render import arrow_schema
from tokenworks_sources.lake import ensure_tables, partition_folder

Row = dict[str, Any]
FIRST_DAY = date(2026, 1, 1)
SITES = ("us", "eu")
DEPLOYMENTS = ("small-us", "large-us", "small-eu", "large-eu")
REPLICAS = 30
SERVERS = 8
LEASE_PER_DAY = {"us": "384", "eu": "360"}
REQUESTS = """
select
    'gateway' as emitter,
    'req-' || lpad(n::varchar, 16, '0') as request_id,
    started_at,
    started_at + to_microseconds(50000 + pick(n, 4, 1500000)) as first_token_at,
    started_at + to_microseconds(2000000 + pick(n, 5, 58000000)) as ended_at,
    'utc' as clock,
    'chat' as operation,
    'replica-' || (pick(n, 6, {replicas}))::varchar || '.internal:8000' as endpoint,
    'alias' as model_requested,
    'tenant-' || (pick(n, 7, 20))::varchar as tenant_id,
    input as input_total_tokens,
    case when pick(n, 9, 50) > 0 then input * (pick(n, 8, 10)) // 10 end as input_cache_read_tokens,
    1 + pick(n, 10, 800) as output_total_tokens,
    true as is_streaming,
    case when pick(n, 11, 40) = 0 then 'failure' else 'success' end as status,
    '{file}' as source_file,
    row_number() over () as source_line,
    '{file}' as source_digest
from (
    select
        n,
        copy,
        50 + pick(n, 3, 8000) as input,
        timestamp '{day}' + to_microseconds(pick(n, 2, 86400000000)) as started_at
    from range({first}, {first} + {rows}) as numbers (n)
    cross join range(2) as copies (copy)
    where copy = 0 or n % 100 = 0
) as numbered
"""


def fleet() -> dict[str, list[Row]]:
    """The fleet's tables."""
    dated: Row = {"valid_from": datetime(2025, 1, 1), "valid_to": None}
    weights = {
        "prefill_weight": 0.0001378,
        "decode_weight": 0.0003001,
        "cache_read_weight": 0.00001,
    }
    places = [(number, SITES[number % 2]) for number in range(SERVERS)]
    gpus = [f"GPU-{server}-{index}" for server in range(SERVERS) for index in range(8)]
    # A site's replicas stand on its own servers: even ones in us, odd ones in eu.
    free = {site: iter([g for g in gpus if SITES[int(g[4]) % 2] == site]) for site in SITES}
    replicas = [
        {
            "replica_id": f"replica-{number}", "deployment_id": DEPLOYMENTS[number % 4],
            "gpu_uuid": next(free[DEPLOYMENTS[number % 4][-2:]]),
            "endpoint": f"replica-{number}.internal:8000", **dated,
        }
        for number in range(REPLICAS)
        for _ in range(2)
    ]  # fmt: skip
    return {
        "fleet_sites": [
            {"site_id": site, "region": f"{site}-1", "time_zone": "UTC", "pue_ratio": 1.25,
             "currency": "USD" if site == "us" else "EUR", **dated}
            for site in SITES
        ],
        "fleet_servers": [
            {"server_id": f"server-{number}", "site_id": site, "hostname": f"host-{number}",
             "gpu_model": "H100", "gpu_count": 8, "ownership": "leased", **dated}
            for number, site in places
        ],
        "fleet_gpus": [
            {"gpu_uuid": gpu, "server_id": f"server-{gpu[4]}", "gpu_index": int(gpu[6]), **dated}
            for gpu in gpus
        ],
        "fleet_replicas": replicas,
        "fleet_deployments": [
            {"deployment_id": name, "model": f"model-{name[:-3]}", "tier": name[:-3],
             "site_id": name[-2:], "max_num_seqs": 256, **weights, **dated}
            for name in DEPLOYMENTS
        ],
        "fleet_tiers": [
            {"tier": tier, "rank": rank, **dated} for rank, tier in ((1, "small"), (2, "large"))
        ],
        "fleet_tenants": [
            {"tenant_id": f"tenant-{number}", "tenant_name": f"Tenant {number}", **dated}
            for number in range(20)
        ],
    }  # fmt: skip


def _money(amount: str) -> Decimal:
    return Decimal(amount).quantize(Decimal("1e-12"))


def bills(day: date) -> dict[str, list[Row]]:
    """One day's leases, network, and rate."""
    start = datetime.combine(day, datetime.min.time())
    rows: list[Row] = []
    named = [(f"server-{n}", "Compute", SITES[n % 2]) for n in range(SERVERS)]
    for resource, category, site in [*named, *((site, "Networking", site) for site in SITES)]:
        amount = _money(LEASE_PER_DAY[site] if category == "Compute" else "48")
        rows.append(
            {
                "invoice_id": f"INV-{site}-{day:%Y-%m}", "billing_account_id": "account",
                "billing_currency": "USD" if site == "us" else "EUR", "charge_category": "Usage",
                "service_category": category, "resource_id": resource,
                "billing_period_start": start.replace(day=1),
                "billing_period_end": (start.replace(day=1) + timedelta(days=32)).replace(day=1),
                "charge_period_start": start, "charge_period_end": start + timedelta(days=1),
                "billed_cost": amount, "effective_cost": amount,
            }
        )  # fmt: skip
    rate = {
        "rate_date": day,
        "base_currency": "EUR",
        "quote_currency": "USD",
        "rate": _money("1.1"),
    }
    return {"charges": rows, "fx_rates": [rate]}


def prices() -> list[Row]:
    """A sheet of one's own for both models."""
    classes = {"input_uncached": "0.20", "input_cache_read": "0.02", "output": "0.80"}
    return [
        {"provider": "own", "model": f"model-{tier}", "token_class": token_class, "currency": "USD",
         "valid_from": datetime(2025, 1, 1), "price_per_million_tokens": _money(price)}
        for tier in ("small", "large")
        for token_class, price in classes.items()
    ]  # fmt: skip


def write_base(lake: Path) -> None:
    """The fleet and the prices."""
    ensure_tables(lake)
    for table, rows in (fleet() | {"prices": prices()}).items():
        contract = CONTRACTS[table]
        _write_rows(lake, table, rows[0][contract.event_time].date(), rows, "base")


def write_bills(lake: Path, number: int) -> None:
    """One day's charges and rate."""
    day = FIRST_DAY + timedelta(days=number)
    for table, found in bills(day).items():
        _write_rows(lake, table, day, found, f"{day}")


def write_day(lake: Path, number: int, rows: int) -> None:
    """One day: its requests, charges and rate."""
    day = FIRST_DAY + timedelta(days=number)
    write_bills(lake, number)
    schema = arrow_schema(CONTRACTS["requests"]).empty_table()
    part = partition_folder(lake, "requests", day) / f"{day}.parquet"
    part.parent.mkdir(parents=True, exist_ok=True)
    text = REQUESTS.format(
        replicas=REPLICAS, file=f"requests-{day}", day=day, first=number * rows, rows=rows
    )
    with duckdb.connect() as connection:
        connection.register("empty", schema)
        connection.execute("create macro pick(n, salt, k) as cast(hash(n, salt) % k as bigint)")
        connection.execute("create table requests as from empty")
        connection.execute(f"insert into requests by name {text}")
        connection.execute(f"copy requests to '{part}' (format parquet, compression zstd)")


def _write_rows(lake: Path, table: str, day: date, rows: list[Row], file: str) -> None:
    contract = CONTRACTS[table]
    part = partition_folder(lake, table, day) / f"{file}.parquet"
    part.parent.mkdir(parents=True, exist_ok=True)
    told = [
        {"source_file": file, "source_line": line, "source_digest": f"{table} {file}", **row}
        for line, row in enumerate(rows, start=1)
    ]
    pq.write_table(pa.Table.from_pylist(told, schema=arrow_schema(contract)), part)
