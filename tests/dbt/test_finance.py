"""What finance reads of the small lake: sums to the bills, and the workbook says the same."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook

from tokenworks.reports.build import build_report
from tokenworks.reports.chargeback import chargebacks
from tokenworks.reports.ledger import ledgers
from tokenworks.reports.period import Period
from tokenworks.reports.read import read_month
from tokenworks_sources.settings import Settings

Ask = Callable[[str], list[tuple[Any, ...]]]
D = Decimal


def test_chargeback_sums_to_the_bills_in_each_currency(ask: Ask) -> None:
    """USD: lease and network 12.30, power 3.60, credit −0.90. EUR: server 13.00, power 0.30."""
    found = ask(
        "select currency, sum(total_cost), sum(total_amount), sum(accrued_cost) "
        "from rpt_chargeback where currency is not null group by all order by 1"
    )
    assert found == [("EUR", D("13.3"), D("13.3"), D(0)), ("USD", D(15), D(15), D(0))]


def test_idle_of_a_deployment_goes_to_those_it_served(ask: Ask) -> None:
    """large-eu served nobody: its idle and what was not observed are no tenant's."""
    found = ask(
        "select line_kind, tenant_id, idle_amount, idle_policy from rpt_chargeback "
        "where month = '2026-09' order by line_kind, tenant_id"
    )
    # small-us idled for 3.211111, nobody's GPU cost 6.583333: by 2.168150 to 2.151692 served.
    assert found == [
        ("not_observed", None, D("10.00"), "tenant-share"),
        ("platform", None, D("2.75"), "tenant-share"),
        ("tenant", "acme", D("4.91"), "tenant-share"),
        ("tenant", "beta", D("4.88"), "tenant-share"),
        ("unattributed", None, D(0), "tenant-share"),
    ]


def test_tokens_and_list_price_stand_on_the_tenants_row(ask: Ask) -> None:
    found = ask(
        "select tenant_id, request_count, input_total_tokens, output_total_tokens, cost_list_usd "
        "from rpt_chargeback where line_kind = 'tenant' order by 1"
    )
    # acme: 30,400 uncached at 0.10, 60,600 cached at 0.01, 1,101 out at 0.40 a million.
    assert found == [
        ("acme", 3, 91_000, 1_101, D("0.0040864")),
        ("beta", 3, 10_400, 9_200, D("0.00472")),
    ]


def test_row_of_the_workbook_is_the_row_in_sql(ask: Ask, copied_home: Settings) -> None:
    path = build_report(copied_home, "2026-09").workbook_path
    rows = {
        (row[0], row[1]): row[2:8]
        for row in load_workbook(path, data_only=True)["Chargeback"].iter_rows(
            min_row=6, values_only=True
        )
    }
    found = ask(
        "select tenant_id, currency, served_amount, waste_amount, idle_amount, overhead_amount, "
        "unattributed_amount, total_amount from rpt_chargeback where line_kind = 'tenant'"
    )
    assert len(found) == 2
    for tenant, currency, *amounts in found:
        assert rows[tenant, currency] == tuple(float(amount) for amount in amounts)


def test_first_month_is_all_new_and_sums_to_the_ledger_in_dollars(ask: Ask) -> None:
    """15.00 USD and 13.30 EUR at the 1.10 of August 31."""
    found = ask(
        "select sum(cost_usd), sum(new_effect_usd), sum(change_usd), sum(cost_base_usd) "
        "from rpt_variance where month = '2026-09'"
    )
    (cost, new, change, base) = found[0]
    assert cost == new == change == pytest.approx(D("29.63"), abs=D("1e-11"))
    assert base == 0


def test_wasted_tokens_and_dollars_stand_by_cause(ask: Ask) -> None:
    found = ask(
        "select cause, model, event_count, input_total_tokens, output_total_tokens, cost_usd "
        "from rpt_waste"
    )
    wasted = ask("select sum(cost_usd) from fct_cost_ledger where category = 'waste'")
    assert found == [("cancelled", "llama-small", 1, 100, 50, wasted[0][0])]


def test_rates_times_tokens_are_what_the_tenant_is_charged(ask: Ask) -> None:
    found = ask(
        "select tenant_id, sum(usd_per_m_charged * token_count) / 1e6, any_value(total_cost_usd) "
        "from rpt_rate_card join rpt_chargeback using (month, tenant_id) "
        "where tenant_id is not null group by all order by 1"
    )
    assert [tenant for tenant, _, _ in found] == ["acme", "beta"]
    for _, charged, total in found:
        assert charged == pytest.approx(float(total), rel=1e-9)


def test_own_sheet_is_the_alternative_where_it_prices_the_model(ask: Ask) -> None:
    """40,800 uncached at 0.10, 60,600 cached at 0.01, 10,301 out at 0.40 a million."""
    found = ask(
        "select deployment_id, alternative_provider, alternative_price_list, buy_cost_usd, "
        "verdict, unknown_because from rpt_breakeven order by 1"
    )
    assert found == [
        ("large-eu", None, None, None, None, "no_tokens"),
        ("small-us", "list", None, D("0.0088064"), "buy", "price_below_marginal_cost"),
    ]


def test_hours_of_each_volume_sum_to_the_deployments_cost(ask: Ask) -> None:
    found = ask(
        "select deployment_id, volume_from_tokens_per_hour, hour_count, token_count "
        "from rpt_scaling order by all"
    )
    assert found == [
        ("large-eu", 0, 3, 0),
        ("small-us", 100, 1, 150),
        ("small-us", 1_000, 1, 1_701),
        ("small-us", 100_000, 1, 110_000),
    ]
    costs = ask("select sum(cost_usd) from rpt_scaling")
    ledger = ask("select sum(cost_usd) from fct_cost_ledger where deployment_id is not null")
    assert costs == ledger


def test_chargeback_of_the_reports_is_read_and_not_shared_again(
    small_home: Settings, ask: Ask
) -> None:
    assert ask("select count(*) from rpt_chargeback") == [(6,)]
    marts = read_month(small_home.published_parquet, Period(2026, 9))
    found = chargebacks(marts.chargeback, ledgers(marts.ledger))
    assert [(charged.currency, charged.total) for charged in found] == [
        ("EUR", D("13.30")),
        ("USD", D("15.00")),
    ]
