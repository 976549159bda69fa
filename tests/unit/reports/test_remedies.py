"""What a report says to do about cost that no rule could place, and what it shows where nothing is known."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from tests.unit.reports.conftest import WriteMart
from tokenworks.reports.build import UnsureReportError, build_report
from tokenworks.reports.quality import MethodCost, Quality
from tokenworks.reports.remedies import remedies
from tokenworks_sources.settings import Settings


def cost(amount: str, grade: str, cause: str, currency: str = "USD") -> MethodCost:
    size = Decimal(amount)
    return MethodCost(
        currency, grade, "m", "unattributed", cause, "accelerator", False, size, abs(size)
    )


def test_remedy_is_named_when_a_cause_is_above_the_limit() -> None:
    """8.00 and 6.00 of 100.00 dollars are above 5 %, 4.00 is not; of 10.00 euros 9.00 is."""
    found = Quality(
        methods=(
            cost("82.00", "measured", ""),
            cost("6.00", "unknown", "no_tokens"),
            cost("8.00", "unknown", "no_weights"),
            cost("4.00", "unknown", "unexplained"),
            cost("9.00", "unknown", "no_weights", "EUR"),
            cost("1.00", "measured", "", "EUR"),
        ),
        fields=(),
        untranslated={},
        telemetry_coverage=None,
    )
    assert [text.split(":")[0] for text in remedies(found)] == [
        "€9.00 (no_weights)",
        "$8.00 (no_weights)",
        "$6.00 (no_tokens)",
    ]
    assert "state `weights` or an `allocation` method" in remedies(found)[0]


def test_nothing_is_to_do_when_all_cost_is_placed() -> None:
    found = Quality((cost("1.00", "measured", ""),), (), {}, None)
    assert remedies(found) == ()


def test_total_of_a_day_is_told_when_it_came_as_one_request(
    home: Settings, write_mart: WriteMart
) -> None:
    """900 of 1,000 tokens in two rows of a day; one of exactly four hours may be a request, one without an end too."""
    day = {"event_date": date(2026, 9, 1), "started_at": datetime(2026, 9, 1)}
    write_mart(
        "fct_requests",
        [
            {**day, "ended_at": datetime(2026, 9, 2), "input_total_tokens": 700},
            {**day, "ended_at": datetime(2026, 9, 1, 4, 0, 1), "output_total_tokens": 200},
            {**day, "ended_at": datetime(2026, 9, 1, 4), "output_total_tokens": 60},
            {**day, "input_total_tokens": 40},
        ],
    )
    result = build_report(home, "2026-09")
    said = (
        "Requests of more than 4 hours (2) hold 90.0% of the tokens, and the cost of a prompt lies in the first hour of "
        "its request: where they are totals of a day, land them through a mapping with `spread: hour` "
        "(docs/mapping.md)."
    )
    assert result.to_do == (said,)
    assert "Requests of more than 4 hours (2)" in result.page_path.read_text()


def test_report_says_what_to_do_when_nothing_tells_requests_apart(
    home: Settings, write_mart: WriteMart
) -> None:
    write_mart(
        "fct_cost_ledger",
        [
            {"event_date": date(2026, 9, 1), "currency": "USD", "category": "unattributed", "cause": "no_weights",
             "component": "accelerator", "bill_id": "b", "charge_line_id": "1", "cost": Decimal(9),
             "cost_usd": Decimal(9)}
        ],
    )  # fmt: skip
    categories = ("served", "waste", "idle", "overhead")
    nothing = [f"{name}_{kind}" for name in categories for kind in ("cost", "amount")]
    nine = dict.fromkeys(
        (
            "unattributed_cost",
            "unattributed_amount",
            "total_cost",
            "total_amount",
            "total_cost_usd",
        ),
        Decimal(9),
    )
    line = {
        "month": "2026-09",
        "currency": "USD",
        "line_kind": "unattributed",
        "is_main_currency": True,
    }
    write_mart("rpt_chargeback", [{**line, **dict.fromkeys(nothing, Decimal(0)), **nine}])
    result = build_report(home, "2026-09")
    assert len(result.to_do) == 1
    assert result.to_do[0].startswith("$9.00 (no_weights): nothing tells how")
    note = load_workbook(result.workbook_path)["Data quality"]["A3"].value
    assert str(note).endswith(result.to_do[0])
    with pytest.raises(UnsureReportError, match=r"\$9\.00 \(no_weights\): nothing tells how"):
        build_report(home, "2026-09", strict=True)


def test_total_is_empty_when_no_cost_of_the_column_is_known(
    home: Settings, write_mart: WriteMart
) -> None:
    """List price is known, cost is not: 0.00 would be a figure."""
    write_mart(
        "rpt_unit_cost",
        [
            {"event_date": date(2026, 9, 1), "model": "m", "tier": "t", "region": "r", "request_count": 1,
             "input_uncached_tokens": 1_000_000, "input_total_tokens": 1_000_000, "input_cache_read_tokens": 0,
             "output_total_tokens": 0}
        ],
    )  # fmt: skip
    workbook = load_workbook(build_report(home, "2026-09").workbook_path)
    total = next(
        row for row in workbook["Unit cost"].iter_rows(values_only=True) if row[0] == "Total"
    )
    assert total[5:9] == (None, None, None, None)
