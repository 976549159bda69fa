"""Oracle Cloud cost reports: times without seconds, tags with a backslash, corrections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.charges.oci_cost import CONNECTOR
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

HEADER = (
    "lineItem/referenceNo,lineItem/tenantId,lineItem/intervalUsageStart,lineItem/intervalUsageEnd,"
    "product/service,product/compartmentId,product/compartmentName,product/region,"
    "product/availabilityDomain,product/resourceId,usage/billedQuantity,cost/subscriptionId,"
    "cost/productSku,product/Description,cost/unitPrice,cost/myCost,cost/myCostOverage,"
    "cost/currencyCode,cost/billingUnitReadable,cost/overageFlag,lineItem/isCorrection,"
    "tags/Oracle-Tags.CreatedBy,tags/cost\\center"
)
LINE = (
    "ref,tenant,2023-11-13T10:00Z,2023-11-13T11:00Z,COMPUTE,comp-1,training,us-ashburn-1,AD-1,"
    "ocid1.instance.a,1,9001,B98415,GPU - H100,{price},{cost},,USD,GPU Per Hour,N,{correction},"
    "user/ada@example.org,blue"
)


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(*lines: str, header: str = HEADER):
        path = tmp_path / "bills" / "cost.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([header, *lines]) + "\n")
        outcome = ingest_file(path, CONNECTOR)
        return path, outcome.frames["charges"], outcome.rejects

    return run


def test_usage_lands_whole_when_times_lack_seconds_and_a_tag_has_a_backslash(ingest) -> None:
    path, rows, rejects = ingest(LINE.format(price="10", cost="10", correction="false"))
    assert recognise(preview_of(path)).connector is CONNECTOR
    assert rejects.is_empty()
    assert rows.select(
        "billing_account_id", "billing_period_start", "billing_period_end", "charge_period_start",
        "charge_period_end", "charge_category", "charge_class", "billed_cost", "effective_cost",
        "list_cost", "pricing_quantity", "pricing_unit", "service_name", "sub_account_name",
        "sku_id", "tags",
    ).rows() == [
        (
            "9001", datetime(2023, 11, 1), datetime(2023, 12, 1), datetime(2023, 11, 13, 10),
            datetime(2023, 11, 13, 11), "Usage", None, Decimal(10), Decimal(10), None, Decimal(1),
            "GPU Per Hour", "COMPUTE", "training", "B98415",
            '{"Oracle-Tags.CreatedBy":"user/‹redacted›","cost\\\\center":"blue"}',
        )
    ]  # fmt: skip


def test_charge_is_a_correction_when_the_line_says_so(ingest) -> None:
    _, rows, _ = ingest(LINE.format(price="10", cost="-2.5E-7", correction="true"))
    assert rows.select("charge_class", "billed_cost").rows() == [
        ("Correction", Decimal("-0.00000025"))
    ]


def test_a_row_is_rejected_when_its_cost_is_none(ingest) -> None:
    _, rows, rejects = ingest(
        LINE.format(price="10", cost="ten", correction="false"),
        LINE.format(price="10", cost="", correction="false"),
    )
    assert rows.is_empty()
    assert rejects.select("source_line", "reason").rows() == [
        (2, "cost/myCost: not a decimal number"),
        (3, "billed_cost: missing"),
    ]


def test_usage_report_is_refused_when_it_has_no_costs(ingest) -> None:
    with pytest.raises(LandingFileError, match=r"lacks .*cost/myCost, cost/currencyCode"):
        ingest("t,2023-11-13T10:00Z", header="lineItem/tenantId,lineItem/intervalUsageStart")
