"""Reads the published marts that a replay rests on.

Belongs here: which files, which columns, and the digest that names this very traffic. What the
rows mean is said in `traffic.py` and `fleet.py`.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import xxhash

from tokenworks.replay.errors import TrafficError

REQUESTS = "fct_requests"
HOURS = "fct_deployment_hours"
DEPLOYMENTS = "dim_deployments"
ENERGY = "rpt_energy"
BUILD_HINT = "Build and publish the warehouse first: tokenworks build."

COLUMNS: dict[str, tuple[str, ...]] = {
    REQUESTS: (
        "emitter",
        "request_id",
        "session_id",
        "started_at",
        "first_token_at",
        "ended_at",
        "tenant_id",
        "deployment_id",
        "replica_id",
        "model",
        "model_requested",
        "tier",
        "site_id",
        "region",
        "client_region",
        "status",
        "is_streaming",
        "is_gateway_cache_hit",
        "input_total_tokens",
        "input_cache_read_tokens",
        "output_total_tokens",
        "queue_seconds",
        "ttft_seconds",
        "tpot_seconds",
        "e2e_seconds",
        "cost_active_usd",
        "cost_accelerator_usd",
        "cost_electricity_usd",
        "cost_marginal_usd",
        "energy_accelerator_joules",
        "energy_facility_joules",
        "prompt_fingerprint",
        "prefix_block_hashes",
        "prefix_block_tokens",
        "routing_propensity",
        "quality_score",
        "source_file",
        "source_line",
    ),
    HOURS: (
        "deployment_id",
        "hour_start",
        "input_total_tokens",
        "engine_input_tokens",
        "gpu_hours_assigned",
        "gpu_hours_busy",
        "gpu_hours_not_ready",
        "gpu_energy_joules",
        "cost_served_usd",
        "cost_idle_usd",
        "cost_waste_usd",
    ),
    DEPLOYMENTS: (
        "deployment_id",
        "model",
        "tier",
        "site_id",
        "region",
        "max_num_seqs",
        "prefill_weight",
        "decode_weight",
        "cache_read_weight",
        "replica_count",
        "prefill_replica_count",
        "decode_replica_count",
        "gpu_count",
        "slo_ttft_seconds",
        "slo_tpot_seconds",
        "slo_e2e_seconds",
    ),
    ENERGY: (
        "event_date",
        "model",
        "tier",
        "region",
        "facility_kwh",
        "carbon_location_grams",
    ),
}
#: Marts without which a replay says less, and still runs.
OPTIONAL = (ENERGY,)


def mart_files(folder: Path, mart: str) -> list[Path]:
    """Parquet files of one mart, in a fixed order."""
    single = folder / f"{mart}.parquet"
    files = [single] if single.is_file() else sorted((folder / mart).rglob("*.parquet"))
    if not files and mart not in OPTIONAL:
        raise TrafficError(folder / mart, "there is no published Parquet of this mart.", BUILD_HINT)
    return files


def read_optional_mart(folder: Path, mart: str) -> pl.DataFrame | None:
    """The columns of a mart that need not be there, or null."""
    return read_mart(folder, mart) if mart_files(folder, mart) else None


def read_mart(folder: Path, mart: str) -> pl.DataFrame:
    """The columns of one mart that a replay uses; a missing one is an error that names it."""
    return scan_mart(folder, mart).collect()


def scan_mart(folder: Path, mart: str) -> pl.LazyFrame:
    """The same, to be read when it is asked for."""
    scan = pl.scan_parquet(mart_files(folder, mart), hive_partitioning=False)
    names = scan.collect_schema().names()
    missing = [name for name in COLUMNS[mart] if name not in names]
    if missing:
        raise TrafficError(
            folder / mart,
            f"the mart lacks {', '.join(missing)}.",
            "Publish with this version of the models: tokenworks build.",
        )
    return scan.select(COLUMNS[mart])


def traffic_digest(folder: Path) -> str:
    """Digest of the content of the marts that a replay reads, whatever their names or dates."""
    digest = xxhash.xxh3_128()
    for mart in COLUMNS:
        for path in mart_files(folder, mart):
            with path.open("rb") as handle:
                while chunk := handle.read(1 << 22):
                    digest.update(chunk)
            digest.update(f"|{mart}|".encode())
    return digest.hexdigest()
