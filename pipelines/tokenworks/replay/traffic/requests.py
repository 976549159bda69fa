"""The traffic of a replay: which requests take part, which do not, and why.

Every row of the mart ends in `columns` or in `excluded` under exactly one reason. Nothing is
filled in: a replayed request has a deployment, a start, an end and both token counts. A request
that failed or was cancelled after its first token did engine work, so it is replayed as load; its
latency is nobody's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.held import Held
from tokenworks.replay.errors import TrafficError
from tokenworks.replay.language.base import Window
from tokenworks.replay.spool import kept, room
from tokenworks.replay.traffic.columns import NUMBERS_AT_ONCE, Columns, in_order
from tokenworks.replay.traffic.conditions import in_window
from tokenworks.replay.traffic.exclusions import advice, in_words
from tokenworks.replay.traffic.marts import (
    DEPLOYMENTS,
    ENERGY,
    HOURS,
    REQUESTS,
    read_mart,
    read_optional_mart,
    scan_mart,
    traffic_digest,
)
from tokenworks.replay.traffic.numbering import Numbering

if TYPE_CHECKING:
    from tokenworks.replay.language.scenario import Scenario

#: File order breaks ties between equal timestamps.
ORDER = ("started_at", "source_file", "source_line", "emitter", "request_id")
SUCCEEDED = pl.col("status") == "success"
CANCELLED = pl.col("status") == "cancelled"
#: Ends after which the log still tells what the engine had done.
ENDED_EARLY = ("failure", "cancelled")
#: Share of the engines' own input tokens that a log must hold to count as complete.
COMPLETE_LOG_RATIO = 0.95


@dataclass(frozen=True)
class Traffic:
    """Requests in order of arrival, beside what was left out.

    Attributes:
        columns: replayed requests, sorted by `ORDER`.
        excluded: rows left out, by reason.
        hours: deployment hours of the same fleet.
        deployments: facts of the deployments.
        digest: digest of the marts.
        rows_in: rows of the mart.
        token_coverage: input tokens in the log over input tokens the engines counted; null
            where no engine counter is known.
        hashed_tokens_ratio: share of input tokens in requests with prefix hashes.
        energy: energy and carbon by day, model, tier and region; null where not published.
        held: the version of the marts that columns are read from; null where they are in memory.
    """

    columns: Columns
    excluded: dict[str, int]
    hours: pl.DataFrame
    deployments: pl.DataFrame
    digest: str
    rows_in: int
    token_coverage: float | None
    hashed_tokens_ratio: float | None = field(default=None)
    energy: pl.DataFrame | None = field(default=None)
    held: Held | None = field(default=None, repr=False, compare=False)

    @property
    def count(self) -> int:
        """Number of replayed requests."""
        return self.columns.count

    @cached_property
    def span(self) -> tuple[datetime, datetime]:
        """First and last arrival."""
        rows = self.columns.rows[0], self.columns.rows[-1]
        table = self.columns.table.select("started_at")
        first, last = (table.slice(int(row), 1).collect().item() for row in rows)
        return first, last

    @cached_property
    def micros(self) -> NDArray[np.int64]:
        """When each request arrived, in microseconds since 1970, UTC."""
        return self.columns.numbers(pl.col("started_at").dt.epoch("us"), np.int64)

    def series(self, name: str) -> pl.Series:
        """A column as it is published."""
        return self.columns.select(name).to_series()

    def which(self, condition: pl.Expr) -> NDArray[np.bool_]:
        """Requests that meet a condition."""
        return self.columns.numbers(condition, np.bool_, "started_at")

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as doubles, NaN where unknown."""
        known = pl.col(name).cast(pl.Float64).fill_null(float("nan"))
        return self.columns.numbers(known, np.float64)

    def integers(self, name: str) -> NDArray[np.int64]:
        """A column without nulls as integers."""
        return self.columns.numbers(pl.col(name).cast(pl.Int64), np.int64)

    def codes(self, name: str) -> NDArray[np.int64]:
        """A text column as numbers that are equal where the texts are; -1 where unknown.

        Texts are told apart by 64 bits of hash: of ten million, that two are taken for one has
        a chance of three in a million.
        """
        found, numbering = room(self.count, np.int64), Numbering()
        for place, part in self.columns.slices(name, at_once=NUMBERS_AT_ONCE):
            known = part[name].is_not_null().to_numpy()
            hashes = part[name].drop_nulls().hash(seed=0).reinterpret(signed=True).to_numpy()
            codes = np.full(part.height, -1, dtype=np.int64)
            codes[known] = numbering.of(hashes)
            found[place] = codes
        return found

    def unknown_count(self, name: str) -> int:
        """Requests without a value in a column."""
        return int(self.columns.select(pl.col(name).is_null()).to_series().sum())

    def arrivals(self) -> NDArray[np.float64]:
        """Seconds since the first arrival."""
        return kept((self.micros - self.micros[0]).astype(np.float64) / 1e6)

    def cached(self) -> NDArray[np.int64]:
        """Recorded cached tokens, at most the input; unknown counts as none (and is counted)."""
        known = pl.col("input_cache_read_tokens").fill_null(0).clip(0).cast(pl.Int64)
        whole = pl.col("input_total_tokens").cast(pl.Int64)
        return self.columns.numbers(pl.min_horizontal(known, whole), np.int64)


