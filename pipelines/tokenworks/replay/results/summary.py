"""A result as plain data: what a table, a notebook, a page or SQL shows."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import polars as pl

from tokenworks.replay.answer import Answer
from tokenworks.replay.estimates.estimate import Estimate
from tokenworks.replay.results.assumptions import assumptions
from tokenworks.replay.results.sharing import cache_sharing

#: Raise when the same scenario and traffic would give other numbers.
METHOD_VERSION = 9


def summary(found: Answer, run_id: str) -> dict[str, Any]:
    """The whole result but its requests."""
    traffic = found.traffic
    busy = {"no_change": found.baseline, "scenario": found.played}
    return {
        "run_id": run_id,
        "scenario": json.loads(found.scenario.canonical()),
        "levers": list(found.scenario.levers),
        "method_version": METHOD_VERSION,
        "loop": loop_of(found),
        "is_forced": bool(found.reasons),
        "refusal_reasons": list(found.reasons),
        "traffic": {
            "digest": traffic.digest,
            "rows_in": traffic.rows_in,
            "replayed": traffic.count,
            "reported": int(found.reported.sum()),
            "excluded": traffic.excluded,
            "rerouted": int(found.decision.moved.sum()),
            "first_arrival": traffic.span[0].isoformat(),
            "last_arrival": traffic.span[1].isoformat(),
            "logged_over_engine_tokens_ratio": traffic.token_coverage,
            "hashed_tokens_ratio": traffic.hashed_tokens_ratio,
        },
        "metrics": [asdict(row) for row in found.estimates],
        "busy_gpu_hours": {
            side: {
                found.fleet.ids[position]: float(seconds) / 3600
                for position, seconds in enumerate(played.ran.effort.busy.sum(axis=1))
                if seconds
            }
            for side, played in busy.items()
            if played.ran is not None
        },
        "prefix_capacity_curve": found.curve,
        "cache_sharing": cache_sharing(found),
        "assumptions": assumptions(found),
    }


def loop_of(found: Answer) -> str:
    """Whether turns of sessions waited for answers in the replay."""
    return "closed" if found.stage.is_closed else "open"


def backtest_document(found: Answer) -> dict[str, Any]:
    """The error of the replay of no change against history."""
    return {
        "definition": "replay of no change / history - 1; held out: laws and cache sizes learned "
        "from the first half of the requests, judged on the last half",
        "limit_rule": "the held-out error counts where it exists, else the in-sample one; "
        "prefix_hit_ratio is limited in points, all others as a ratio",
        "metrics": [asdict(error) for error in found.errors],
    }


def summary_frame(found: Answer, run_id: str) -> pl.DataFrame:
    """The metrics as one table, described in `tables`."""
    kinds: dict[str, type[pl.DataType]] = {"str": pl.String, "int": pl.Int64}
    schema = {
        name: kinds.get(str(kind), pl.Float64) for name, kind in Estimate.__annotations__.items()
    }
    rows = pl.DataFrame([asdict(row) for row in found.estimates], schema=schema)
    return rows.select(
        pl.lit(run_id).alias("run_id"),
        pl.lit(found.scenario.name).alias("scenario_name"),
        pl.lit(bool(found.reasons)).alias("is_forced"),
        pl.lit(loop_of(found)).alias("loop"),
        *schema,
    )
