"""Contracts of electricity tariffs: `tariff_rates` (what is charged) and `tariff_schedule` (when)."""

from tokenworks_sources.contracts.model import Column, Contract, Rule

# Components whose period depends on the hour; the others charge once a month, a day or a year.
TIMED = ("energy", "demand_tou", "demand_flat", "coincident", "fuel_adjustment")
COMPONENTS = (*TIMED, "reactive", "fixed", "minimum")

_TARIFF = Column("tariff_id", "string", "Tariff, as its publisher labels it.", required=True)
_VALID_FROM = Column(
    "valid_from",
    "timestamp",
    "The tariff holds from here on; 2000-01-01 where it names no date or an earlier one.",
    "UTC",
    required=True,
)

RATES = Contract(
    table="tariff_rates",
    grain="one tier of one period of one component of one tariff",
    description=(
        "Rates of electricity tariffs. A kWh (or kW) of a period costs rate + adjustment of the "
        "tier that the running total of the bill has reached."
    ),
    event_time="valid_from",
    key=("tariff_id", "valid_from", "component", "period", "tier"),
    columns=(
        _TARIFF,
        Column("utility_name", "string", "Who offers the tariff."),
        Column("tariff_name", "string", "Its name."),
        Column(
            "sector", "string", "Who may have it: Residential, Commercial, Industrial, Lighting."
        ),
        Column("component", "string", "What is charged.", required=True, allowed=COMPONENTS),
        Column(
            "period", "bigint", "Period of `tariff_schedule`, from 0.", required=True, minimum=0
        ),
        Column("tier", "bigint", "Tier within the period, from 0.", required=True, minimum=0),
        Column(
            "tier_max",
            "decimal(38,12)",
            "The tier ends here, counted from 0; null where it has no end.",
            minimum=0,
        ),
        Column("tier_unit", "string", "Unit of `tier_max`, for example kWh, kWh daily or kW."),
        Column("rate", "decimal(38,12)", "Price of one unit.", required=True),
        Column(
            "adjustment", "decimal(38,12)", "What is added to the rate; null where none is named."
        ),
        Column("sell_rate", "decimal(38,12)", "What one exported unit earns."),
        Column("unit", "string", "What the rate is per: kWh, kW, month, day …", required=True),
        Column("currency", "string", "ISO 4217 code.", required=True),
        Column("demand_window_minutes", "double", "Demand is averaged over it.", "min", minimum=0),
        _VALID_FROM,
        Column("valid_to", "timestamp", "The tariff ended here; null while it holds.", "UTC"),
    ),
    rules=(Rule("valid_to < valid_from", "valid_to: before valid_from"),),
)

SCHEDULE = Contract(
    table="tariff_schedule",
    grain="one local hour × kind of day × month of one component of one tariff",
    description="Which period of `tariff_rates` an hour belongs to. Hours are the site's local time.",
    event_time="valid_from",
    key=("tariff_id", "valid_from", "component", "month", "day_type", "hour"),
    columns=(
        _TARIFF,
        Column("component", "string", "What is charged.", required=True, allowed=TIMED),
        Column("month", "bigint", "1 to 12.", required=True, minimum=1, maximum=12),
        Column(
            "day_type",
            "string",
            "weekday or weekend; the tariff's text says which holidays count as weekend.",
            required=True,
            allowed=("weekday", "weekend"),
        ),
        Column("hour", "bigint", "0 to 23, local time.", required=True, minimum=0, maximum=23),
        Column("period", "bigint", "Period of `tariff_rates`.", required=True, minimum=0),
        Column(
            "ratchet_ratio",
            "double",
            "Share of the highest demand of the months before that is billed at least.",
            minimum=0,
        ),
        _VALID_FROM,
    ),
)

CONTRACTS = (RATES, SCHEDULE)
