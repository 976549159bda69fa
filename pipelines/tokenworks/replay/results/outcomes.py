"""The per-request outcome of a replay as one frame, in order of arrival."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.answer import Answer
from tokenworks.replay.pricing.rates import CARBON, PRICED
from tokenworks.replay.stage import Played

IDENTITY = ("emitter", "request_id", "started_at", "tenant_id")


def outcome_frame(answer: Answer, run_id: str) -> pl.DataFrame:
    """One row per reported request: what it is, then no change beside the scenario.

    The columns are described in `tables`.
    """
    frame = answer.traffic.frame
    moved = answer.baseline.deployment != answer.played.deployment
    columns = [
        pl.repeat(run_id, frame.height, eager=True).alias("run_id"),
        pl.repeat(answer.scenario.name, frame.height, eager=True).alias("scenario"),
        *(frame[name] for name in IDENTITY),
        frame["started_at"].dt.date().alias("event_date"),
        pl.Series("is_rerouted", moved),
        frame["input_total_tokens"].cast(pl.Int64),
        frame["output_total_tokens"].cast(pl.Int64),
        *_side(answer, answer.baseline, "no_change"),
        *_side(answer, answer.played, "scenario"),
    ]
    return pl.DataFrame(columns).filter(pl.Series(answer.reported))


def _side(answer: Answer, played: Played, name: str) -> list[pl.Series]:
    fleet, timings = answer.fleet, played.timings
    position = played.deployment
    measured = {
        "queue_seconds": timings.queue,
        "ttft_seconds": timings.ttft,
        "tpot_seconds": timings.tpot,
        "e2e_seconds": timings.e2e,
        **{column: played.amounts[column] for column in (*PRICED, CARBON)},
    }
    return [
        pl.Series(f"{name}_deployment_id", np.array(fleet.ids)[position], dtype=pl.String),
        pl.Series(f"{name}_model", np.array(fleet.models)[position], dtype=pl.String),
        pl.Series(f"{name}_tier", np.array(fleet.tiers)[position], dtype=pl.String),
        pl.Series(f"{name}_region", np.array(fleet.regions)[position], dtype=pl.String),
        pl.Series(f"{name}_replica", timings.replica, dtype=pl.Int64),
        pl.Series(f"{name}_input_cache_read_tokens", played.cached, dtype=pl.Int64),
        pl.Series(f"{name}_input_total_tokens", played.input_tokens, dtype=pl.Int64),
        pl.Series(f"{name}_output_total_tokens", played.output_tokens, dtype=pl.Int64),
        *(_known(f"{name}_{column}", values) for column, values in measured.items()),
    ]


def _known(name: str, values: NDArray[np.float64]) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
