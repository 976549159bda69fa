"""The FOCUS export of the sample fleet's month: what its bills say, and the ledger to the last digit."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from tests.e2e.running import Ask, Demo
from tokenworks.reports.focus.build import build_focus

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def rows(demo: Demo) -> dict[str, pl.DataFrame]:
    """Rows by view; the checks of the export have passed."""
    files = build_focus(demo.settings, "2026-10", "1.3", ["parquet"])
    return {file.view: pl.read_parquet(file.path) for file in files}


def test_views_carry_the_ledger_of_the_month_to_the_last_digit(
    rows: dict[str, pl.DataFrame], ask_demo: Ask
) -> None:
    ledger = dict(
        ask_demo(
            "select currency, sum(cost) from fct_cost_ledger "
            "where event_date between '2026-10-01' and '2026-10-31' group by currency"
        )
    )
    assert set(ledger) == {"EUR", "USD"}
    for view in rows.values():
        sums = view.group_by("BillingCurrency").agg(pl.col("EffectiveCost").sum())
        assert dict(sums.iter_rows()) == ledger


def test_invoices_bill_what_they_say(rows: dict[str, pl.DataFrame]) -> None:
    billed = dict(rows["supply"].group_by("InvoiceId").agg(pl.col("BilledCost").sum()).iter_rows())
    # 25.95 + 14.50 + 1.46 + 10.84 + 15.80 - 5.00 + 3.81, though four of its hours are November's.
    assert billed["EL-US-2026-10"] == Decimal("67.36")
    # 41.04 + 27.37 + 4.29 + 3.30 + 11.01 + 7.83
    assert billed["EL-EU-2026-10"] == Decimal("94.84")
    # 13 days at 4.00
    assert billed["INV-PS-2026-10-USD"] == Decimal(52)
    assert "EL-EU-2026-11" not in billed


def test_tokens_are_those_that_were_served(rows: dict[str, pl.DataFrame], ask_demo: Ask) -> None:
    usage = rows["showback"].filter(pl.col("ConsumedUnit") == "Tokens")
    shown = dict(usage.group_by("SkuMeter").agg(pl.col("ConsumedQuantity").sum()).iter_rows())
    ((uncached, cached, output),) = ask_demo(
        "select sum(input_uncached_tokens), sum(input_cache_read_tokens), sum(output_total_tokens) "
        "from rpt_unit_cost where event_date between '2026-10-01' and '2026-10-31'"
    )
    # Requests that run over midnight of the last day have some output in November.
    assert shown["Input Tokens"] == Decimal(uncached)
    assert shown["Cached Input Tokens"] == Decimal(cached)
    assert shown["Output Tokens"] == pytest.approx(output, rel=Decimal("0.001"))
    assert set(usage["SubAccountId"]) == {"acme", "borealis", "cobalt", "delta", "evergreen"}
