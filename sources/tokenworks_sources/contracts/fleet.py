"""Contracts of the fleet tables: dated facts from one `fleet.yaml`."""

from tokenworks_sources.contracts.fleet_deployments import ALLOCATIONS, DEPLOYMENTS, REPLICAS
from tokenworks_sources.contracts.fleet_sites import ENERGY_CONTRACTS, SITES
from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.contracts.validity import VALID_FROM, VALID_TO

IDLE_POLICIES = ("tenant-share", "reserved", "platform")
OVERHEAD_POLICIES = ("tenant-share", "platform")

SERVERS = Contract(
    table="fleet_servers",
    grain="one server",
    description="Servers, who owns them and what they cost.",
    event_time="valid_from",
    key=("server_id",),
    columns=(
        Column("server_id", "string", "Server; leases name it in FOCUS ResourceId.", required=True),
        Column("site_id", "string", "Site of the server.", required=True),
        Column("hostname", "string", "Host name as the GPU exporter reports it."),
        Column("gpu_model", "string", "GPU product name.", required=True),
        Column("gpu_count", "bigint", "GPUs in the server.", required=True, minimum=1),
        Column(
            "ownership",
            "string",
            "leased: billed as charges; owned: amortised from here.",
            required=True,
            allowed=("leased", "owned"),
        ),
        Column("purchase_price", "decimal(38,12)", "Price paid for an owned server.", minimum=0),
        Column("residual_value", "decimal(38,12)", "Value at the end of its life.", minimum=0),
        Column("useful_life_months", "bigint", "Straight-line life in months.", minimum=1),
        Column("currency", "string", "Currency of the purchase."),
        Column(
            "discount_rate_ratio",
            "double",
            "Yearly cost of capital, for the annuity beside the straight line.",
            "1",
            minimum=0,
            maximum=1,
        ),
        Column(
            "opex_per_year",
            "decimal(38,12)",
            "Yearly upkeep of an owned server, for its cost per GPU-hour; the ledger has the bills.",
            minimum=0,
        ),
        Column(
            "host_share_ratio",
            "double",
            "Share of the server's charge that CPUs, memory and chassis are; null: unknown.",
            "1",
            minimum=0,
            maximum=1,
        ),
        Column("gpu_rated_watts", "double", "Rated power of one of its GPUs.", "W", minimum=0),
        VALID_FROM,
        VALID_TO,
    ),
)

DEPRECIATION = Contract(
    table="fleet_depreciation",
    grain="one server × revision of its life or residual value",
    description="What was left to write off of an owned server when its estimate was revised.",
    event_time="valid_from",
    key=("server_id", "first_month"),
    columns=(
        Column("server_id", "string", "Server.", required=True),
        Column("first_month", "bigint", "Months of life before it.", required=True, minimum=0),
        Column("month_count", "bigint", "Months it is written off in.", required=True, minimum=1),
        Column(
            "amount",
            "decimal(38,12)",
            "Book value less the value at the end, in the currency of the purchase.",
            required=True,
            minimum=0,
        ),
        Column("residual_value", "decimal(38,12)", "Value at the end of it.", minimum=0),
        Column(
            "capital",
            "decimal(38,12)",
            "What the annuity has not paid back, to the millionth; null without a discount rate.",
            minimum=0,
        ),
        VALID_FROM,
    ),
)

GPUS = Contract(
    table="fleet_gpus",
    grain="one GPU in one server",
    description="GPUs by UUID.",
    event_time="valid_from",
    key=("gpu_uuid",),
    columns=(
        Column("gpu_uuid", "string", "UUID as DCGM reports it.", required=True),
        Column("server_id", "string", "Server that holds it.", required=True),
        Column("gpu_index", "bigint", "Slot in the server.", required=True, minimum=0),
        VALID_FROM,
        VALID_TO,
    ),
)

TIERS = Contract(
    table="fleet_tiers",
    grain="one tier",
    description="Tiers and their service level objectives.",
    event_time="valid_from",
    key=("tier",),
    columns=(
        Column("tier", "string", "Tier.", required=True),
        Column(
            "rank", "bigint", "Order of the tiers, 1 is the smallest.", required=True, minimum=1
        ),
        Column(
            "slo_ttft_seconds", "double", "Objective of the time to first token.", "s", minimum=0
        ),
        Column(
            "slo_tpot_seconds", "double", "Objective of the time per output token.", "s", minimum=0
        ),
        Column("slo_e2e_seconds", "double", "Objective of the whole request.", "s", minimum=0),
        Column(
            "deferrable_hours",
            "bigint",
            "Hours that work of the tier may wait for a cheaper or cleaner one; null: it may not.",
            "h",
            minimum=1,
            maximum=24,
        ),
        VALID_FROM,
        VALID_TO,
    ),
)

