"""What holds of any books: nothing is lost, and neither order, units nor threads move a number."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt import small_lake
from tests.properties.compiled import Models, Row

# A warehouse takes a second, so there are few examples, and many rows in each.
FEW = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
HOUR = timedelta(hours=1)
AMOUNTS = st.integers(-(10**9), 10**9).map(lambda units: Decimal(units).scaleb(-4))


@st.composite
def charges(draw: st.DrawFn) -> Row:
    """A charge of any length, for something that the fleet knows or not."""
    start = small_lake.at("00:00:00") + timedelta(minutes=draw(st.integers(0, 24 * 60)))
    amount = small_lake.money(str(draw(AMOUNTS)))
    return {
        "billing_account_id": "account",
        "invoice_id": draw(st.sampled_from(["INV-1", "INV-2"])),
        "billing_currency": draw(st.sampled_from(["USD", "EUR", "JPY"])),
        "charge_category": draw(
            st.sampled_from(["Usage", "Purchase", "Tax", "Credit", "Adjustment"])
        ),
        "service_category": draw(
            st.sampled_from(["Compute", "Networking", "Storage", "Databases", "Other"])
        ),
        "resource_id": draw(st.sampled_from(["srv-us", "gpu-eu-1", "us", "nobody's", None])),
        "commitment_discount_status": draw(st.sampled_from([None, "Used", "Unused"])),
        "billing_period_start": datetime(2026, 9, 1),
        "billing_period_end": datetime(2026, 10, 1),
        "charge_period_start": start,
        "charge_period_end": start + timedelta(minutes=draw(st.integers(0, 50 * 60))),
        "billed_cost": amount,
        "effective_cost": amount,
    }


@st.composite
def requests(draw: st.DrawFn) -> Row:
    """A request that may run for hours."""
    start = small_lake.at("08:00:00") + timedelta(milliseconds=draw(st.integers(0, 6 * 3_600_000)))
    first = start + timedelta(milliseconds=draw(st.integers(0, 600_000)))
    cached = draw(st.integers(0, 1_000))
    return {
        "emitter": "gateway", "clock": "utc", "endpoint": "small-us-0.internal:8000",
        "status": draw(st.sampled_from(["success", "failure"])),
        "tenant_id": draw(st.sampled_from(["acme", "beta", None])),
        "started_at": start, "first_token_at": first,
        "ended_at": first + timedelta(milliseconds=draw(st.integers(0, 4 * 3_600_000))),
        "input_total_tokens": cached + draw(st.integers(0, 10**6)),
        "input_cache_read_tokens": cached,
        "output_total_tokens": draw(st.integers(0, 10**6)),
    }  # fmt: skip


def numbered(rows: list[Row]) -> list[Row]:
    return [{**row, "request_id": f"r{number}"} for number, row in enumerate(rows)]


@FEW
@given(rows=st.lists(charges(), min_size=1, max_size=30))
def test_every_bill_is_in_the_ledger_whole_when_charges_are_random(
    models: Models, rows: list[Row]
) -> None:
    ask = models.ask({**small_lake.tables(), "charges": rows}, "fct_cost_ledger")
    billed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        billed[row["invoice_id"], row["billing_currency"]] += row["effective_cost"]
    found = ask(
        "select bill_id, currency, sum(cost) from fct_cost_ledger where cost_source = 'charges' "
        "group by all"
    )
    ledger = {(bill, currency): cost for bill, currency, cost in found}
    assert ledger.keys() <= billed.keys()
    assert {key: ledger.get(key, Decimal(0)) for key in billed} == billed


@FEW
@given(rows=st.lists(requests(), min_size=1, max_size=30))
def test_tenants_bear_all_of_the_busy_time_when_requests_are_random(
    models: Models, rows: list[Row]
) -> None:
    """The lease of 12.00 and the credit: requests bear what the ledger says, tenant by tenant."""
    tables = {**small_lake.tables(), "requests": numbered(rows)}
    ask = models.ask(tables, "fct_cost_ledger", "fct_requests")
    ledger = ask(
        "select tenant_id, sum(cost_usd) from fct_cost_ledger "
        "where category in ('served', 'waste') and deployment_id = 'small-us' "
        "group by all having sum(cost_usd) <> 0 order by all"
    )
    borne = ask(
        "select tenant_id, sum(cost_active_usd) from fct_requests where deployment_id = 'small-us' "
        "group by all having sum(cost_active_usd) <> 0 order by all"
    )
    assert borne == ledger
    assert ask("select sum(cost) from fct_cost_ledger where bill_id = 'INV-1'") == [
        (Decimal("12.3"),)
    ]


@FEW
@given(rows=st.lists(requests(), min_size=1, max_size=30))
def test_hours_of_a_request_sum_to_it_when_it_is_split_at_their_boundaries(
    models: Models, rows: list[Row]
) -> None:
    ask = models.ask({**small_lake.tables(), "requests": numbered(rows)}, "int_requests__hours")
    for number, row in enumerate(rows):
        hours = ask(
            "select make_timestamp(hour_index * 3600000000), input_total_tokens, "
            "output_total_tokens, service_us from int_requests__hours "
            f"where request_id = 'r{number}' order by 1"
        )
        assert [hour for hour, *_ in hours] == list(_hours(row["started_at"], row["ended_at"]))
        assert sum(given or 0 for _, given, *_ in hours) == row["input_total_tokens"]
        assert sum(made for *_, made, _ in hours) == row["output_total_tokens"]
        whole = row["ended_at"] - row["started_at"]
        assert sum(service for *_, service in hours) == whole // timedelta(microseconds=1)
        for hour, _, made, _ in hours:
            assert abs(made - _even_share(row, hour)) <= 2


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield hour
        hour += HOUR


def _even_share(row: Row, hour: datetime) -> float:
    """Output tokens of an hour, evenly between the first token and the end."""
    length = (row["ended_at"] - row["first_token_at"]) / HOUR
    inside = (min(row["ended_at"], hour + HOUR) - max(row["first_token_at"], hour)) / HOUR
    if length == 0:
        is_there = hour <= row["first_token_at"] < hour + HOUR
        return row["output_total_tokens"] if is_there else 0.0
    return float(row["output_total_tokens"] * max(0.0, inside) / length)


@settings(FEW, max_examples=3)
@given(factor=st.integers(2, 10**4))
def test_no_dollar_moves_when_all_weights_scale(models: Models, factor: int) -> None:
    tables = small_lake.tables()
    weights = ("prefill_weight", "decode_weight", "cache_read_weight")
    scaled = [
        {**row, **{name: row[name] * factor for name in weights}}
        for row in tables["fleet_deployments"]
    ]
    ledger = "from fct_cost_ledger order by all"
    requests = "select request_id, columns('cost_.*') from fct_requests order by all"
    names = ("fct_cost_ledger", "fct_requests")
    before = models.ask(tables, *names)
    expected = [before(ledger), before(requests)]
    after = models.ask({**tables, "fleet_deployments": scaled}, *names)
    assert [after(ledger), after(requests)] == expected


@settings(FEW, max_examples=3)
@given(seed=st.integers(0, 2**32))
def test_no_mart_changes_when_rows_come_in_another_order_or_on_more_threads(
    models: Models, seed: int
) -> None:
    tables = {
        name: [{"source_line": line, **row} for line, row in enumerate(rows, start=1)]
        for name, rows in small_lake.tables().items()
    }
    expected = all_marts(models, tables, threads=1)
    shuffled = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in tables.items()}
    found = all_marts(models, shuffled, threads=4)
    for name, rows in expected.items():
        assert found[name] == rows, name


def all_marts(
    models: Models, tables: dict[str, list[Row]], threads: int
) -> dict[str, list[tuple[Any, ...]]]:
    ask = models.ask(tables, threads=threads)
    return {name: ask(f"from {name} order by all") for name in models.marts}


@settings(FEW, max_examples=3)
@given(lease=st.integers(1, 10**6))
def test_idle_gpu_raises_the_fully_loaded_cost_and_not_the_active_one(
    models: Models, lease: int
) -> None:
    """Leases alone: an idle GPU that draws power would bear a part of the electricity."""
    unmetered = {"energy_bills", "energy_readings", "gpu_samples"}
    tables = {name: rows for name, rows in small_lake.tables().items() if name not in unmetered}
    tables["charges"] = [row for row in tables["charges"] if row.get("resource_id") == "srv-us"]
    server, gpu, charge = (tables[name][0] for name in ("fleet_servers", "fleet_gpus", "charges"))
    amount = small_lake.money(str(Decimal(lease).scaleb(-4)))
    idle = {
        **tables,
        "fleet_servers": [*tables["fleet_servers"], {**server, "server_id": "srv-idle", "gpu_count": 1}],
        "fleet_gpus": [*tables["fleet_gpus"], {**gpu, "server_id": "srv-idle", "gpu_uuid": "G9"}],
        "charges": [
            *tables["charges"],
            {**charge, "resource_id": "srv-idle", "billed_cost": amount, "effective_cost": amount},
        ],
    }  # fmt: skip
    active = (
        "select model, cost_active_usd, usd_per_m_output_active, usd_per_m_input_uncached_active "
        "from rpt_unit_cost order by all"
    )
    loaded = "select sum(cost_fully_loaded_usd) from rpt_unit_cost"
    before = models.ask(tables, "rpt_unit_cost")
    expected, (total,) = before(active), before(loaded)[0]
    after = models.ask(idle, "rpt_unit_cost")
    assert after(active) == expected
    assert after(loaded) == [(total + amount,)]
