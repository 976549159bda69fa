"""Contract of `gpu_offers`: what GPUs are offered for, where and when seen."""

from tokenworks_sources.contracts.charges import MONEY
from tokenworks_sources.contracts.model import Column, Contract

CONTRACT = Contract(
    table="gpu_offers",
    grain="one offer of one GPU type as it was seen at one time",
    description="Prices of rented GPUs, to compare with what a fleet pays. Nothing here was bought.",
    event_time="observed_at",
    key=("provider", "offer_id", "region", "purchase_option", "currency", "observed_at"),
    columns=(
        Column("provider", "string", "Who offers.", required=True),
        Column(
            "offer_id", "string", "The provider's or the list's id of the offer.", required=True
        ),
        Column("observed_at", "timestamp", "When the offer was seen.", "UTC", required=True),
        Column("region", "string", "Region of the offer; null where it is for all or unknown."),
        Column("instance_type", "string", "Instance or shape that is rented."),
        Column("gpu_model", "string", "GPU as the offer names it.", required=True),
        Column("gpu_count", "bigint", "GPUs that the price is for.", required=True, minimum=1),
        Column("gpu_memory_gigabytes", "double", "Memory of one GPU.", "GB", minimum=0),
        Column("interconnect", "string", "PCIe, SXM, NVLink, ..."),
        Column("vcpus", "double", "Virtual CPUs that come with it.", minimum=0),
        Column("memory_gigabytes", "double", "Memory that comes with it.", "GB", minimum=0),
        Column(
            "purchase_option",
            "string",
            "How it is sold; spot is what the provider may take back.",
            required=True,
            allowed=("on_demand", "spot", "reserved"),
        ),
        Column("tier", "string", "The provider's own name of the option, such as community."),
        Column(
            "price_per_hour", MONEY, "Price of one hour of all its GPUs.", required=True, minimum=0
        ),
        Column("currency", "string", "ISO 4217 code.", required=True),
    ),
)
