"""What tenants agreed to pay, beside what the list says: dated prices of `fleet.yaml` on the small lake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.small_lake import FLEET_FROM, money, tables
from tests.properties.compiled import Models, Row

Ask = Callable[[str], list[tuple[Any, ...]]]
D = Decimal


def _price(valid_from: datetime, prices: str, **more: Any) -> Row:
    given, cached, made = prices.split()
    return {
        "tenant_id": "acme", "model": "llama-small", "input_price": money(given),
        "cache_read_price": None if cached == "-" else money(cached), "output_price": money(made),
        "currency": "EUR", "valid_from": valid_from, "valid_to": None, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def ask(models: Models) -> Ask:
    """Acme pays .50, .05 and 2.00 EUR a million on 2026-09-01; 1.10 dollars are a euro."""
    prices = [
        _price(datetime(2026, 8, 1), "9 9 9"),
        _price(FLEET_FROM, "0.50 0.05 2"),
        _price(datetime(2026, 9, 1, 11), "7 7 7"),
        _price(FLEET_FROM, "3 3 3", model="llama-large"),
        _price(datetime(2026, 8, 1), "5 - 5", tenant_id="beta", valid_to=FLEET_FROM),
    ]
    return models.ask(
        {**tables(), "fleet_contract_prices": prices},
        *("rpt_chargeback", "rpt_rate_card", "rpt_token_usage"),
    )


def test_contract_cost_is_the_price_in_force_as_the_day_began(ask: Ask) -> None:
    """Acme: 30,400 uncached .0152, 60,600 cached .00303, 1,101 out .002202: .020432 EUR, .0224752."""
    found = ask(
        "select tenant_id, cost_list_usd, cost_contract_usd, contract_coverage_ratio "
        "from rpt_chargeback where line_kind = 'tenant' order by 1"
    )
    assert found == [
        ("acme", D("0.0040864"), D("0.0224752"), 1.0),
        ("beta", D("0.00472"), None, 0.0),
    ]


def test_rate_card_has_the_agreed_price_of_each_class(ask: Ask) -> None:
    found = ask(
        "select token_class, usd_per_m_list, usd_per_m_contract from rpt_rate_card "
        "where tenant_id = 'acme' order by 1"
    )
    assert [name for name, *_ in found] == ["input_cache_read", "input_uncached", "output"]
    assert [agreed for *_, agreed in found] == pytest.approx([0.055, 0.55, 2.2])


def test_usage_has_the_agreed_price_in_the_billed_currency(ask: Ask) -> None:
    found = ask(
        "select tenant_id, token_class, currency, contract_price_per_million from rpt_token_usage "
        "where token_class = 'output' order by all"
    )
    assert found == [
        ("acme", "output", "USD", D("2.2")),
        ("beta", "output", "USD", None),
    ]
