"""The runs of two published benchmarks, and a fleet in which each is a deployment of its own."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl

FEBRUARY = "llm_traces/inferencex_feb2026"
APRIL = "llm_traces/inferencex_apr2026"
# Objectives of the agents' tier, in seconds.
TTFT, TPOT = 300.0, 0.1


def february_runs(shared_data: Path) -> list[dict[str, str]]:
    """The authors' summary, one row a run."""
    with (shared_data / FEBRUARY / "experiment_summary_tp1_tp4.csv").open() as stream:
        return list(csv.DictReader(stream))


def april_runs(shared_data: Path) -> dict[Path, dict[str, Any]]:
    """Folders with raw requests and the authors' summary of them; one of the others is a copy."""
    found = {}
    for path in sorted((shared_data / APRIL).glob("agentic_*/detailed_results.csv.gz")):
        run = path.parent.name.removeprefix("agentic_").replace("_bs", "_users")
        summary = shared_data / APRIL / "agg" / f"agg_{run}.json"
        if summary.is_file():
            found[path.parent] = json.loads(summary.read_text())
    return found


def kept_objectives(folder: Path) -> tuple[int, int]:
    """Requests of a run of April that kept the objectives, and all; from its file alone."""
    columns = ["success", "ttft", "itl", "output_tokens_actual"]
    rows = pl.read_csv(folder / "detailed_results.csv.gz", columns=columns, infer_schema=False)
    kept = 0
    for row in rows.iter_rows(named=True):
        ttft, tpot = float(row["ttft"]), float(row["itl"])
        is_smooth = int(row["output_tokens_actual"]) <= 1 or 0 < tpot <= TPOT
        kept += row["success"] == "True" and 0 < ttft <= TTFT and is_smooth
    return kept, rows.height


def fleet_of(tiers: dict[str, str]) -> dict[str, Any]:
    """One deployment per run, under the run's own name as model, in the tier that is named."""
    return {
        "valid_from": "2026-01-01",
        "sites": [{"id": "lab", "region": "lab", "time_zone": "UTC", "currency": "USD"}],
        "servers": [
            {
                "id": f"srv-{run}",
                "site": "lab",
                "gpu_model": "NVIDIA B200",
                "gpus": [f"GPU-{run}"],
                "ownership": "leased",
            }
            for run in tiers
        ],
        "tiers": [
            {"id": "bench", "rank": 1},
            {"id": "agents", "rank": 2, "slo": {"ttft_seconds": TTFT, "tpot_seconds": TPOT}},
        ],
        "deployments": [
            {
                "id": run,
                "key": run,
                "model": run,
                "tier": tier,
                "site": "lab",
                "weights": {"prefill_seconds_per_token": 1e-5, "decode_seconds_per_token": 1e-4},
                "replicas": [{"id": f"{run}-0", "endpoint": run, "gpus": [f"GPU-{run}"]}],
            }
            for run, tier in tiers.items()
        ],
    }
