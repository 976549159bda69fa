"""AWS Cost and Usage Reports: what each line item costs, both spellings, and the real files."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.charges.aws_cur import CONNECTOR
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

ROW = {
    "bill/InvoiceId": "",
    "bill/InvoicingEntity": "Amazon Web Services, Inc.",
    "bill/BillingEntity": "AWS",
    "bill/PayerAccountId": "111111111111",
    "bill/BillingPeriodStartDate": "2026-10-01T00:00:00.000Z",
    "bill/BillingPeriodEndDate": "2026-11-01T00:00:00.000Z",
    "lineItem/UsageAccountId": "222222222222",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-10-05T07:00:00Z",
    "lineItem/UsageEndDate": "2026-10-05T08:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageAmount": "2.0",
    "lineItem/CurrencyCode": "USD",
    "lineItem/UnblendedRate": "0.3",
    "lineItem/UnblendedCost": "0.6",
    "product/ProductName": "Amazon Elastic Compute Cloud",
    "product/regionCode": "us-east-1",
    "pricing/publicOnDemandCost": "0.8",
    "pricing/publicOnDemandRate": "0.4",
    "pricing/unit": "Hrs",
    "reservation/EffectiveCost": "",
    "reservation/ReservationARN": "",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "",
    "reservation/UnusedRecurringFee": "",
    "savingsPlan/SavingsPlanARN": "",
    "savingsPlan/SavingsPlanEffectiveCost": "",
    "savingsPlan/TotalCommitmentToDate": "",
    "savingsPlan/UsedCommitment": "",
    "resourceTags/user:team": "",
}


def report(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ROW), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**ROW, **row} for row in rows)
    return out.getvalue().encode()


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(content: bytes, name: str = "cur.csv"):
        path = tmp_path / "bills" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        outcome = ingest_file(path, CONNECTOR)
        return outcome.frames["charges"], outcome.rejects

    return run


def test_usage_lands_whole_when_it_is_on_demand(ingest) -> None:
    rows, rejects = ingest(report({"resourceTags/user:team": "chat"}))
    assert rejects.is_empty()
    assert rows.select(
        "source_line", "billing_account_id", "sub_account_id", "billing_period_end",
        "charge_period_start", "charge_period_end", "charge_category", "charge_frequency",
        "billed_cost", "effective_cost", "list_cost", "contracted_cost", "list_unit_price",
        "contracted_unit_price", "pricing_quantity", "pricing_unit", "pricing_category",
        "provider_name", "service_name", "region_id", "invoice_id", "tags",
    ).rows() == [
        (
            2, "111111111111", "222222222222", datetime(2026, 11, 1), datetime(2026, 10, 5, 7),
            datetime(2026, 10, 5, 8), "Usage", "Usage-Based", Decimal("0.6"), Decimal("0.6"),
            Decimal("0.8"), Decimal("0.6"), Decimal("0.4"), Decimal("0.3"), Decimal(2), "Hrs",
            "Standard", "AWS", "Amazon Elastic Compute Cloud", "us-east-1", None,
            '{"user:team":"chat"}',
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "category", "billed", "effective", "listed", "contracted", "status"),
    [
        (
            {"lineItem/LineItemType": "DiscountedUsage", "lineItem/UnblendedCost": "0",
             "reservation/EffectiveCost": "0.45"},
            "Usage", "0", "0.45", "0.8", None, "Used",
        ),
        (
            {"lineItem/LineItemType": "SavingsPlanCoveredUsage",
             "savingsPlan/SavingsPlanEffectiveCost": "0.42"},
            "Usage", "0.6", "0.42", "0.8", "0.6", "Used",
        ),
        (
            {"lineItem/LineItemType": "SavingsPlanNegation", "lineItem/UnblendedCost": "-0.6"},
            "Adjustment", "-0.6", "0", "0", "0", None,
        ),
        (
            {"lineItem/LineItemType": "SavingsPlanRecurringFee", "lineItem/UnblendedCost": "1.00",
             "savingsPlan/TotalCommitmentToDate": "1.00", "savingsPlan/UsedCommitment": "0.42"},
            "Purchase", "1", "0.58", "1", "1", None,
        ),
        (
            {"lineItem/LineItemType": "SavingsPlanUpfrontFee", "lineItem/UnblendedCost": "500"},
            "Purchase", "500", "0", "500", "500", None,
        ),
        (
            {"lineItem/LineItemType": "RIFee", "lineItem/UnblendedCost": "72",
             "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "1.5",
             "reservation/UnusedRecurringFee": "2.25"},
            "Purchase", "72", "3.75", "72", "72", None,
        ),
        (
            {"lineItem/LineItemType": "Fee", "lineItem/UnblendedCost": "900",
             "reservation/ReservationARN": "arn:aws:ec2:us-east-1:1:reserved-instances/a"},
            "Purchase", "900", "0", "900", "900", None,
        ),
        (
            {"lineItem/LineItemType": "Fee", "lineItem/UnblendedCost": "29"},
            "Purchase", "29", "29", "29", "29", None,
        ),
        (
            {"lineItem/LineItemType": "Tax", "lineItem/UnblendedCost": "0.09"},
            "Tax", "0.09", "0.09", "0.09", "0.09", None,
        ),
        (
            {"lineItem/LineItemType": "Credit", "lineItem/UnblendedCost": "-5"},
            "Credit", "-5", "-5", "-5", "-5", None,
        ),
        (
            {"lineItem/LineItemType": "EdpDiscount", "lineItem/UnblendedCost": "-0.06"},
            "Adjustment", "-0.06", "-0.06", "-0.06", "-0.06", None,
        ),
        (
            {"lineItem/LineItemType": "Refund", "lineItem/UnblendedCost": "-3"},
            "Adjustment", "-3", "-3", "-3", "-3", None,
        ),
    ],
)  # fmt: skip
def test_costs_follow_the_type_when_a_line_item_is_not_plain_usage(
    ingest,
    fields: dict[str, str],
    category: str,
    billed: str,
    effective: str,
    listed: str,
    contracted: str | None,
    status: str | None,
) -> None:
    rows, rejects = ingest(report(fields))
    assert rejects.is_empty()
    assert rows.select(
        "charge_category", "billed_cost", "effective_cost", "list_cost", "contracted_cost",
        "commitment_discount_status",
    ).rows() == [
        (
            category, Decimal(billed), Decimal(effective), Decimal(listed),
            Decimal(contracted) if contracted else None, status,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lineItem/LineItemType": "Barter"}, "line_item_line_item_type: unknown"),
        ({"lineItem/LineItemType": ""}, "line_item_line_item_type: missing"),
        ({"lineItem/LineItemType": "DiscountedUsage"}, "reservation_effective_cost: missing"),
        ({"lineItem/UnblendedCost": "$1"}, "line_item_unblended_cost: not a decimal number"),
        (
            {"lineItem/UsageStartDate": "yesterday"},
            "line_item_usage_start_date: not a time (YYYY-MM-DD hh:mm:ss, UTC)",
        ),
    ],
)
def test_a_row_is_rejected_when_its_cost_cannot_be_known(
    ingest, fields: dict[str, str], reason: str
) -> None:
    rows, rejects = ingest(report({}, fields))
    assert rows["source_line"].to_list() == [2]
    assert rejects.select("source_line", "reason").rows() == [(3, reason)]


@pytest.mark.parametrize(
    ("start", "end", "until"),
    [
        ("2026-10-01T00:00:00Z", "2026-10-31T23:59:59Z", datetime(2026, 11, 1)),
        ("2026-10-01 00:00:00", "2026-11-01 00:00:00", datetime(2026, 11, 1)),
        ("2026-10-05T12:00:00Z", "2026-10-05T12:00:00Z", datetime(2026, 10, 5, 12, 0, 1)),
    ],
)
def test_period_ends_exclusive_when_aws_writes_it_otherwise(
    ingest, start: str, end: str, until: datetime
) -> None:
    rows, rejects = ingest(report({"lineItem/UsageStartDate": start, "lineItem/UsageEndDate": end}))
    assert rejects.is_empty()
    assert rows["charge_period_end"].to_list() == [until]


def test_emails_and_keys_become_a_mark_when_a_tag_or_resource_holds_them(ingest) -> None:
    content = report({"resourceTags/user:team": "ada@example.org AKIAABCDEFGHIJKLMNOP chat"})
    rows, _ = ingest(content)
    assert rows["tags"].to_list() == ['{"user:team":"‹redacted› ‹redacted› chat"}']


def test_athena_parquet_and_maps_of_cur_2_are_read_when_columns_are_typed(
    ingest, tmp_path: Path
) -> None:
    path = tmp_path / "cur2.parquet"
    frame = pl.DataFrame(
        {
            "bill_payer_account_id": ["1", "1"],
            "bill_billing_period_start_date": [datetime(2026, 10, 1)] * 2,
            "bill_billing_period_end_date": [datetime(2026, 11, 1)] * 2,
            "line_item_line_item_type": ["Usage", "DiscountedUsage"],
            "line_item_usage_start_date": [datetime(2026, 10, 5, 7)] * 2,
            "line_item_usage_end_date": [datetime(2026, 10, 5, 8)] * 2,
            "line_item_currency_code": ["USD", "USD"],
            "line_item_unblended_cost": [0.1, 0.0],
            "reservation_effective_cost": [0.0, 0.07],
            "product_region_code": ["eu-west-1", ""],
        }
    ).to_arrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    maps = pa.array(
        [[("user_owner", "ada@example.org"), ("team", "a")], []], pa.map_(pa.string(), pa.string())
    )
    product = pa.array([[("product_name", "EC2")], []], pa.map_(pa.string(), pa.string()))
    frame = frame.append_column("resource_tags", maps).append_column("product", product)
    pq.write_table(frame, path)
    rows, rejects = ingest(path.read_bytes(), "cur2.parquet")
    assert rejects.is_empty()
    assert rows.select(
        "billed_cost", "effective_cost", "region_id", "service_name", "tags"
    ).rows() == [
        (
            Decimal("0.1"), Decimal("0.1"), "eu-west-1", "EC2",
            '{"user_owner":"‹redacted›","team":"a"}',
        ),
        (Decimal(0), Decimal("0.07"), None, None, None),
    ]  # fmt: skip


def test_file_is_refused_when_it_is_no_report(ingest) -> None:
    with pytest.raises(LandingFileError, match="lacks bill_payer_account_id"):
        ingest(b"lineItem/LineItemType,lineItem/UnblendedCost\nUsage,1\n")


def _rows_of(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("name", "records", "taxes"),
    [("aws_cur_sample_anonymous.csv.gz", 1281, 12), ("koku_aws_test_cur.csv", 19, 0)],
)
def test_real_report_sums_to_its_unblended_cost_when_ingested(
    shared_data: Path, ingest_file: Callable, name: str, records: int, taxes: int
) -> None:
    path = shared_data / "cloud_bills" / name
    assert recognise(preview_of(path)).connector is CONNECTOR
    outcome = ingest_file(path, CONNECTOR)
    rows = outcome.frames["charges"]
    unblended = [Decimal(row["lineItem/UnblendedCost"]) for row in _rows_of(path)]
    # The lake keeps 12 decimals of each row.
    expected = sum(cost.quantize(Decimal("1e-12")) for cost in unblended)
    assert outcome.rejects.is_empty()
    assert rows.height == records
    assert rows["billed_cost"].sum() == expected
    assert rows["effective_cost"].sum() == expected
    assert rows.filter(pl.col("charge_category") == "Tax").height == taxes
    for tags in rows["tags"].drop_nulls():
        assert isinstance(json.loads(tags), dict)
