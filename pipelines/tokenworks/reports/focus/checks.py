"""Row-level checks of a dataset: what the public validator does not see.

Each check looks at one rule and returns what breaks it. An export with a finding writes no file. What
the specification's own validator can see as well is checked by `make conformance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from tokenworks.reports.focus.columns import (
    ALLOWED,
    COLUMNS,
    COST,
    Version,
    type_of,
)
from tokenworks.reports.focus.services import SUBCATEGORIES
from tokenworks.reports.focus.text_checks import broken, json_objects, texts, unit_forms
from tokenworks_sources.errors import TokenworksError

Check = Callable[[pl.DataFrame], Iterator[str]]
_SHOWN = 5

_ALWAYS = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCurrency",
    "PricingCurrencyEffectiveCost",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "x_ChargeId",
    "x_ChargeKind",
]
_BY_VERSION: Mapping[str, list[str]] = {
    "1.2": ["ProviderName", "PublisherName"],
    "1.3": ["ProviderName", "PublisherName", "ServiceProviderName", "HostProviderName"],
    "1.4": ["ServiceProviderName"],
}
_PRICED = [
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "PricingCurrencyListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
]
# Columns that are filled together or not at all.
_TOGETHER = (
    ("RegionId", "RegionName"),
    ("ResourceId", "ResourceName", "ResourceType"),
    ("SubAccountId", "SubAccountName", "SubAccountType"),
    ("CommitmentDiscountId", "CommitmentDiscountCategory", "CommitmentDiscountName",
     "CommitmentDiscountType"),
    ("CommitmentDiscountQuantity", "CommitmentDiscountUnit"),
    ("ConsumedQuantity", "ConsumedUnit"),
    ("PricingQuantity", "PricingUnit"),
)  # fmt: skip


class FocusCheckError(TokenworksError):
    """A dataset that breaks rules; no file is written.

    Attributes:
        findings: rule and what breaks it.
    """

    def __init__(self, view: str, findings: list[str]) -> None:
        self.findings = tuple(findings)
        more = f"\n  and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
        super().__init__(
            f"The FOCUS {view} rows break their own rules, so no file was written:\n  "
            + "\n  ".join(findings[:_SHOWN])
            + more
            + "\nThe charge is named by x_ChargeId: correct it where it landed, then `tokenworks "
            "ingest --replace` and `tokenworks build`."
        )


def findings(rows: pl.DataFrame, version: Version) -> list[str]:
    """All that is wrong with a dataset of a version."""
    found = [*columns_are_those_of(rows, version)]
    if found:
        return found
    required = [*_ALWAYS, *_BY_VERSION[version]]
    found = [*is_filled(rows, required, pl.lit(True))]
    return found + [finding for check in CHECKS for finding in check(rows)]


def columns_are_those_of(rows: pl.DataFrame, version: Version) -> Iterator[str]:
    """The version's columns, in order and of their types, our own last."""
    expected = {name: type_of(name) for name in COLUMNS[version]}
    if list(rows.columns) != list(expected):
        wrong = sorted(set(rows.columns) ^ set(expected))
        yield f"columns: not those of FOCUS {version} in order: {', '.join(wrong) or 'order'}"
    for name, kind in rows.schema.items():
        if name in expected and kind != expected[name]:
            yield f"{name}: {kind} instead of {expected[name]}"


def is_filled(rows: pl.DataFrame, columns: list[str], when: pl.Expr) -> Iterator[str]:
    """Columns that must not be null where a condition holds."""
    for name in columns:
        yield from broken(rows, when & pl.col(name).is_null(), f"{name}: missing")


def required_when_priced(rows: pl.DataFrame) -> Iterator[str]:
    """Usage and purchases have a price, a quantity and a SKU, and nothing else has."""
    is_priced = pl.col("ChargeCategory").is_in(["Usage", "Purchase"])
    yield from is_filled(rows, _PRICED, is_priced)
    for name in _PRICED:
        is_held = ~is_priced & pl.col(name).is_not_null()
        yield from broken(rows, is_held, f"{name}: on a charge that is neither usage nor purchase")


def consumption(rows: pl.DataFrame) -> Iterator[str]:
    """Usage consumes, but for the unused part of a commitment; nothing else does."""
    status = pl.col("CommitmentDiscountStatus").fill_null("Used")
    consumes = (pl.col("ChargeCategory") == "Usage") & (status != "Unused")
    yield from is_filled(rows, ["ConsumedQuantity"], consumes)
    is_held = ~consumes & pl.col("ConsumedQuantity").is_not_null()
    yield from broken(rows, is_held, "ConsumedQuantity: on a charge that consumes nothing")


