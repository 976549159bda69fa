"""How figures look to a reader."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tokenworks.reports.charts import daily_chart, where_chart
from tokenworks.reports.formatting import measure, seconds, usd_per_million
from tokenworks.reports.period import Period
from tokenworks.reports.tables import ReportTables


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("2024.997096774193", "USD", "2,025.00"),
        ("2024.997096774193", "JPY", "2,025"),
        ("249.110786101", "kWh", "249.1"),
        ("12355200.000000000000", "GPU-seconds", "12,355,200"),
        ("69093411", "tokens", "69,093,411"),
        ("-0.01", "USD", "\N{MINUS SIGN}0.01"),
        ("0.000000000012", "USD", "0.000000000012"),
        ("-0.0123", "kWh", "\N{MINUS SIGN}0.012"),
        ("0", "kWh", "0.0"),
        ("1.250", "lumens", "1.25"),
    ],
)
def test_figure_is_rounded_by_its_unit_when_shown(value: str, unit: str, text: str) -> None:
    assert measure(Decimal(value), unit) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("306.0329", "$306.03"),
        ("0.6784", "$0.6784"),
        ("0.00098", "$0.00098"),
        ("0.0000312", "$0.000031"),
        ("0", "$0.00"),
    ],
)
def test_small_rate_keeps_two_digits_when_four_places_show_none(rate: str, text: str) -> None:
    assert usd_per_million(Decimal(rate)) == text


def test_nothing_waited_reads_zero_when_the_queue_was_empty() -> None:
    assert (seconds(0.0), seconds(0.018), seconds(0.0000021)) == ("0 ms", "18.0 ms", "0.002 ms")


def test_axis_has_plain_numbers_when_amounts_are_below_ten_thousand(tables: ReportTables) -> None:
    dollars = tables.ledgers[1]
    for chart in (where_chart(dollars), daily_chart(dollars, Period(2026, 9))):
        assert ">20</text>" in chart.svg
        assert "k</text>" not in chart.svg
