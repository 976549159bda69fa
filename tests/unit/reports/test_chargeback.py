"""What the small September charges back, by hand: every line and column to the cent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tokenworks.reports.chargeback import Chargeback
from tokenworks.reports.ledger import CATEGORIES, LedgerError
from tokenworks.reports.period import Period
from tokenworks.reports.read import read_month
from tokenworks.reports.tables import ReportTables, build_tables
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]


def _lines(charged: Chargeback) -> dict[str, list[str]]:
    return {
        line.name: [str(amount) for amount in (*line.amounts, line.total)] for line in charged.lines
    }


def test_currencies_stand_apart_when_two_are_billed(tables: ReportTables) -> None:
    assert [(ledger.currency, str(ledger.total)) for ledger in tables.ledgers] == [
        ("EUR", "3.00"),
        ("USD", "213.50"),
    ]


def test_every_dollar_is_in_one_category_when_the_month_is_summed(tables: ReportTables) -> None:
    euros, dollars = tables.ledgers
    assert {name: str(amount) for name, amount in dollars.categories.items()} == {
        "served": "100.00",
        "waste": "5.00",
        "idle": "100.00",
        "overhead": "6.00",
        "unattributed": "2.50",
    }
    assert [(line.category, line.cause, str(line.amount)) for line in euros.causes] == [
        ("served", "", "10.00"),
        ("idle", "not_ready", "-7.00"),
    ]


def test_days_take_the_odd_cent_by_key_when_idle_is_posted(tables: ReportTables) -> None:
    dollars = tables.ledgers[1]
    assert [(row.day, row.deployment, row.cause, str(row.amount)) for row in dollars.idle] == [
        (date(2026, 9, 1), "small-us", "ready_empty", "20.01"),
        (date(2026, 9, 2), "small-us", "ready_empty", "39.99"),
        (date(2026, 9, 3), "", "unallocated", "40.00"),
    ]


def test_idle_follows_served_cost_when_charged_back(tables: ReportTables) -> None:
    # small-us idles 60: acme served 60 there and birch 30. The free GPU's 40 and the overhead's 6
    # (10 less a credit of 4) go by 60 : 30 : 10.
    assert _lines(tables.chargebacks[1]) == {
        "acme": ["60.00", "0.00", "64.00", "3.60", "0.00", "127.60"],
        "birch": ["30.00", "5.00", "32.00", "1.80", "0.00", "68.80"],
        "cobalt": ["10.00", "0.00", "4.00", "0.60", "0.00", "14.60"],
        "(unattributed)": ["0.00", "0.00", "0.00", "0.00", "2.50", "2.50"],
    }
    assert str(tables.chargebacks[1].total) == "213.50"


def test_credit_is_split_by_its_sign_when_idle_is_negative(tables: ReportTables) -> None:
    assert _lines(tables.chargebacks[0]) == {
        "acme": ["3.34", "0.00", "-2.34", "0.00", "0.00", "1.00"],
        "birch": ["3.33", "0.00", "-2.33", "0.00", "0.00", "1.00"],
        "cobalt": ["3.33", "0.00", "-2.33", "0.00", "0.00", "1.00"],
    }


def _charged(currency: str, total: str, **categories: str) -> dict[str, Any]:
    """A line's exact cost and rounded amount by category, and what it is charged."""
    told = {name: categories.get(name, "0 0").split() for name in CATEGORIES}
    return {
        "currency": currency,
        **{f"{name}_cost": Decimal(cost) for name, (cost, _) in told.items()},
        **{f"{name}_amount": Decimal(amount) for name, (_, amount) in told.items()},
        "total_amount": Decimal(total),
    }


def test_hours_nobody_observed_are_charged_to_nobody_when_billed(
    home: Settings, write_mart: WriteMart
) -> None:
    base = {
        "event_date": date(2026, 9, 1),
        "currency": "JPY",
        "allocation_method": "even-hours",
        "component": "accelerator",
    }
    write_mart(
        "fct_cost_ledger",
        [
            {**base, "category": "served", "tenant_id": "acme", "cost": Decimal(70)},
            {**base, "category": "idle", "cause": "unobserved", "cost": Decimal(30)},
        ],
    )
    charged = {"month": "2026-09", "idle_policy": "platform", "overhead_policy": "platform"}
    nobody, acme = {"line_kind": "not_observed"}, {"line_kind": "tenant", "tenant_id": "acme"}
    write_mart(
        "rpt_chargeback",
        [
            {**charged, **nobody, **_charged("JPY", idle="30 30", total="30")},
            {**charged, **acme, **_charged("JPY", served="70 70", total="70")},
        ],
    )
    marts = read_month(home.published_parquet, Period(2026, 9))
    found = build_tables(marts, Period(2026, 9))
    assert _lines(found.chargebacks[0]) == {
        "acme": ["70", "0", "0", "0", "0", "70"],
        "(not observed)": ["0", "0", "30", "0", "0", "30"],
    }
    assert found.quality.first_line() == (
        "WARNING: unknown share above the limit of 5%: 30.0% of cost has no known cause or method, "
        "3.8% of requests lack a token count, 100.00 JPY have no exchange rate."
    )


