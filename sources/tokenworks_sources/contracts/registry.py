"""The list of all contracts, by table."""

from tokenworks_sources.contracts import (
    benchmark_runs,
    charges,
    energy,
    engine_histograms,
    engine_samples,
    fleet,
    gpu_offers,
    gpu_samples,
    grid,
    requests,
    series,
    tariffs,
    usage_buckets,
)
from tokenworks_sources.contracts.model import Contract
from tokenworks_sources.errors import UnknownTableError

CONTRACTS: dict[str, Contract] = {
    contract.table: contract
    for contract in (
        requests.CONTRACT,
        usage_buckets.CONTRACT,
        benchmark_runs.CONTRACT,
        series.QUALITY_LABELS,
        engine_samples.CONTRACT,
        engine_histograms.CONTRACT,
        gpu_samples.CONTRACT,
        energy.READINGS,
        energy.BILLS,
        charges.CONTRACT,
        series.PRICES,
        gpu_offers.CONTRACT,
        *grid.CONTRACTS,
        *tariffs.CONTRACTS,
        series.FX_RATES,
        *fleet.CONTRACTS,
    )
}


def contract_of(table: str) -> Contract:
    """The contract of a table; `UnknownTableError` lists the tables there are."""
    try:
        return CONTRACTS[table]
    except KeyError:
        raise UnknownTableError(table, sorted(CONTRACTS)) from None
