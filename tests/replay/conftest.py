"""Small published marts for replay tests: one to compute by hand, one with a known law."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tokenworks.replay.caches.policies import leading_hits
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate
from tokenworks.replay.traffic.marts import COLUMNS, DEPLOYMENTS, HOURS, REQUESTS

MartRow = dict[str, Any]
START = datetime(2026, 9, 1)


def money(amount: float) -> Decimal:
    """Money as the marts hold it."""
    return Decimal(f"{amount:.12f}")


DTYPES: dict[str, Any] = {
    "started_at": pl.Datetime("us"),
    "first_token_at": pl.Datetime("us"),
    "ended_at": pl.Datetime("us"),
    "hour_start": pl.Datetime("us"),
    "event_date": pl.Date,
    "is_streaming": pl.Boolean,
    "is_gateway_cache_hit": pl.Boolean,
    "prefix_block_hashes": pl.List(pl.Int64),
    "source_line": pl.Int64,
    "prefix_block_tokens": pl.Int64,
}
INTEGERS = ("_tokens", "_count", "max_num_seqs")
DOUBLES = (
    "_seconds",
    "_weight",
    "_joules",
    "_grams",
    "_kwh",
    "_propensity",
    "_score",
    "_assigned",
    "_busy",
    "_not_ready",
)


def dtype_of(name: str) -> Any:
    """Type of a mart column by its name."""
    if name in DTYPES:
        return DTYPES[name]
    if name.endswith(INTEGERS):
        return pl.Int64
    if name.endswith("_usd"):
        return pl.Decimal(38, 12)
    return pl.Float64 if name.endswith(DOUBLES) else pl.String


def frame(mart: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A mart from rows; columns that a row leaves out are null."""
    schema = {name: dtype_of(name) for name in COLUMNS[mart]}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def publish(
    folder: Path,
    requests: list[dict[str, Any]],
    deployments: list[dict[str, Any]],
    hours: list[dict[str, Any]] | None = None,
) -> Path:
    """Write marts as the warehouse publishes them."""
    for mart, rows in ((REQUESTS, requests), (DEPLOYMENTS, deployments), (HOURS, hours or [])):
        (folder / mart).mkdir(parents=True, exist_ok=True)
        frame(mart, rows).write_parquet(folder / mart / "data.parquet")
    return folder


def deployment(name: str, tier: str, **facts: Any) -> dict[str, Any]:
    """A deployment with weights of 1, 10 and 0.1 milliseconds per token."""
    return {
        "deployment_id": name,
        "model": f"model-{tier}",
        "tier": tier,
        "site_id": "site-a",
        "region": "region-a",
        "max_num_seqs": 8,
        "prefill_weight": 0.001,
        "decode_weight": 0.01,
        "cache_read_weight": 0.0001,
        "replica_count": 1,
        "gpu_count": 1,
        **facts,
    }


def request(number: int, at: MartRow, seconds: float, **facts: Any) -> dict[str, Any]:
    """A successful request `seconds` after the start."""
    started = START + timedelta(seconds=seconds)
    return {
        "emitter": "gateway",
        "request_id": f"r{number:05d}",
        "started_at": started,
        "tenant_id": "acme",
        "deployment_id": at["deployment_id"],
        "replica_id": f"{at['deployment_id']}-0",
        "model": at["model"],
        "tier": at["tier"],
        "site_id": at["site_id"],
        "region": at["region"],
        "status": "success",
        "is_streaming": True,
        "is_gateway_cache_hit": False,
        "source_file": "log.jsonl",
        "source_line": number,
        **facts,
    }


LARGE = deployment("large-a", "large")
SMALL = deployment("small-a", "small", prefill_weight=0.0001, decode_weight=0.001,
                   cache_read_weight=0.00001)  # fmt: skip


def by_hand() -> tuple[list[MartRow], list[MartRow]]:
    """40 requests on each of two deployments, one at a time, each alike within a deployment.

    Large: 10 short requests (100 input) and 30 long ones (5,000 input), 11 output tokens each.
    A request takes 0.1 s + 0.001 s per input token to its first token and 0.02 s per token after.
    Weight of a short one: 100 x 0.001 + 11 x 0.01 = 0.21; of a long one 5 + 0.11 = 5.11.
    Rate 2 USD per unit: 0.42 USD and 10.22 USD. Energy 10 J per unit, marginal 0.1 USD per unit.
    Small: input 200 or 400 in turn, ten times faster. Weight: 0.02 + 0.011 or 0.04 + 0.011.
    Rate 1 USD per unit, 5 J per unit, marginal 0.05 USD per unit.
    """
    rows = []
    for number in range(40):
        tokens = 100 if number % 4 == 0 else 5000
        seconds, weight = 100.0 * number, tokens * 0.001 + 11 * 0.01
        timing = {"ttft_seconds": 0.1 + 0.001 * tokens, "e2e_seconds": 0.3 + 0.001 * tokens}
        rows.append(
            _priced(number, LARGE, seconds, tokens, timing, priced=(weight, (2.0, 0.1, 10.0)))
        )
    for number in range(40, 80):
        tokens = 200 if number % 2 == 0 else 400
        seconds, weight = 100.0 * (number - 40) + 50.0, tokens * 0.0001 + 11 * 0.001
        timing = {"ttft_seconds": 0.01 + 0.0001 * tokens, "e2e_seconds": 0.03 + 0.0001 * tokens}
        rows.append(
            _priced(number, SMALL, seconds, tokens, timing, priced=(weight, (1.0, 0.05, 5.0)))
        )
    return rows, [dict(LARGE), dict(SMALL)]


