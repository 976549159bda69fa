"""Contracts of where GPUs stand: sites, and what their electricity was contracted as."""

from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.contracts.validity import VALID_FROM, VALID_TO

INSTRUMENTS = ("certificate", "ppa", "supplier")

SITES = Contract(
    table="fleet_sites",
    grain="one site",
    description="Where GPUs stand: region, time zone, power.",
    event_time="valid_from",
    key=("site_id",),
    columns=(
        Column("site_id", "string", "Site.", required=True),
        Column(
            "region", "string", "Region in which the site's requests are reported.", required=True
        ),
        Column("time_zone", "string", "IANA time zone.", required=True),
        Column(
            "pue_ratio",
            "double",
            "Power usage effectiveness (ISO/IEC 30134-2); null where only the meter tells.",
            "1",
            minimum=1,
            maximum=3,
        ),
        Column("facility_meter_id", "string", "Meter of the whole facility share."),
        Column("it_meter_id", "string", "Meter of its IT alone: servers, network, storage."),
        Column(
            "tariff_id",
            "string",
            "Tariff of tariff_rates; day_ahead, intraday or real_time is that market of grid_prices.",
        ),
        Column("grid_zone", "string", "Zone of grid_intensity."),
        Column(
            "wue_liters_per_kwh",
            "double",
            "Water usage effectiveness (ISO/IEC 30134-9): site water per kWh of IT.",
            "L/(kW.h)",
            minimum=0,
        ),
        Column("currency", "string", "Currency of the site's electricity bills.", required=True),
        Column(
            "operator_name", "string", "Who runs the fleet: provider of what tenants are shown."
        ),
        VALID_FROM,
        VALID_TO,
    ),
)

ENERGY_CONTRACTS = Contract(
    table="fleet_energy_contracts",
    grain="one contractual instrument for the electricity of one site over a period",
    description="Certificates and contracts that market-based carbon counts first.",
    event_time="valid_from",
    key=("site_id", "instrument", "valid_from"),
    columns=(
        Column("site_id", "string", "Site whose electricity it covers.", required=True),
        Column(
            "instrument",
            "string",
            "certificate: guarantees of origin or RECs; ppa: power purchase; supplier: its factor.",
            required=True,
            allowed=INSTRUMENTS,
        ),
        Column(
            "covered_ratio",
            "double",
            "Share of the site's consumption that it covers.",
            "1",
            required=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "carbon_grams_per_kwh",
            "double",
            "Emissions of what it covers.",
            "g/(kW.h)",
            required=True,
            minimum=0,
        ),
        VALID_FROM,
        VALID_TO,
    ),
)
