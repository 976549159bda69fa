"""The files of an export: where they lie, their bytes, and that they come back through our connector."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.unit.reports.focus import every_kind
from tokenworks.published import QueryError, query
from tokenworks.reports.focus.build import build_focus
from tokenworks.reports.focus.checks import FocusCheckError
from tokenworks.reports.period import NoDataError, PeriodError
from tokenworks.reports.read import MartError
from tokenworks_sources.connectors.charges.focus import CONNECTOR
from tokenworks_sources.settings import Settings

NAME = "focus_cost_and_usage-2026-09-1.2"
TOTAL = Decimal("855.7259258")


def test_files_lie_in_the_folder_of_the_month_when_built(focus_home: Settings) -> None:
    files = build_focus(focus_home, "2026-09")
    assert [file.path.relative_to(focus_home.reports).as_posix() for file in files] == [
        f"2026-09/focus/{NAME}-supply.parquet",
        f"2026-09/focus/{NAME}-supply.csv",
        f"2026-09/focus/{NAME}-showback.parquet",
        f"2026-09/focus/{NAME}-showback.csv",
    ]
    assert {file.effective["USD"] for file in files} == {TOTAL}
    # Lease 36, reserved 6, commitment 720, server 12,000, tax 7.20, credit -5, rounding 0.01,
    # correction -3; electricity 64.34 and 31; a queue; of August 3.50 and -1.25.
    assert files[0].billed == {"USD": Decimal("12858.8000008")}


def test_bytes_are_the_same_when_built_twice(focus_home: Settings) -> None:
    first = [file.path.read_bytes() for file in build_focus(focus_home, "2026-09", "1.3")]
    second = [file.path.read_bytes() for file in build_focus(focus_home, "2026-09", "1.3")]
    assert first == second


def test_bytes_are_the_same_when_marts_hold_their_rows_in_another_order(
    focus_home: Settings, out: Path
) -> None:
    turned = Settings.at(out)
    every_kind.publish(
        turned.published_parquet,
        fct_charges=every_kind.lines()[::-1],
        fct_cost_ledger=every_kind.ledger()[::-1],
        rpt_token_usage=every_kind.usage()[::-1],
    )
    files = build_focus(focus_home, "2026-09", "1.3"), build_focus(turned, "2026-09", "1.3")
    assert [file.path.read_bytes() for file in files[0]] == [
        file.path.read_bytes() for file in files[1]
    ]


def test_csv_holds_twelve_decimals_and_utc_when_written(focus_home: Settings) -> None:
    build_focus(focus_home, "2026-09", formats=["csv"], views=["supply"])
    path = focus_home.reports / "2026-09" / "focus" / f"{NAME}-supply.csv"
    rows = pl.read_csv(path, infer_schema=False)
    lease = rows.row(by_predicate=pl.col("x_ChargeId") == "charges INV-1 lease", named=True)
    assert {name: lease[name] for name in (
        "EffectiveCost", "ListUnitPrice", "PricingQuantity", "ConsumedQuantity",
        "ChargePeriodStart", "BillingPeriodEnd", "CommitmentDiscountId",
    )} == {
        "EffectiveCost": "36.000000000000",
        "ListUnitPrice": "2.000000",
        "PricingQuantity": "24.000000",
        "ConsumedQuantity": "24.000000",
        "ChargePeriodStart": "2026-09-01T00:00:00Z",
        "BillingPeriodEnd": "2026-10-01T00:00:00Z",
        "CommitmentDiscountId": None,
    }  # fmt: skip


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
@pytest.mark.parametrize("format_", ["csv", "parquet"])
@pytest.mark.parametrize("view", ["supply", "showback"])
def test_effective_cost_comes_back_when_our_export_is_ingested(
    focus_home: Settings, ingest_file: Callable[..., Any], version: Any, format_: Any, view: Any
) -> None:
    (file,) = build_focus(focus_home, "2026-09", version, [format_], [view])
    outcome = ingest_file(file.path, CONNECTOR)
    assert outcome.rejects.height == 0
    assert outcome.frames["charges"]["effective_cost"].sum() == TOTAL


def test_exported_months_are_read_by_sql_and_no_other_file_when_they_are_there(
    focus_home: Settings,
) -> None:
    with duckdb.connect(str(focus_home.published_database)) as connection:
        connection.execute("create table if not exists dim_sites as select 1 as site_id")
    build_focus(focus_home, "2026-09", "1.3", ["parquet"])
    build_focus(focus_home, "2026-09", "1.2", ["parquet"])
    for name in ("focus_cost_and_usage", "focus_cost_and_usage_supply"):
        statement = f"select BillingCurrency, sum(EffectiveCost) from {name} group by all"
        assert query(focus_home, statement)[1] == [("USD", TOTAL)]
    hidden = focus_home.published_parquet / "dim_sites" / "part-0.parquet"
    with pytest.raises(QueryError, match="Permission Error"):
        query(focus_home, f"from read_parquet('{hidden}')")


def test_no_file_is_written_when_a_check_fails(out: Path) -> None:
    home = Settings.at(out)
    marts = every_kind.lines()
    marts[0]["currency"] = "XXX1"
    every_kind.publish(home.published_parquet, fct_charges=marts)
    with pytest.raises(FocusCheckError, match="BillingCurrency: not a code of ISO 4217") as caught:
        build_focus(home, "2026-09")
    assert "no file was written" in str(caught.value)
    assert "charges INV-1 lease" in str(caught.value)
    assert not home.reports.exists()


def test_export_is_refused_when_a_ledger_entry_has_no_charge(out: Path) -> None:
    home = Settings.at(out)
    every_kind.publish(home.published_parquet, fct_charges=every_kind.lines()[1:])
    with pytest.raises(FocusCheckError, match="charges INV-1 lease is spent and is not"):
        build_focus(home, "2026-09")


def test_error_tells_what_to_do_when_there_is_no_such_month_or_mart(
    focus_home: Settings, out: Path
) -> None:
    with pytest.raises(PeriodError, match="Write it as YYYY-MM"):
        build_focus(focus_home, "September")
    with pytest.raises(NoDataError, match="Nothing is published for 2026-03"):
        build_focus(focus_home, "2026-03")
    with pytest.raises(MartError, match="Run `tokenworks build`"):
        build_focus(Settings.at(out), "2026-09")
