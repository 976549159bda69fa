"""Each check finds the one fault that is put into an export that is clean otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from tokenworks.books.calendar import FiscalPeriod
from tokenworks.reports.focus.checks import findings
from tokenworks.reports.focus.columns import View
from tokenworks.reports.focus.inputs import Inputs
from tokenworks.reports.focus.totals import (
    charges_are_split,
    commitments_are_spent,
    invoices_are_whole,
    views_are_equal,
)
from tokenworks.reports.period import Period

SEPTEMBER = Period(2026, 9)
Change = Callable[[pl.DataFrame], pl.DataFrame]


def setting(line: str, **values: object) -> Change:
    """Other values in the row of one charge."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        of_line = pl.col("x_ChargeId").str.ends_with(line)
        assert rows.filter(of_line).height == 1, line
        return rows.with_columns(
            pl.when(of_line)
            .then(pl.lit(value, dtype=rows.schema[name]))
            .otherwise(name)
            .alias(name)
            for name, value in values.items()
        )

    return change


LEASE, BOUGHT, TAX = "INV-1 lease", "INV-1 bought", "INV-1 tax"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (setting(LEASE, ListCost=Decimal(47)), "ListCost: not ListUnitPrice x PricingQuantity"),
        (setting(LEASE, ContractedCost=Decimal(35)),
         "ContractedCost: not ContractedUnitPrice x PricingQuantity"),
        (setting(LEASE, ListUnitPrice=Decimal(-2), ListCost=Decimal(-48)), "ListUnitPrice: negative"),
        (setting(LEASE, ListUnitPrice=None), "ListUnitPrice: missing"),
        (setting(LEASE, PricingQuantity=None), "PricingQuantity: missing"),
        (setting(LEASE, SkuId=None), "SkuId: missing"),
        (setting(LEASE, SkuMeter=None), "SkuMeter: missing"),
        (setting(TAX, SkuId="sku-tax"), "SkuId: on a charge that is neither usage nor purchase"),
        (setting(LEASE, ConsumedQuantity=None), "ConsumedQuantity: missing"),
        (setting(BOUGHT, ConsumedQuantity=Decimal(1), ConsumedUnit="GPU-Hours"),
         "ConsumedQuantity: on a charge that consumes nothing"),
        (setting(LEASE, ChargeCategory="Rent"), "ChargeCategory: not one of"),
        (setting(LEASE, ChargeClass="Fix"), "ChargeClass: not one of"),
        (setting(LEASE, PricingCategory="Spot"), "PricingCategory: not one of"),
        (setting(LEASE, ServiceCategory="Web"), "ServiceSubcategory: not one of its category"),
        (setting(LEASE, BillingCurrency="usd"), "BillingCurrency: not a code of ISO 4217"),
        (setting(BOUGHT, ChargeFrequency="Usage-Based"), "ChargeFrequency: a purchase is not"),
        (setting(BOUGHT, EffectiveCost=Decimal(1)), "EffectiveCost: of a purchase"),
        (setting(LEASE, ProviderName="Somebody"), "BilledCost: not 0 where another one is paid"),
        (setting("INV-1 used", CommitmentDiscountStatus=None), "CommitmentDiscountStatus: missing"),
        (setting(LEASE, ResourceName=None), "ResourceId, ResourceName, ResourceType: not filled"),
        (setting(LEASE, RegionName=None), "RegionId, RegionName: not filled together"),
        (setting(LEASE, SubAccountId="a"), "SubAccountId, SubAccountName, SubAccountType: not"),
        (setting("INV-1 used", CommitmentDiscountUnit=None), "CommitmentDiscountUnit: not filled"),
        (setting(LEASE, ChargePeriodEnd=datetime(2026, 9, 1, tzinfo=UTC)),
         "ChargePeriodEnd: not after ChargePeriodStart"),
        (setting(LEASE, BillingPeriodStart=datetime(2026, 9, 2, tzinfo=UTC)),
         "BillingPeriodStart: not that of the file"),
        (setting(LEASE, AvailabilityZone=""), "AvailabilityZone: empty text"),
        (setting(LEASE, InvoiceIssuerName=" "), "InvoiceIssuerName: empty text"),
        (setting(LEASE, ChargeDescription="Zürich"), "ChargeDescription: not ASCII"),
        (setting(LEASE, InvoiceId="4711"), "InvoiceId: without a letter"),
        (setting(LEASE, PricingUnit="GPU/Hours-Days"), "PricingUnit: not a form of a unit"),
        (setting(LEASE, Tags='{"a": {"b": 1}}'), "Tags: nested"),
        (setting(LEASE, Tags="[1]"), "Tags: no JSON object"),
        (setting(LEASE, SkuPriceDetails="{"), "SkuPriceDetails: no JSON"),
        (setting(LEASE, SkuId="sku-other"), "SkuPriceId: price-a100 has several SkuId"),
        (setting(LEASE, ServiceSubcategory="Containers"),
         "ServiceName: GPU Servers has several ServiceSubcategory"),
        (setting(LEASE, PricingCurrencyEffectiveCost=Decimal(1)),
         "PricingCurrencyEffectiveCost: not EffectiveCost"),
        (setting(LEASE, BillingAccountName=None), "BillingAccountName: missing"),
        (setting(LEASE, InvoiceIssuerName=None), "InvoiceIssuerName: missing"),
        (setting(LEASE, HostProviderName=None), "HostProviderName: missing"),
        (lambda rows: rows.with_columns(pl.lit("x").alias("Mine")), "columns: not those of FOCUS"),
        (lambda rows: rows.drop("Tags"), "columns: not those of FOCUS 1.3 in order: Tags"),
        (lambda rows: rows.select(sorted(rows.columns, reverse=True)), "in order: order"),
        (lambda rows: rows.with_columns(pl.col("BilledCost").cast(pl.Float64)),
         "BilledCost: Float64 instead of"),
    ],
)  # fmt: skip
def test_fault_is_found_when_one_value_is_wrong(
    datasets: dict[View, pl.DataFrame], change: Change, finding: str
) -> None:
    found = findings(change(datasets["supply"]), "1.3")
    assert any(finding in text for text in found), found