def test_tenant_is_charged_its_own_sum_when_categories_are_rounded(
    home: Settings, write_mart: WriteMart
) -> None:
    """.333, .334 and .333 for each of three tenants: by category alone the first is charged 1.02, the others .99."""
    parts = {"served": "0.333", "idle": "0.334", "waste": "0.333"}
    write_mart(
        "fct_cost_ledger",
        [
            {"event_date": date(2026, 9, 1), "currency": "EUR", "category": category,
             "tenant_id": tenant, "cost": Decimal(cost)}
            for tenant in "abc"
            for category, cost in parts.items()
        ],
    )  # fmt: skip
    charged = {"month": "2026-09", "line_kind": "tenant", "idle_policy": "platform"}
    charged |= {"overhead_policy": "platform"}
    by_category = {"a": "0.34", "b": "0.33", "c": "0.33"}
    write_mart(
        "rpt_chargeback",
        [
            {**charged, "tenant_id": tenant, **_charged("EUR", total="1.00", **{
                category: f"{cost} {shown}" for category, cost in parts.items()
            })}
            for tenant, shown in by_category.items()
        ],
    )  # fmt: skip
    marts = read_month(home.published_parquet, Period(2026, 9))
    (found,) = build_tables(marts, Period(2026, 9)).chargebacks
    assert [str(line.total) for line in found.lines] == ["1.00", "1.00", "1.00"]
    sums = [sum(column) for column in zip(*(line.amounts for line in found.lines), strict=True)]
    assert [str(total) for total in sums] == ["1.00", "1.00", "1.00", "0.00", "0.00"]
    assert {amount for line in found.lines for amount in line.amounts[:3]} == {
        Decimal("0.33"),
        Decimal("0.34"),
    }


def test_currency_in_which_nobody_was_served_is_named_beside_the_policy(
    home: Settings, write_mart: WriteMart
) -> None:
    """Overhead of 12.00 pounds, and 30.00 dollars served: pounds have no shares."""
    write_mart(
        "fct_cost_ledger",
        [
            {"event_date": date(2026, 9, 1), "currency": "USD", "category": "served",
             "tenant_id": "acme", "cost": Decimal(30)},
            {"event_date": date(2026, 9, 1), "currency": "GBP", "category": "overhead",
             "cause": "network", "cost": Decimal(12)},
        ],
    )  # fmt: skip
    shared = {"month": "2026-09", "idle_policy": "platform", "overhead_policy": "tenant-share"}
    acme, platform = {"line_kind": "tenant", "tenant_id": "acme"}, {"line_kind": "platform"}
    lines = [
        {**shared, **acme, **_charged("USD", served="30 30", total="30")},
        {**shared, **platform, **_charged("GBP", overhead="12 12", total="12")},
    ]
    write_mart("rpt_chargeback", lines)
    said = "Nobody has served cost above 0 in GBP: its idle and overhead stay with the platform."
    marts = read_month(home.published_parquet, Period(2026, 9))
    assert build_tables(marts, Period(2026, 9)).policy_text.endswith(said)
    # Where the platform bears overhead by policy there is nothing to say.
    write_mart("rpt_chargeback", [{**line, "overhead_policy": "platform"} for line in lines])
    marts = read_month(home.published_parquet, Period(2026, 9))
    assert said not in build_tables(marts, Period(2026, 9)).policy_text


def test_chargeback_is_refused_when_it_is_not_the_ledgers(
    home: Settings, write_mart: WriteMart
) -> None:
    row = {"event_date": date(2026, 9, 1), "currency": "USD", "category": "idle"}
    write_mart("fct_cost_ledger", [{**row, "cause": "ready_empty", "cost": Decimal("8.00")}])
    marts = read_month(home.published_parquet, Period(2026, 9))
    with pytest.raises(LedgerError, match=r"disagree in USD: charged 213\.50, posted 8\.00\. Run"):
        build_tables(marts, Period(2026, 9))


def test_policy_is_said_in_words_when_charged_back(tables: ReportTables) -> None:
    assert tables.policy.name == "idle tenant-share, overhead tenant-share"
    assert tables.policy.text.startswith("The idle of a deployment is shared among the tenants")


def test_tenant_without_known_cost_is_named_when_it_used_tokens(tables: ReportTables) -> None:
    assert tables.uncharged == ("dune",)
