"""Contracts of the grid: `grid_intensity` (carbon) and `grid_prices`, by zone and interval."""

from tokenworks_sources.contracts.model import Column, Contract, Rule

_ZONE = Column(
    "zone", "string", "Grid zone or bidding zone, resolved through the fleet.", required=True
)
_INTERVAL = (
    Column("interval_start", "timestamp", "Start of the interval.", "UTC", required=True),
    Column("interval_seconds", "bigint", "Length of the interval.", "s", required=True, minimum=1),
)

GRID_INTENSITY = Contract(
    table="grid_intensity",
    grain="one grid zone × method × interval",
    description=(
        "Carbon intensity of electricity. Intervals of one zone and method may overlap (an hour "
        "within a year); the shortest one holds."
    ),
    event_time="interval_start",
    key=("zone", "method", "interval_start", "interval_seconds"),
    columns=(
        _ZONE,
        Column(
            "method",
            "string",
            "average: of all generation (location-based); marginal: of one kWh more or less; "
            "residual: of what no certificate claims (market-based). Never mixed.",
            required=True,
            allowed=("average", "marginal", "residual"),
        ),
        *_INTERVAL,
        Column(
            "carbon_grams_per_kwh",
            "double",
            "Emissions per kWh in CO2 equivalents where the source has them; only marginal ones "
            "may be negative.",
            "g/(kW.h)",
            required=True,
        ),
        Column(
            "emission_scope",
            "string",
            "lifecycle or direct (combustion) emissions; null where the source does not say.",
            allowed=("lifecycle", "direct"),
        ),
        Column(
            "carbon_free_ratio",
            "double",
            "Share of carbon-free energy that the operator of the region reports.",
            minimum=0,
            maximum=1,
        ),
    ),
    rules=(
        Rule(
            "method <> 'marginal' and carbon_grams_per_kwh < 0",
            "carbon_grams_per_kwh: below 0, and not marginal",
        ),
    ),
)

GRID_PRICES = Contract(
    table="grid_prices",
    grain="one grid zone × market × price basis × interval",
    description="Prices of electricity by interval: day-ahead, real-time and dynamic retail.",
    event_time="interval_start",
    key=("zone", "market", "price_basis", "interval_start", "interval_seconds"),
    columns=(
        _ZONE,
        Column(
            "market",
            "string",
            "Which market set the price.",
            required=True,
            allowed=("day_ahead", "intraday", "real_time"),
        ),
        Column(
            "price_basis",
            "string",
            "market: as traded; with_vat: with value-added tax; all_in: with the taxes and fees of "
            "a retail contract, without value-added tax; all_in_with_vat: with both.",
            required=True,
            allowed=("market", "with_vat", "all_in", "all_in_with_vat"),
        ),
        *_INTERVAL,
        Column("price_per_kwh", "decimal(38,12)", "Price; may be negative.", required=True),
        Column("currency", "string", "ISO 4217 code of the price.", required=True),
    ),
)

CONTRACTS = (GRID_INTENSITY, GRID_PRICES)
