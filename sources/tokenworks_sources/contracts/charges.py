"""Contract of `charges`: one billed charge in FOCUS terms."""

from tokenworks_sources.contracts.model import Column, ColumnType, Contract, Rule
from tokenworks_sources.currencies import is_no_currency

MONEY: ColumnType = "decimal(38,12)"

CONTRACT = Contract(
    table="charges",
    grain="one charge row of a FOCUS dataset",
    description="GPU leases, cloud, colocation, network, storage, software, purchases, credits and corrections. Columns are FOCUS columns in snake_case.",
    event_time="charge_period_start",
    key=("source_digest", "source_line"),
    columns=(
        Column("billing_account_id", "string", "FOCUS BillingAccountId.", required=True),
        Column("billing_account_name", "string", "FOCUS BillingAccountName."),
        Column("billing_currency", "string", "FOCUS BillingCurrency (ISO 4217).", required=True),
        Column(
            "billing_period_start", "timestamp", "FOCUS BillingPeriodStart.", "UTC", required=True
        ),
        Column(
            "billing_period_end",
            "timestamp",
            "FOCUS BillingPeriodEnd, exclusive.",
            "UTC",
            required=True,
        ),
        Column(
            "charge_period_start", "timestamp", "FOCUS ChargePeriodStart.", "UTC", required=True
        ),
        Column(
            "charge_period_end",
            "timestamp",
            "FOCUS ChargePeriodEnd, exclusive.",
            "UTC",
            required=True,
        ),
        Column(
            "charge_category",
            "string",
            "FOCUS ChargeCategory.",
            required=True,
            allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
        ),
        Column(
            "charge_class",
            "string",
            "FOCUS ChargeClass: Correction or null.",
            allowed=("Correction",),
        ),
        Column("charge_description", "string", "FOCUS ChargeDescription."),
        Column(
            "charge_frequency",
            "string",
            "FOCUS ChargeFrequency.",
            allowed=("One-Time", "Recurring", "Usage-Based"),
        ),
        Column("billed_cost", MONEY, "FOCUS BilledCost.", required=True),
        Column("effective_cost", MONEY, "FOCUS EffectiveCost.", required=True),
        Column("list_cost", MONEY, "FOCUS ListCost."),
        Column("contracted_cost", MONEY, "FOCUS ContractedCost."),
        Column("list_unit_price", MONEY, "FOCUS ListUnitPrice."),
        Column("contracted_unit_price", MONEY, "FOCUS ContractedUnitPrice."),
        Column("pricing_quantity", MONEY, "FOCUS PricingQuantity."),
        Column("pricing_unit", "string", "FOCUS PricingUnit."),
        Column("pricing_category", "string", "FOCUS PricingCategory."),
        Column("consumed_quantity", MONEY, "FOCUS ConsumedQuantity."),
        Column("consumed_unit", "string", "FOCUS ConsumedUnit."),
        Column("invoice_id", "string", "FOCUS InvoiceId."),
        Column("invoice_issuer_name", "string", "FOCUS InvoiceIssuerName."),
        Column("provider_name", "string", "FOCUS ProviderName."),
        Column("publisher_name", "string", "FOCUS PublisherName."),
        Column("service_category", "string", "FOCUS ServiceCategory."),
        Column("service_subcategory", "string", "FOCUS ServiceSubcategory."),
        Column("service_name", "string", "FOCUS ServiceName."),
        Column("region_id", "string", "FOCUS RegionId."),
        Column("region_name", "string", "FOCUS RegionName."),
        Column("availability_zone", "string", "FOCUS AvailabilityZone."),
        Column(
            "resource_id",
            "string",
            "FOCUS ResourceId, resolved through the fleet (server, GPU or site).",
        ),
        Column("resource_name", "string", "FOCUS ResourceName."),
        Column("resource_type", "string", "FOCUS ResourceType."),
        Column("sku_id", "string", "FOCUS SkuId."),
        Column("sku_price_id", "string", "FOCUS SkuPriceId."),
        Column("sub_account_id", "string", "FOCUS SubAccountId."),
        Column("sub_account_name", "string", "FOCUS SubAccountName."),
        Column("commitment_discount_id", "string", "FOCUS CommitmentDiscountId."),
        Column("commitment_discount_status", "string", "FOCUS CommitmentDiscountStatus."),
        Column("commitment_discount_category", "string", "FOCUS CommitmentDiscountCategory."),
        Column("commitment_discount_name", "string", "FOCUS CommitmentDiscountName."),
        Column("commitment_discount_type", "string", "FOCUS CommitmentDiscountType."),
        Column("commitment_discount_quantity", MONEY, "FOCUS CommitmentDiscountQuantity."),
        Column("commitment_discount_unit", "string", "FOCUS CommitmentDiscountUnit."),
        Column("capacity_reservation_id", "string", "FOCUS CapacityReservationId."),
        Column("capacity_reservation_status", "string", "FOCUS CapacityReservationStatus."),
        Column("billing_account_type", "string", "FOCUS BillingAccountType."),
        Column("sub_account_type", "string", "FOCUS SubAccountType."),
        Column("sku_meter", "string", "FOCUS SkuMeter."),
        Column("host_provider_name", "string", "FOCUS HostProviderName."),
        Column("tags", "string", "FOCUS Tags as a flat JSON object."),
    ),
    rules=(
        Rule(is_no_currency("billing_currency"), "billing_currency: not a code of ISO 4217"),
        Rule("charge_period_end <= charge_period_start", "charge_period_end: not after its start"),
        Rule(
            "billing_period_end <= billing_period_start", "billing_period_end: not after its start"
        ),
    ),
)
