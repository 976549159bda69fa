"""The per-request outcome of a replay, piece by piece in order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tokenworks.replay.answer import Answer
from tokenworks.replay.pricing.rates import CARBON, PRICED, Amounts
from tokenworks.replay.stage import Played
from tokenworks.replay.traffic.columns import AT_ONCE

IDENTITY = ("emitter", "request_id", "started_at", "tenant_id")
TOKENS = ("input_total_tokens", "output_total_tokens")


def write_outcomes(answer: Answer, run_id: str, path: Path) -> None:
    """Write the outcome of every reported request; only a piece of it is ever held."""
    with ExitStack() as open_file:
        writer: pq.ParquetWriter | None = None
        for frame in outcome_frames(answer, run_id):
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                written = pq.ParquetWriter(path, table.schema, compression="zstd")
                writer = open_file.enter_context(written)
            writer.write_table(table, row_group_size=AT_ONCE)


def outcome_frames(answer: Answer, run_id: str) -> Iterator[pl.DataFrame]:
    """One row per reported request: what it is, then no change beside the scenario.

    The columns are described in `tables`.
    """
    for place, read in answer.traffic.columns.slices(*IDENTITY, *TOKENS):
        moved = answer.baseline.deployment[place] != answer.played.deployment[place]
        columns = [
            pl.repeat(run_id, read.height, eager=True).alias("run_id"),
            pl.repeat(answer.scenario.name, read.height, eager=True).alias("scenario"),
            *(read[name] for name in IDENTITY),
            read["started_at"].dt.date().alias("event_date"),
            pl.Series("is_rerouted", moved),
            *(read[name].cast(pl.Int64) for name in TOKENS),
            *_side(answer, answer.baseline, place, "no_change"),
            *_side(answer, answer.played, place, "scenario"),
        ]
        yield pl.DataFrame(columns).filter(pl.Series(answer.reported[place]))


def _side(answer: Answer, played: Played, place: slice, name: str) -> list[pl.Series]:
    fleet, timings = answer.fleet, played.timings
    position = pl.Series(played.deployment[place])
    facts = {
        "deployment_id": fleet.ids,
        "model": fleet.models,
        "tier": fleet.tiers,
        "region": fleet.regions,
    }
    counted = {
        "replica": timings.replica,
        "input_cache_read_tokens": played.cached,
        "input_total_tokens": played.input_tokens,
        "output_total_tokens": played.output_tokens,
    }
    measured = {
        "queue_seconds": timings.queue[place],
        "ttft_seconds": timings.ttft[place],
        "tpot_seconds": timings.tpot[place],
        "e2e_seconds": timings.e2e[place],
        **{column: _amounts(played, column, place) for column in (*PRICED, CARBON)},
    }
    return [
        *(
            pl.Series(f"{name}_{fact}", values, dtype=pl.String).gather(position)
            for fact, values in facts.items()
        ),
        *(
            pl.Series(f"{name}_{column}", values[place], dtype=pl.Int64)
            for column, values in counted.items()
        ),
        *(_known(f"{name}_{column}", values) for column, values in measured.items()),
    ]


def _amounts(played: Played, column: str, place: slice) -> NDArray[np.float64]:
    """An amount of some requests; what is worked out is worked out for them alone."""
    amounts = played.amounts
    return amounts.at(column, place) if isinstance(amounts, Amounts) else amounts[column][place]


def _known(name: str, values: NDArray[np.float64]) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