def exact_products(rows: pl.DataFrame) -> Iterator[str]:
    """Price times quantity is the cost, to the last digit."""
    quantity = pl.col("PricingQuantity").cast(COST)
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        is_other = pl.col(price).cast(COST) * quantity != pl.col(cost)
        yield from broken(rows, is_other, f"{cost}: not {price} x PricingQuantity")
        yield from broken(rows, pl.col(price) < 0, f"{price}: negative")


def allowed_values(rows: pl.DataFrame) -> Iterator[str]:
    """Enumerations hold what FOCUS allows."""
    for name, values in ALLOWED.items():
        yield from broken(rows, ~pl.col(name).is_in(values), f"{name}: not one of {values}")
    pairs = [f"{name}/{sub}" for name, subs in SUBCATEGORIES.items() for sub in subs]
    pair = pl.concat_str("ServiceCategory", "ServiceSubcategory", separator="/")
    yield from broken(rows, ~pair.is_in(pairs), "ServiceSubcategory: not one of its category")
    for name in ("BillingCurrency", "PricingCurrency"):
        is_code = pl.col(name).str.contains("^[A-Z]{3}$")
        yield from broken(rows, ~is_code, f"{name}: not a code of ISO 4217")


def categories_agree(rows: pl.DataFrame) -> Iterator[str]:
    """What a category forbids: a purchase by usage, a cost of a purchase, a bill of a third party."""
    is_purchase = pl.col("ChargeCategory") == "Purchase"
    by_usage = is_purchase & (pl.col("ChargeFrequency") == "Usage-Based")
    yield from broken(rows, by_usage, "ChargeFrequency: a purchase is not usage-based")
    yield from broken(
        rows, is_purchase & (pl.col("EffectiveCost") != 0), "EffectiveCost: of a purchase"
    )
    provider = "ProviderName" if "ProviderName" in rows.columns else "ServiceProviderName"
    is_third = (pl.col(provider) != pl.col("InvoiceIssuerName")) & (pl.col("BilledCost") != 0)
    yield from broken(rows, is_third, "BilledCost: not 0 where another one is paid")
    status = pl.col("CommitmentDiscountStatus").is_null()
    is_bare = (pl.col("ChargeCategory") == "Usage") & pl.col("CommitmentDiscountId").is_not_null()
    yield from broken(rows, is_bare & status, "CommitmentDiscountStatus: missing")


def filled_together(rows: pl.DataFrame) -> Iterator[str]:
    """Id, name and type stand together; so do quantity and unit."""
    for columns in _TOGETHER:
        held = pl.sum_horizontal(pl.col(name).is_not_null() for name in columns)
        is_partly = (held > 0) & (held < len(columns))
        yield from broken(rows, is_partly, f"{', '.join(columns)}: not filled together")


def periods(rows: pl.DataFrame) -> Iterator[str]:
    """Periods end after they start; all rows are of one billing period, of whole days."""
    for name in ("BillingPeriod", "ChargePeriod"):
        is_reversed = pl.col(f"{name}End") <= pl.col(f"{name}Start")
        yield from broken(rows, is_reversed, f"{name}End: not after {name}Start")
    for name in ("BillingPeriodStart", "BillingPeriodEnd"):
        bound = pl.col(name)
        is_other = (bound != bound.mode().min()) | (bound.dt.truncate("1d") != bound)
        yield from broken(rows, is_other, f"{name}: not that of the file")


def one_parent(rows: pl.DataFrame) -> Iterator[str]:
    """A SKU price has one SKU, a service one category and one subcategory."""
    for child, parent in (
        ("SkuPriceId", "SkuId"),
        ("ServiceName", "ServiceCategory"),
        ("ServiceName", "ServiceSubcategory"),
    ):
        several = rows.filter(pl.col(child).is_not_null()).group_by(child).agg(
            pl.col(parent).n_unique().alias("parents")
        )  # fmt: skip
        for name in several.filter(pl.col("parents") > 1)[child].sort():
            yield f"{child}: {name} has several {parent}"


def pricing_currency(rows: pl.DataFrame) -> Iterator[str]:
    """The pricing currency is the billing currency, and so are its amounts."""
    for pricing, billing in (
        ("PricingCurrency", "BillingCurrency"),
        ("PricingCurrencyListUnitPrice", "ListUnitPrice"),
        ("PricingCurrencyContractedUnitPrice", "ContractedUnitPrice"),
        ("PricingCurrencyEffectiveCost", "EffectiveCost"),
    ):
        yield from broken(
            rows, pl.col(pricing).ne_missing(pl.col(billing)), f"{pricing}: not {billing}"
        )


CHECKS: tuple[Check, ...] = (
    required_when_priced,
    consumption,
    exact_products,
    allowed_values,
    categories_agree,
    filled_together,
    periods,
    texts,
    unit_forms,
    json_objects,
    one_parent,
    pricing_currency,
)
