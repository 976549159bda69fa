"""AWS Cost and Usage Report: names of its columns, and what each line item type is. Plain data.

Legacy files write `lineItem/UsageStartDate`, Athena and CUR 2.0 `line_item_usage_start_date`; the
second is used for both. CUR 2.0 keeps `product` and `resource_tags` as maps beside the columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TAG = "tag:"
TAG_MAP = "resource_tags"
PRODUCT_MAP = "product"

REQUIRED = (
    "bill_payer_account_id",
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_currency_code",
    "line_item_unblended_cost",
)
MONEY_COLUMNS = (
    "line_item_unblended_cost",
    "line_item_unblended_rate",
    "line_item_usage_amount",
    "pricing_public_on_demand_cost",
    "pricing_public_on_demand_rate",
    "reservation_effective_cost",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
)
TIME_COLUMNS = (
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
)
TEXT_COLUMNS = (
    "bill_billing_entity",
    "bill_invoice_id",
    "bill_invoicing_entity",
    "bill_payer_account_id",
    "bill_payer_account_name",
    "line_item_availability_zone",
    "line_item_currency_code",
    "line_item_legal_entity",
    "line_item_line_item_description",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_usage_account_id",
    "line_item_usage_account_name",
    "pricing_rate_code",
    "pricing_term",
    "pricing_unit",
    "product_location",
    "product_location_type",
    "product_product_name",
    "product_region",
    "product_region_code",
    "product_servicename",
    "product_sku",
    "reservation_reservation_a_r_n",
    "savings_plan_savings_plan_a_r_n",
)
KNOWN = frozenset((*MONEY_COLUMNS, *TIME_COLUMNS, *TEXT_COLUMNS, TAG_MAP, PRODUCT_MAP))


@dataclass(frozen=True)
class Kind:
    """What a line item type is in FOCUS terms.

    Attributes:
        category: ChargeCategory.
        frequency: ChargeFrequency.
        effective: the columns that EffectiveCost is of, a `-` in front taking away; None where it is
            the billed cost, () where it is 0.
        priced: whether quantity and price are of usage.
        pricing: PricingCategory.
        status: CommitmentDiscountStatus.
    """

    category: str
    frequency: str
    effective: tuple[str, ...] | None = None
    priced: bool = False
    pricing: str | None = None
    status: str | None = None


# The formulas of the effective cost are AWS's own for amortised cost.
KINDS = {
    "Usage": Kind("Usage", "Usage-Based", priced=True),
    "DiscountedUsage": Kind(
        "Usage",
        "Usage-Based",
        effective=("reservation_effective_cost",),
        priced=True,
        pricing="Committed",
        status="Used",
    ),
    "SavingsPlanCoveredUsage": Kind(
        "Usage",
        "Usage-Based",
        effective=("savings_plan_savings_plan_effective_cost",),
        priced=True,
        pricing="Committed",
        status="Used",
    ),
    "SavingsPlanNegation": Kind("Adjustment", "Usage-Based", effective=()),
    "SavingsPlanUpfrontFee": Kind("Purchase", "One-Time", effective=()),
    "SavingsPlanRecurringFee": Kind(
        "Purchase",
        "Recurring",
        effective=("savings_plan_total_commitment_to_date", "-savings_plan_used_commitment"),
    ),
    "RIFee": Kind(
        "Purchase",
        "Recurring",
        effective=(
            "reservation_unused_amortized_upfront_fee_for_billing_period",
            "reservation_unused_recurring_fee",
        ),
    ),
    # 0 where it buys a reservation, which its usage then bears.
    "Fee": Kind("Purchase", "One-Time"),
    "Tax": Kind("Tax", "One-Time"),
    "Credit": Kind("Credit", "One-Time"),
    "Refund": Kind("Adjustment", "One-Time"),
    "Discount": Kind("Adjustment", "Usage-Based"),
    "BundledDiscount": Kind("Adjustment", "Usage-Based"),
    "EdpDiscount": Kind("Adjustment", "Usage-Based"),
    "PrivateRateDiscount": Kind("Adjustment", "Usage-Based"),
    "RiVolumeDiscount": Kind("Adjustment", "Usage-Based"),
    "DistributorDiscount": Kind("Adjustment", "Usage-Based"),
    "ResellerDiscount": Kind("Adjustment", "Usage-Based"),
    "SppDiscount": Kind("Adjustment", "Usage-Based"),
}


def own_name(header: str) -> str | None:
    """The column's name as Athena writes it, `tag:…` for a tag, None where it is not read.

    >>> own_name("savingsPlan/SavingsPlanARN"), own_name("resourceTags/user:Name")
    ('savings_plan_savings_plan_a_r_n', 'tag:user:Name')
    """
    if header.startswith("resourceTags/"):
        return TAG + header.removeprefix("resourceTags/")
    if header.startswith("resource_tags_"):
        return TAG + header.removeprefix("resource_tags_")
    name = re.sub(r"(?<=[A-Za-z0-9])(?=[A-Z])", "_", header).lower().replace("/", "_")
    return name if name in KNOWN else None