TENANTS = Contract(
    table="fleet_tenants",
    grain="one tenant",
    description="Who is charged.",
    event_time="valid_from",
    key=("tenant_id",),
    columns=(
        Column("tenant_id", "string", "Tenant as the request logs name it.", required=True),
        Column("tenant_name", "string", "Name on the chargeback.", required=True),
        Column("cost_centre", "string", "Cost centre in the ledger of the firm."),
        VALID_FROM,
        VALID_TO,
    ),
)

RESERVATIONS = Contract(
    table="fleet_reservations",
    grain="GPUs of one deployment that one tenant reserved over a period",
    description="Who reserved capacity, and so owns its idle time under the policy `reserved`.",
    event_time="valid_from",
    key=("tenant_id", "deployment_id", "valid_from"),
    columns=(
        Column("tenant_id", "string", "Tenant that reserved.", required=True),
        Column("deployment_id", "string", "Deployment.", required=True),
        Column("gpu_count", "double", "GPUs reserved; parts of one count.", "{gpu}", required=True),
        VALID_FROM,
        VALID_TO,
    ),
)

CONTRACT_PRICES = Contract(
    table="fleet_contract_prices",
    grain="prices of one model that were agreed with one tenant over a period",
    description="What a tenant agreed to pay, beside what the list says. A later entry ends an earlier one.",
    event_time="valid_from",
    key=("tenant_id", "model", "valid_from"),
    columns=(
        Column("tenant_id", "string", "Tenant.", required=True),
        Column("model", "string", "Model, as it is served.", required=True),
        Column(
            "input_price",
            "decimal(38,12)",
            "Of a million computed input tokens.",
            required=True,
            minimum=0,
        ),
        Column(
            "cache_read_price",
            "decimal(38,12)",
            "Of a million cached input tokens; null: the same as computed ones.",
            minimum=0,
        ),
        Column(
            "output_price",
            "decimal(38,12)",
            "Of a million output tokens.",
            required=True,
            minimum=0,
        ),
        Column("currency", "string", "ISO 4217 code.", required=True),
        VALID_FROM,
        VALID_TO,
    ),
)

ALTERNATIVES = Contract(
    table="fleet_alternatives",
    grain="one priced model that could be bought in place of a deployment",
    description="What a deployment is held against when it is asked whether to make or to buy.",
    event_time="valid_from",
    key=("deployment_id", "provider", "model", "valid_from"),
    columns=(
        Column("deployment_id", "string", "Deployment.", required=True),
        Column("provider", "string", "Provider, as the prices name it.", required=True),
        Column("model", "string", "Model, as the prices name it.", required=True),
        VALID_FROM,
        VALID_TO,
    ),
)

CHARGEBACK = Contract(
    table="fleet_chargeback",
    grain="one chargeback policy from a date on",
    description="Who is charged with idle and overhead.",
    event_time="valid_from",
    key=("valid_from",),
    columns=(
        Column(
            "idle_policy",
            "string",
            "tenant-share: by served cost; reserved: by GPUs reserved; platform: nobody.",
            required=True,
            allowed=IDLE_POLICIES,
        ),
        Column(
            "overhead_policy",
            "string",
            "tenant-share: by served cost; platform: nobody.",
            required=True,
            allowed=OVERHEAD_POLICIES,
        ),
        VALID_FROM,
        VALID_TO,
    ),
)

BOOKS = Contract(
    table="fleet_books",
    grain="how the books are kept from a date on",
    description="The calendar of the books and the time zone of reports.",
    event_time="valid_from",
    key=("valid_from",),
    columns=(
        Column(
            "calendar",
            "string",
            "Calendar in whose periods the books are closed: gregorian, or one of fleet_fiscal_periods.",
            required=True,
        ),
        Column("time_zone", "string", "IANA time zone of reports.", required=True),
        VALID_FROM,
    ),
)

FISCAL_PERIODS = Contract(
    table="fleet_fiscal_periods",
    grain="one period of one fiscal calendar",
    description="Periods by table: 4-4-5 and its kin, months of a fiscal year, or periods of one's own.",
    event_time="valid_from",
    key=("calendar", "period"),
    columns=(
        Column("calendar", "string", "Name of the calendar.", required=True),
        Column("period", "string", "Name of the period, for example FY2026-P03.", required=True),
        Column("fiscal_year", "bigint", "Fiscal year of the period.", required=True),
        Column(
            "quarter", "bigint", "Quarter of the fiscal year.", required=True, minimum=1, maximum=4
        ),
        Column("period_number", "bigint", "Place in the fiscal year.", required=True, minimum=1),
        Column("first_date", "date", "First date of the period.", required=True),
        Column("last_date", "date", "Last date of the period.", required=True),
        VALID_FROM,
    ),
)

CONTRACTS = (
    SITES,
    ENERGY_CONTRACTS,
    SERVERS,
    DEPRECIATION,
    GPUS,
    REPLICAS,
    DEPLOYMENTS,
    ALLOCATIONS,
    TIERS,
    TENANTS,
    RESERVATIONS,
    CONTRACT_PRICES,
    ALTERNATIVES,
    CHARGEBACK,
    BOOKS,
    FISCAL_PERIODS,
)