def load_traffic(folder: Path, scenario: Scenario, digest: str | None = None) -> Traffic:
    """Read the published marts in `folder` and split their rows into replayed and excluded."""
    # Of the version that is published now, whatever is published meanwhile.
    held = Held(folder)
    folder = held.folder
    table = scan_mart(folder, REQUESTS)
    deployments = (
        read_mart(folder, DEPLOYMENTS).unique("deployment_id", keep="last").sort("deployment_id")
    )
    hours = read_mart(folder, HOURS)
    columns, excluded = _split(table, _reason(scenario, deployments))
    rows_in = int(table.select(pl.len()).collect().item())
    if columns.count + sum(excluded.values()) != rows_in:
        raise AssertionError("rows in differ from rows replayed plus excluded")
    if not columns.count:
        raise TrafficError(
            folder / REQUESTS,
            f"the scenario {scenario.name} finds no request to replay: {in_words(excluded)}.",
            advice(excluded),
        )
    return Traffic(
        columns=columns,
        excluded=excluded,
        hours=hours,
        deployments=deployments,
        digest=digest or traffic_digest(folder),
        rows_in=rows_in,
        token_coverage=_token_coverage(hours, scenario.window),
        hashed_tokens_ratio=_hashed_ratio(columns),
        energy=read_optional_mart(folder, ENERGY),
        held=held,
    )


def _split(table: pl.LazyFrame, reason: pl.Expr) -> tuple[Columns, dict[str, int]]:
    """Rows without a reason to leave them out, in order, and how many have each reason."""
    excluded: Counter[str] = Counter()
    kept_rows, moments, start = [], [], 0
    asked = table.select(reason.alias("reason"), "started_at")
    while (part := asked.slice(start, NUMBERS_AT_ONCE).collect()).height:
        excluded.update(dict(part["reason"].drop_nulls().value_counts().rows()))
        rows = part["reason"].is_null().arg_true()
        kept_rows.append(rows.to_numpy().astype(np.uint32) + np.uint32(start))
        moments.append(part["started_at"].gather(rows).to_physical().to_numpy())
        start += part.height
    if not kept_rows:
        return Columns(table, np.empty(0, dtype=np.uint32)), {}
    columns = in_order(table, np.concatenate(kept_rows), np.concatenate(moments), ORDER)
    return columns, dict(sorted(excluded.items()))


def _reason(scenario: Scenario, deployments: pl.DataFrame) -> pl.Expr:
    """Why a row is left out, or null; the first reason that holds."""
    known = deployments["deployment_id"].to_list()
    col = pl.col
    worked = col("status").is_in(ENDED_EARLY) & (col("output_total_tokens").fill_null(0) > 0)
    unknown_tokens = col("input_total_tokens").is_null() | col("output_total_tokens").is_null()
    unknown_times = col("started_at").is_null() | col("e2e_seconds").is_null()
    return (
        pl.when(~in_window(scenario.window, warm_up=True))
        .then(pl.lit("outside_window"))
        .when(col("is_gateway_cache_hit").fill_null(value=False))
        .then(pl.lit("answered_by_gateway_cache"))
        .when(~SUCCEEDED & ~worked)
        .then(pl.format("status_{}", col("status")))
        .when(col("deployment_id").is_null())
        .then(pl.lit("deployment_unknown"))
        .when(~col("deployment_id").is_in(known))
        .then(pl.lit("deployment_not_in_fleet"))
        .when(unknown_tokens)
        .then(pl.lit("tokens_unknown"))
        .when(unknown_times)
        .then(pl.lit("times_unknown"))
        .otherwise(pl.lit(None, dtype=pl.String))
    )


def _token_coverage(hours: pl.DataFrame, window: Window) -> float | None:
    known = hours.filter(
        in_window(window, "hour_start") & pl.col("engine_input_tokens").is_not_null()
    )
    counted = known["engine_input_tokens"].sum()
    logged = known["input_total_tokens"].fill_null(0).sum()
    return float(logged) / float(counted) if counted else None


def _hashed_ratio(columns: Columns) -> float | None:
    tokens, is_hashed = pl.col("input_total_tokens"), pl.lit(value=True)
    for name in ("prefix_block_hashes", "prefix_block_tokens"):
        is_hashed &= pl.col(name).is_not_null()
    asked, hashed = 0, 0
    for _, part in columns.slices(tokens, pl.when(is_hashed).then(tokens).alias("hashed")):
        asked += int(part["input_total_tokens"].sum())
        hashed += int(part["hashed"].sum())
    return hashed / asked if asked else None
