"""Contracts of `energy_readings` and `energy_bills`."""

from tokenworks_sources.contracts.model import Column, Contract, Rule
from tokenworks_sources.currencies import is_no_currency

READINGS = Contract(
    table="energy_readings",
    grain="one meter × flow direction × interval",
    description="Interval meter data: Green Button, power analysers, utility CSV.",
    event_time="interval_start",
    key=("meter_id", "flow_direction", "interval_start", "interval_seconds"),
    columns=(
        Column(
            "meter_id",
            "string",
            "Meter, usage point or analyser channel, resolved through the fleet.",
            required=True,
        ),
        Column(
            "flow_direction",
            "string",
            "import: delivered to the site; export: received from it; net: import less export.",
            required=True,
            allowed=("import", "export", "net", "total", "unknown"),
        ),
        Column("interval_start", "timestamp", "Start of the interval.", "UTC", required=True),
        Column(
            "interval_seconds", "bigint", "Length of the interval.", "s", required=True, minimum=1
        ),
        Column("energy_kwh", "double", "Energy in the interval.", "kW.h"),
        Column(
            "average_power_kw",
            "double",
            "Mean power in the interval, measured or energy over time.",
            "kW",
        ),
        Column(
            "quality",
            "string",
            "valid, edited, estimated, questionable, derived, projected, raw, validated, verified, revenue or unknown.",
            required=True,
            allowed=(
                "valid",
                "edited",
                "estimated",
                "questionable",
                "derived",
                "projected",
                "raw",
                "validated",
                "verified",
                "revenue",
                "unknown",
            ),
        ),
        Column("cost", "decimal(38,12)", "Cost of the interval where the feed has one."),
        Column("currency", "string", "ISO 4217 code of the cost."),
        Column("tariff_period", "string", "Time-of-use period as the feed names it."),
    ),
    rules=(Rule("cost is not null and currency is null", "currency: missing where cost is given"),),
)

BILLS = Contract(
    table="energy_bills",
    grain="one line of one electricity bill",
    description="What the utility billed, line by line.",
    event_time="period_start",
    key=("bill_id", "meter_id", "currency", "line_id"),
    columns=(
        Column(
            "bill_id", "string", "Invoice or statement number, as its issuer counts.", required=True
        ),
        Column("line_id", "string", "Line within the bill.", required=True),
        Column(
            "meter_id",
            "string",
            "Meter the line is for, resolved through the fleet.",
            required=True,
        ),
        Column("utility_name", "string", "Issuer of the bill."),
        Column(
            "period_start",
            "timestamp",
            "Start of the billed period, inclusive.",
            "UTC",
            required=True,
        ),
        Column(
            "period_end", "timestamp", "End of the billed period, exclusive.", "UTC", required=True
        ),
        Column(
            "kind",
            "string",
            "What the line charges.",
            required=True,
            allowed=("energy", "demand", "fixed", "tax", "credit", "rider"),
        ),
        Column("quantity", "double", "Billed quantity."),
        Column("unit", "string", "Unit of the quantity, for example kWh or kW."),
        Column(
            "peak_at",
            "timestamp",
            "Demand: when the billed peak was, where the bill says it.",
            "UTC",
        ),
        Column(
            "amount", "decimal(38,12)", "Amount of the line; credits are negative.", required=True
        ),
        Column("currency", "string", "ISO 4217 code.", required=True),
        Column("issued_at", "timestamp", "When the bill was issued.", "UTC"),
        Column("description", "string", "The line's text."),
    ),
    rules=(
        Rule(is_no_currency("currency"), "currency: not a code of ISO 4217"),
        Rule("period_end <= period_start", "period_end: not after period_start"),
    ),
)
