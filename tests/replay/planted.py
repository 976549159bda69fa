"""The planted policy change of the sample fleet: marts of the log, and the true effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.replay.conftest import START, deployment, money, publish, request
from tokenworks.replay.answer import Answer, answer
from tokenworks.replay.language.scenario import parse_scenario
from tokenworks.replay.traffic.requests import load_traffic
from tokenworks_sample.clock import DAY, HOUR
from tokenworks_sample.planted import GPU_HOUR_USD, LARGE, SMALL, Outcome, simulate
from tokenworks_sample.records import Attempt
from tokenworks_sample.world import BLOCK_TOKENS, build_world

DAYS, SCALE, SHORT = 3, 2.0, 1500
SCENARIO = f"""
name: planted
routing: {{rules: [{{when: {{tier: large, input_total_tokens: {{below: {SHORT}}}}}, to_tier: small}}]}}
"""
METRICS = (
    "cost_active_usd",
    "energy_accelerator_joules",
    "input_cache_read_tokens",
    "ttft_mean_seconds",
    "ttft_p95_seconds",
    "tpot_mean_seconds",
    "e2e_mean_seconds",
    "e2e_p50_seconds",
    "e2e_p95_seconds",
    "busy_gpu_hours",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Planted:
    """One seed: what the replay printed, and what really happened."""

    printed: dict[str, Row]
    truth: dict[str, float]
    found: Answer

    def holds(self, metric: str, interval: str = "delta") -> bool:
        """Whether p10 to p90 of an interval holds the effect on these very requests."""
        row = self.printed[metric]
        low, high = row[f"{interval}_p10"], row[f"{interval}_p90"]
        return bool(low <= self.truth[metric] <= high)


def planted(seed: int, folder: Path, days: int = DAYS, scale: float = SCALE) -> Planted:
    """Replay the planted change from the log of what was, and hold it against what became."""
    before, after = (
        simulate(seed, days=days, scale=scale, short_input=short) for short in (0, SHORT)
    )
    marts = marts_of(before, folder)
    scenario = parse_scenario(SCENARIO, "planted")
    found = answer(scenario, load_traffic(marts, scenario), lambda *_: None)
    printed = {row.metric: vars(row) for row in found.estimates if row.segment == "all"}
    old, new = measured(before), measured(after)
    return Planted(printed, {name: new[name] - old[name] for name in METRICS}, found)


def measured(outcome: Outcome) -> dict[str, float]:
    """What the metrics really are under a policy."""
    attempts = list(outcome.attempts.values())
    ended = [one for one in attempts if one.status == "success"]
    first = np.array([one.first - one.arrival for one in attempts])
    e2e = np.array([one.end - one.arrival for one in ended])
    tpot = np.array(
        [(one.end - one.first) / (one.generated - 1) for one in ended if one.generated > 1]
    )
    return {
        "cost_active_usd": outcome.active_usd,
        "energy_accelerator_joules": sum(outcome.joules.values()),
        "input_cache_read_tokens": float(sum(one.cached for one in attempts)),
        "ttft_mean_seconds": float(first.mean()),
        "ttft_p95_seconds": float(np.quantile(first, 0.95)),
        "tpot_mean_seconds": float(tpot.mean()),
        "e2e_mean_seconds": float(e2e.mean()),
        "e2e_p50_seconds": float(np.quantile(e2e, 0.5)),
        "e2e_p95_seconds": float(np.quantile(e2e, 0.95)),
        "busy_gpu_hours": sum(outcome.busy_gpu_seconds.values()) / HOUR,
    }


def marts_of(outcome: Outcome, folder: Path) -> Path:
    """The log of one policy as the warehouse publishes it."""
    world = build_world()
    facts = {one.id: one for one in world.deployments}
    deployments = [
        _deployment(facts[name], len(world.replicas_of(name))) for name in (LARGE, SMALL)
    ]
    by_id = {one["deployment_id"]: one for one in deployments}
    rates = _rates(outcome, by_id)
    ordered = sorted(outcome.attempts.items(), key=lambda item: (item[1].arrival, item[0]))
    rows = [_row(number, attempt, by_id, rates) for number, (_, attempt) in enumerate(ordered)]
    return publish(folder, rows, deployments, _hours(outcome))


def _hours(outcome: Outcome) -> list[Row]:
    """What the meters of the GPUs tell of each hour."""
    return [
        {
            "deployment_id": name,
            "hour_start": START + timedelta(hours=hour),
            "gpu_hours_assigned": metered.held / HOUR,
            "gpu_hours_busy": metered.busy / HOUR,
            "gpu_hours_not_ready": 0.0,
            "gpu_energy_joules": metered.joules,
        }
        for (name, hour), metered in outcome.hours.items()
    ]


def _deployment(facts: Any, replicas: int) -> Row:
    prefill, decode, cache_read = facts.weights
    gpus = sum(len(one.gpus) for one in build_world().replicas_of(facts.id))
    return deployment(
        facts.id,
        facts.tier,
        model=facts.model,
        max_num_seqs=facts.max_num_seqs,
        prefill_weight=prefill,
        decode_weight=decode,
        cache_read_weight=cache_read,
        replica_count=replicas,
        gpu_count=gpus,
    )


def _weight(attempt: Attempt, at: Mapping[str, Any]) -> float:
    uncached = attempt.turn.input_tokens - attempt.cached
    return float(
        uncached * at["prefill_weight"]
        + attempt.cached * at["cache_read_weight"]
        + attempt.generated * at["decode_weight"]
    )


def _key(attempt: Attempt) -> tuple[str, int]:
    assert attempt.replica is not None
    return attempt.replica.deployment, int(attempt.arrival // DAY)


def _rates(
    outcome: Outcome, by_id: Mapping[str, Row]
) -> dict[tuple[str, int], tuple[float, float]]:
    """US dollars and joules per unit of weight: a day's busy time, shared by weights."""
    weights: dict[tuple[str, int], float] = defaultdict(float)
    for attempt in outcome.attempts.values():
        weights[_key(attempt)] += _weight(attempt, by_id[_key(attempt)[0]])
    return {
        (name, day): (
            outcome.busy_gpu_seconds[name, day] / HOUR * GPU_HOUR_USD[name] / weight,
            outcome.joules[name, day] / weight,
        )
        for (name, day), weight in weights.items()
    }


def _row(
    number: int,
    attempt: Attempt,
    by_id: Mapping[str, Row],
    rates: Mapping[tuple[str, int], tuple[float, float]],
) -> Row:
    at = by_id[_key(attempt)[0]]
    usd, joules = rates[_key(attempt)]
    assert attempt.replica is not None
    return request(
        number,
        at,
        attempt.arrival,
        session_id=attempt.session.id,
        replica_id=attempt.replica.id,
        tenant_id=attempt.session.workload.tenant,
        status=attempt.status,
        input_total_tokens=attempt.turn.input_tokens,
        input_cache_read_tokens=attempt.cached,
        output_total_tokens=attempt.generated,
        queue_seconds=attempt.scheduled - attempt.arrival,
        ttft_seconds=attempt.first - attempt.arrival,
        e2e_seconds=attempt.end - attempt.arrival,
        cost_active_usd=money(usd * _weight(attempt, at)),
        cost_marginal_usd=None,
        energy_accelerator_joules=joules * _weight(attempt, at),
        prefix_block_hashes=attempt.blocks,
        prefix_block_tokens=BLOCK_TOKENS,
    )


__all__ = ["METRICS", "START", "Planted", "marts_of", "measured", "planted"]
