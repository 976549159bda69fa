"""Azure cost exports: header sets, the order of dates, covered usage, and the real files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.charges.azure_cost import CONNECTOR
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

HEADER = "Date,Cost,BillingCurrency,SubscriptionId,MeterCategory,MeterId,Tags,ChargeType,PricingModel,Quantity,UnitOfMeasure"
GERMAN = (
    "subscriptionId,date,meterCategory,ID der Verbrauchseinheit (MeterId),"
    "UsageQuantity (UsageQuantity),costInBillingCurrency,tags,Currency,Maßeinheit (UnitOfMeasure)"
)


def row(date: str, cost: str = "1.5", kind: str = "Usage", model: str = "OnDemand") -> str:
    return f"{date},{cost},USD,sub-1,Storage,m-1,,{kind},{model},2,1 Hour"


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(content: str | bytes, about: str | None = None):
        folder = tmp_path / "bills"
        folder.mkdir(exist_ok=True)
        path, beside = folder / "azure.csv", ()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if about is not None:
            (folder / "about.yaml").write_text(about)
            beside = (folder / "about.yaml",)
        outcome = ingest_file(path, CONNECTOR, beside)
        return outcome.frames["charges"], outcome.rejects

    return run


@pytest.mark.parametrize(
    ("dates", "about", "expected"),
    [
        (["9/2/2023", "9/21/2023"], None, [datetime(2023, 9, 2), datetime(2023, 9, 21)]),
        (["2/9/2023", "21/9/2023"], None, [datetime(2023, 9, 2), datetime(2023, 9, 21)]),
        (["02/02/2021"], None, [datetime(2021, 2, 2)]),
        (["02.09.2023"], None, [datetime(2023, 9, 2)]),
        (["2023-09-02"], None, [datetime(2023, 9, 2)]),
        (["2023-09-02T00:00:00Z"], None, [datetime(2023, 9, 2)]),
        (["9/2/2023"], "date_order: month_first", [datetime(2023, 9, 2)]),
        (["9/2/2023"], "date_order: day_first", [datetime(2023, 2, 9)]),
        (["3/1/21"], "date_order: month_first", [datetime(2021, 3, 1)]),
    ],
)
def test_dates_are_read_when_their_order_is_proven_or_said(
    ingest, dates: list[str], about: str | None, expected: list[datetime]
) -> None:
    rows, rejects = ingest("\n".join([HEADER, *map(row, dates)]) + "\n", about)
    assert rejects.is_empty()
    assert rows["charge_period_start"].to_list() == expected


def test_file_is_refused_when_nothing_tells_the_order_of_its_dates(ingest) -> None:
    with pytest.raises(LandingFileError, match="whether the day or the month comes first"):
        ingest(f"{HEADER}\n{row('9/2/2023')}\n")


@pytest.mark.parametrize("about", [None, "date_order: day_first"])
def test_file_is_refused_when_its_dates_contradict_each_other(ingest, about: str | None) -> None:
    content = f"{HEADER}\n{row('9/21/2023')}\n" + (f"{row('21/9/2023')}\n" if about is None else "")
    with pytest.raises(LandingFileError, match="contradict"):
        ingest(content, about)


def test_billing_period_proves_the_order_when_it_begins_on_the_first(ingest) -> None:
    header = HEADER + ",BillingPeriodStartDate,BillingPeriodEndDate"
    rows, _ = ingest(f"{header}\n{row('09/02/2023')},09/01/2023,09/12/2023\n")
    assert rows.select(
        "charge_period_start", "billing_period_start", "billing_period_end"
    ).rows() == [(datetime(2023, 9, 2), datetime(2023, 9, 1), datetime(2023, 9, 13))]


@pytest.mark.parametrize(
    ("kind", "model", "category", "billed", "status", "charge_class"),
    [
        ("Usage", "OnDemand", "Usage", "1.5", None, None),
        ("Usage", "Reservation", "Usage", "0", "Used", None),
        ("Usage", "SavingsPlan", "Usage", "0", "Used", None),
        ("UnusedReservation", "Reservation", "Usage", "0", "Unused", None),
        ("Purchase", "Reservation", "Purchase", "1.5", None, None),
        ("Refund", "Reservation", "Purchase", "1.5", None, "Correction"),
        ("RoundingAdjustment", "", "Adjustment", "1.5", None, None),
        ("Tax", "", "Tax", "1.5", None, None),
    ],
)
def test_covered_usage_is_not_billed_when_the_export_is_amortised(
    ingest,
    kind: str,
    model: str,
    category: str,
    billed: str,
    status: str | None,
    charge_class: str | None,
) -> None:
    rows, rejects = ingest(f"{HEADER}\n{row('2023-09-21', '1.5', kind, model)}\n")
    assert rejects.is_empty()
    assert rows.select(
        "charge_category", "billed_cost", "effective_cost", "commitment_discount_status",
        "charge_class",
    ).rows() == [(category, Decimal(billed), Decimal("1.5"), status, charge_class)]  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("2023-09-21", kind="Gift"), "charge_type: unknown"),
        (row("2023-09-21", cost="0,5").replace("0,5", '"0,5"'), "cost: not a decimal number"),
        (row("2023-02-30"), "date: not a date of the file's order"),
    ],
)
def test_a_row_is_rejected_when_a_value_is_unreadable(ingest, bad: str, reason: str) -> None:
    rows, rejects = ingest(f"{HEADER}\n{row('2023-09-21')}\n{bad}\n")
    assert rows.height == 1
    assert rejects.select("source_line", "reason").rows() == [(3, reason)]


def test_currency_is_that_of_the_sidecar_when_no_column_names_one(ingest) -> None:
    spanish = (
        "Id. de suscripción (SubscriptionGuid),UsageDateTime (UsageDateTime),"
        "Categoría del medidor (MeterCategory),Id. de medidor (MeterId),UsageQuantity (UsageQuantity),"
        "PreTaxCost (PreTaxCost),Etiquetas (Tags)\n"
        "sub-1,2019-11-05,Storage,m-1,24,1.2,\n"
    )
    with pytest.raises(LandingFileError, match=r"no column names a currency") as refused:
        ingest(spanish)
    assert "Write `currency: EUR` into about.yaml beside it" in refused.value.hint
    charges, rejects = ingest(spanish, "currency: EUR")
    assert rejects.is_empty()
    assert charges.select("billing_currency", "billed_cost").rows() == [("EUR", Decimal("1.2"))]


def test_a_charge_is_described_by_its_product_when_its_order_is_the_plan(ingest) -> None:
    rows, _ = ingest(
        f"{HEADER},productOrderName,ProductName\n"
        f"{row('2025-10-15')},Azure plan,Virtual Machines ND Series - ND96\n"
        f"{row('2025-10-15')},Azure plan,\n"
    )
    assert rows["charge_description"].to_list() == [
        "Virtual Machines ND Series - ND96",
        "Azure plan",
    ]


def test_german_headers_are_read_when_the_english_name_is_in_brackets(ingest) -> None:
    line = (
        'sub-1,13/02/2021,Storage,m-1,3,0.075,"""env"": ""prod"",""by"": ""a@b.example""",EUR,100 h'
    )
    rows, rejects = ingest(("\ufeff" + GERMAN + "\r\n" + line + "\r\n").encode())
    assert rejects.is_empty()
    assert rows.select(
        "billing_account_id", "billing_period_start", "billing_period_end", "billed_cost",
        "pricing_quantity", "pricing_unit", "sku_price_id", "tags",
    ).rows() == [
        (
            "sub-1", datetime(2021, 2, 1), datetime(2021, 3, 1), Decimal("0.075"), Decimal(3),
            "100 h", "m-1", '{"env": "prod","by": "‹redacted›"}',
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("azure_EA_ActualCost_Small.csv", 11),
        ("azure_billing_headersets/headersets__Enterprise.csv", 1),
        ("azure_billing_headersets/headersets__EnterpriseCamel.csv", 1),
        ("azure_billing_headersets/headersets__PayAsYouGo.csv", 1),
        ("azure_billing_headersets/headersets__YA.csv", 1),
    ],
)
def test_real_export_keeps_its_sum_when_ingested(
    shared_data: Path, ingest_file: Callable, name: str, records: int
) -> None:
    path = shared_data / "cloud_bills" / name
    assert recognise(preview_of(path)).connector is CONNECTOR
    outcome = ingest_file(path, CONNECTOR)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.DictReader(stream))
    cost = next(
        key for key in lines[0] if key.lower() in ("cost", "costinbillingcurrency", "pretaxcost")
    )
    expected = sum(Decimal(line[cost]).quantize(Decimal("1e-12")) for line in lines)
    assert outcome.rejects.is_empty()
    assert outcome.frames["charges"].height == records
    assert outcome.frames["charges"]["effective_cost"].sum() == expected
    assert "@" not in "".join(outcome.frames["charges"]["tags"].drop_nulls())