def _priced(
    number: int,
    at: MartRow,
    seconds: float,
    tokens: int,
    timing: dict[str, float],
    *,
    priced: tuple[float, tuple[float, float, float]],
) -> MartRow:
    weight, rates = priced
    cost, marginal, joules = (rate * weight for rate in rates)
    return request(
        number,
        at,
        seconds,
        input_total_tokens=tokens,
        input_cache_read_tokens=0,
        output_total_tokens=11,
        cost_active_usd=money(cost),
        cost_marginal_usd=money(marginal),
        energy_accelerator_joules=joules,
        **timing,
    )


#: Prefill base and per token, token base and per running request, cache blocks per replica.
KNOWN_LAWS = {
    "large-a": (0.05, 0.0002, 0.01, 0.0005, 300),
    "small-a": (0.02, 0.00005, 0.004, 0.0001, 200),
}


def busy_fleet(count: int, seed: int) -> tuple[list[MartRow], list[MartRow]]:
    """Two tiers under load that follow `KNOWN_LAWS`, with spread and LRU prefix caches."""
    generator = np.random.default_rng(seed)
    large = deployment("large-a", "large", max_num_seqs=16, replica_count=2, gpu_count=8)
    small = {**SMALL, "max_num_seqs": 32}
    rows: list[MartRow] = []
    for at in (large, small):
        rows += _served(at, generator, count, len(rows))
    return rows, [large, small]


def _served(at: MartRow, generator: np.random.Generator, count: int, first: int) -> list[MartRow]:
    base, per_token, step, per_running, capacity = KNOWN_LAWS[at["deployment_id"]]
    arrivals = np.sort(generator.uniform(0, 6 * 3600.0, count))
    prompts = _conversations(generator, count, first)
    lengths = np.array([len(p) for p in prompts]) * 64 - generator.integers(0, 64, count)
    replicas = int(at["replica_count"])
    replica = np.arange(count) % replicas
    cached = np.minimum(_cached_blocks(prompts, replica, capacity) * 64, lengths)
    output = generator.integers(20, 400, count)
    luck, pace = generator.lognormal(-0.005, 0.1, (2, count))
    served = simulate(
        Work(arrivals, lengths, output, cached=cached, replica=replica.astype(np.int64)),
        StepLaw(step, per_running, per_prefill_token=per_token, with_prefill=base),
        Limits(int(at["max_num_seqs"]), admission_lag_steps=1),
        replicas,
    )
    first_token = served.queue_seconds + (served.first_token - served.admitted) * luck
    ended = first_token + (served.ended - served.first_token) * pace
    weights = (
        (lengths - cached) * at["prefill_weight"]
        + cached * at["cache_read_weight"]
        + output * at["decode_weight"]
    )
    return [
        request(
            first + i,
            at,
            float(arrivals[i]),
            replica_id=f"{at['deployment_id']}-{replica[i]}",
            input_total_tokens=int(lengths[i]),
            input_cache_read_tokens=int(cached[i]),
            output_total_tokens=int(output[i]),
            ttft_seconds=float(first_token[i]),
            e2e_seconds=float(ended[i]),
            cost_active_usd=money(weights[i] * 0.003),
            cost_marginal_usd=money(weights[i] * 0.0002),
            energy_accelerator_joules=float(weights[i] * 300),
            prefix_block_hashes=prompts[i],
            prefix_block_tokens=64,
        )
        for i in range(count)
    ]


def _conversations(generator: np.random.Generator, count: int, salt: int) -> list[list[int]]:
    """Prompts of growing conversations: each turn repeats its blocks and adds two to six."""
    state: dict[int, list[int]] = {}
    fresh = 1_000_000 * (salt + 1)
    prompts = []
    for _ in range(count):
        talk = int(generator.zipf(1.5)) % 200
        held = state.get(talk, [])
        held = [] if len(held) > 40 else held
        added = int(generator.integers(2, 7))
        held = held + list(range(fresh, fresh + added))
        fresh += added
        state[talk] = held
        prompts.append(held)
    return prompts


def _cached_blocks(
    prompts: list[list[int]], replica: NDArray[np.int64], capacity: int
) -> NDArray[np.int64]:
    distinct, dense = np.unique(np.concatenate(prompts), return_inverse=True)
    offsets = np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])])
    runs = np.zeros(len(prompts), dtype=np.int64)
    for one in np.unique(replica):
        mine = np.flatnonzero(replica == one)
        flat = np.concatenate([dense[offsets[i] : offsets[i + 1]] for i in mine])
        starts = np.concatenate([[0], np.cumsum([len(prompts[i]) for i in mine])])
        runs[mine], _ = leading_hits(
            flat.astype(np.int32), starts.astype(np.int64), len(distinct), capacity, "lru"
        )
    return runs


@dataclass(frozen=True)
class World:
    """Marts to change before they are published."""

    requests: list[MartRow]
    deployments: list[MartRow]
    hours: list[MartRow]
    folder: Path

    def publish(self) -> Path:
        """Write the marts; returns their folder."""
        return publish(self.folder, self.requests, self.deployments, self.hours)


@pytest.fixture
def hand_world(tmp_path: Path) -> World:
    """The marts of `by_hand`."""
    return World(*by_hand(), [], tmp_path / "marts")


@pytest.fixture(scope="session")
def busy_marts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published marts of `busy_fleet`, 4,000 requests per deployment."""
    return publish(tmp_path_factory.mktemp("busy"), *busy_fleet(count=4000, seed=7))