def test_nothing_is_found_when_nothing_is_wrong(datasets: dict[View, pl.DataFrame]) -> None:
    assert [text for rows in datasets.values() for text in findings(rows, "1.3")] == []


def test_finding_names_the_charge_when_a_row_is_wrong(datasets: dict[View, pl.DataFrame]) -> None:
    broken = setting(LEASE, ListCost=Decimal(47))(datasets["supply"])
    assert findings(broken, "1.3") == [
        "ListCost: not ListUnitPrice x PricingQuantity (1 rows, first: charges INV-1 lease)"
    ]


def test_views_differ_when_a_cost_of_one_changes(
    datasets: dict[View, pl.DataFrame], inputs: Inputs
) -> None:
    smallest = setting(LEASE, EffectiveCost=Decimal("36.000000000001"))(datasets["supply"])
    assert list(views_are_equal(smallest, datasets["showback"], inputs)) == [
        (
            "EffectiveCost: in USD the ledger has 855.725925800000, supply 855.725925800001, "
            "showback 855.725925800000"
        )
    ]


def test_invoice_is_not_whole_when_a_row_is_lost_or_changed(
    datasets: dict[View, pl.DataFrame], inputs: Inputs
) -> None:
    rows = datasets["supply"]
    lost = rows.filter(~pl.col("x_ChargeId").str.ends_with(TAX))
    assert list(invoices_are_whole(lost, inputs, SEPTEMBER)) == [
        "BilledCost: INV-1 bills 761.21 USD, its rows 754.01"
    ]
    # Less than half a cent is no minor unit.
    tiny = setting(LEASE, BilledCost=Decimal("36.004"))(rows)
    assert list(invoices_are_whole(tiny, inputs, SEPTEMBER)) == []


def test_commitment_is_not_spent_when_its_unused_part_is_missing(
    datasets: dict[View, pl.DataFrame], inputs: Inputs
) -> None:
    rows = datasets["supply"]
    assert list(commitments_are_spent(rows, inputs, SEPTEMBER)) == []
    lost = rows.filter(~pl.col("x_ChargeId").str.ends_with("unused"))
    assert list(commitments_are_spent(lost, inputs, SEPTEMBER)) == [
        "EffectiveCost: commitment commit-1 bills 720.000000000000 USD and spends 480.000000000000"
    ]
    # Four and five weeks hold a part of September's commitment, which proves nothing.
    weeks = FiscalPeriod(date(2026, 8, 30), date(2026, 9, 26), "FY2026-P12", "4-4-5", 2026, 4, 12)
    assert list(commitments_are_spent(lost, inputs, Period(2026, 12, fiscal=weeks))) == []


def test_charge_is_not_split_when_a_part_is_missing(datasets: dict[View, pl.DataFrame]) -> None:
    supply, showback = datasets["supply"], datasets["showback"]
    lost = showback.filter(pl.col("x_LedgerCategory") != "waste")
    assert list(charges_are_split(supply, lost)) == [
        "AllocatedRatio: the parts of charges INV-1 lease add up to 0.888888888889"
    ]
