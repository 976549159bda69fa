"""`tokenworks init`: a home folder to begin with."""

from __future__ import annotations

import typer

from tokenworks.cli import show
from tokenworks_sources.settings import Settings

FLEET_TEMPLATE = """\
# The fleet: dated facts about sites, servers, deployments, tiers and tenants.
# Every entry may have valid_from and valid_to (UTC); without them the file's valid_from holds.
# `tokenworks ingest` reads this file; a mistake is refused with the field's path.
valid_from: 2026-01-01

sites: []
# sites:
#   - id: us-east
#     region: us-east                 # the name that reports show
#     time_zone: America/New_York     # IANA
#     pue: 1.25                       # where the facility has no meter
#     facility_meter: meter-us-east   # where it has one
#     # it_meter: meter-us-east-it    # its IT alone: then PUE is measured
#     # tariff: 539f6a23ec4f0244      # what is landed under tariff_rates, or day_ahead
#     grid_zone: US-PJM
#     currency: USD                   # of the electricity bills

# operator:
#   name: Our Inference Ltd           # provider of the showback rows in the FOCUS export

# servers:
#   - id: srv-us-1                    # leases name it in FOCUS ResourceId
#     site: us-east
#     hostname: gpu-us-1              # as dcgm-exporter reports it
#     gpu_model: NVIDIA H100 80GB HBM3
#     gpus: [GPU-11111111-0000-0000-0000-000000000000]   # or how many: 8 are srv-us-1/0 to srv-us-1/7
#     ownership: leased               # owned servers also have:
#     # purchase: {price: 320000.00, residual: 32000.00, life_months: 48, currency: USD}
#     # host_share: 0.15              # of its charge, for CPUs, memory and chassis

# tiers:
#   - {id: small, rank: 1, slo: {ttft_seconds: 1.0, tpot_seconds: 0.05, e2e_seconds: 30}}

# deployments:
#   - id: small-us
#     key: small-us                   # the gateway's model_id
#     model: llama-3.1-8b-instruct
#     tier: small
#     site: us-east
#     precision: fp8
#     max_num_seqs: 64
#     max_num_batched_tokens: 8192
#     # GPU-seconds per token of each phase, from your own benchmark, split busy time between requests.
#     # Left out they are learnt; other methods are named under `allocation` (docs/fleet.md).
#     weights: {prefill_seconds_per_token: 0.00002, decode_seconds_per_token: 0.0004, cache_read_seconds_per_token: 0.0000004}
#     idle_power_watts: 90
#     replicas:
#       - {id: small-us-0, endpoint: "small-us-0.internal:8000", gpus: [GPU-11111111-0000-0000-0000-000000000000]}

# tenants:
#   - {id: acme, name: Acme, cost_centre: "1001"}
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(init)


def init() -> None:
    """Make a home folder: landing folders for every format and a commented fleet.yaml."""
    from tokenworks_sources.connectors.registry import CONNECTORS

    settings = Settings.from_environment()
    for connector in CONNECTORS:
        (settings.landing / connector.table / connector.name).mkdir(parents=True, exist_ok=True)
    fleet = settings.landing / "fleet" / "fleet_yaml" / "fleet.yaml"
    if fleet.exists():
        show.done("The fleet was already there and is as it was", fleet)
    else:
        fleet.write_text(FLEET_TEMPLATE, encoding="utf-8")
        show.done("Wrote a commented fleet", fleet)
    show.done("Landing folders", settings.landing)
    show.hint(
        "describe your fleet there, drop logs into the landing folders, then `tokenworks ingest`"
    )
