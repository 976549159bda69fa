"""Where each kind of billed line lands, typed out: what a cloud bills beside leases."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt import small_lake
from tests.properties.compiled import Models, Row
from tokenworks.dbt_project import dbt_paths

D = Decimal
# Description, category, service category, what else it says, billed and effective cost, and where it lands.
KINDS: tuple[tuple[str, str, str, Row, str, str, tuple[str | None, ...]], ...] = (
    ("egress", "Usage", "Networking", {}, "31.00", "31.00", ("network", "overhead", "network")),
    ("objects", "Usage", "Storage", {}, "15.50", "15.50", ("storage", "overhead", "storage")),
    ("monitoring", "Usage", "Management and Governance", {}, "7.00", "7.00",
     ("software", "overhead", "software")),
    ("gateway licence", "Purchase", "AI and Machine Learning", {}, "20.00", "20.00",
     ("software", "overhead", "software")),
    ("support fee of 3 %", "Usage", "Other", {}, "24.30", "24.30", ("other", "overhead", "other")),
    ("sales tax", "Tax", "Other", {}, "8.25", "8.25", ("other", "overhead", "other")),
    ("rounding", "Adjustment", "Other", {}, "-1.23", "-1.23", ("other", "overhead", "other")),
    ("rent of the cage", "Usage", "Other", {"resource_id": "us"}, "12.00", "12.00",
     ("cooling", "overhead", "cooling")),
    ("a machine that fleet.yaml does not know", "Usage", "Compute", {"resource_id": "vm"}, "5.00",
     "5.00", ("other", "overhead", "other")),
    ("savings plan", "Purchase", "Compute", {"commitment_discount_id": "plan"}, "100.00", "0.00",
     ()),
    ("unused plan", "Usage", "Compute",
     {"commitment_discount_id": "plan", "commitment_discount_status": "Unused"}, "0.00", "40.00",
     ("other", "idle", "unallocated")),
    ("unused block", "Usage", "Compute", {"capacity_reservation_status": "Unused"}, "3.00", "3.00",
     ("other", "idle", "unallocated")),
)  # fmt: skip
# Of a server: its GPUs bear them, in whatever state they are.
ON_SERVER = (
    ("covered by the plan", {"commitment_discount_status": "Used"}, "0.00", "60.00"),
    ("promotional credit", {"charge_category": "Credit"}, "-10.00", "-10.00"),
    ("correction", {"charge_class": "Correction"}, "-2.00", "-2.00"),
)


def _line(name: str, billed: str, effective: str, **more: Any) -> Row:
    return {
        "billing_account_id": "account", "billing_currency": "USD", "invoice_id": f"INV {name}",
        "charge_category": "Usage", "charge_description": name, "service_category": "Compute",
        "billing_period_start": datetime(2026, 9, 1), "billing_period_end": datetime(2026, 10, 1),
        "charge_period_start": small_lake.at("10:00:00"),
        "charge_period_end": small_lake.at("12:00:00"),
        "billed_cost": small_lake.money(billed), "effective_cost": small_lake.money(effective),
        **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def landed(models: Models) -> dict[str, list[tuple[Any, ...]]]:
    """Component, category, cause and cost by bill."""
    rows = [
        _line(name, billed, cost, charge_category=category, service_category=service, **more)
        for name, category, service, more, billed, cost, _ in KINDS
    ]
    rows += [_line(name, b, c, resource_id="srv-us", **more) for name, more, b, c in ON_SERVER]
    ask = models.ask({**small_lake.tables(), "charges": rows}, "fct_cost_ledger")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for bill, *entry in ask(
        "select bill_id, component, category, cause, sum(cost) from fct_cost_ledger "
        "where cost_source = 'charges' group by all order by all"
    ):
        found.setdefault(bill, []).append(tuple(entry))
    return found


@pytest.mark.parametrize("kind", KINDS, ids=[kind[0] for kind in KINDS])
def test_charge_lands_where_its_kind_belongs(
    landed: dict[str, list[tuple[Any, ...]]],
    kind: tuple[str, str, str, Row, str, str, tuple[str | None, ...]],
) -> None:
    name, *_, cost, place = kind
    assert landed.get(f"INV {name}", []) == ([(*place, D(cost))] if place else [])


@pytest.mark.parametrize("kind", ON_SERVER, ids=[kind[0] for kind in ON_SERVER])
def test_charge_of_a_server_is_borne_by_its_gpus_whole(
    landed: dict[str, list[tuple[Any, ...]]], kind: tuple[str, Row, str, str]
) -> None:
    entries = landed[f"INV {kind[0]}"]
    assert {entry[0] for entry in entries} == {"accelerator"}
    assert {entry[1] for entry in entries} <= {"served", "waste", "idle", "unattributed"}
    assert sum(entry[3] for entry in entries) == D(kind[3])


def test_books_agree_when_a_servers_charge_has_no_rate(models: Models) -> None:
    """7.00 pounds beside 12.00 dollars on one server: the dollars of its requests are unknown, and no fault."""
    rows = [
        _line("lease", "12.00", "12.00", resource_id="srv-us"),
        _line("hosting", "7.00", "7.00", resource_id="srv-us", billing_currency="GBP"),
    ]
    ask = models.ask({**small_lake.tables(), "charges": rows}, "fct_requests", "fct_cost_ledger")
    tests = dbt_paths(models.settings).target / "compiled" / "tokenworks" / "tests"
    assert ask((tests / "assert_requests_sum_to_ledger.sql").read_text()) == []
    found = ask(
        "select request_id, cost_accelerator_usd, cost_electricity_usd > 0 from fct_requests "
        "where request_id in ('A', 'B') order by 1"
    )
    assert found == [("A", None, True), ("B", None, True)]
