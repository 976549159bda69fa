"""A routed replay against what really would have happened.

The engine of the sample fleet is written independently of the replay: it takes prompts one after
the other, slows down with the context that it holds, and keeps its own prefix cache. It serves the
same arrivals twice, as they were and with the short requests of the large tier on the small one.
The replay sees the first run's log alone and must predict the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tokenworks.replay.answer import Answer, answer
from tokenworks.replay.language.scenario import parse_scenario
from tokenworks.replay.traffic.requests import load_traffic
from tokenworks_sample.records import Attempt
from tokenworks_sample.serving import Engine
from tokenworks_sample.world import BLOCK_TOKENS, build_world

COUNT = 3000
SHORT = 1500
SCENARIO = f"""
name: route
routing: {{rules: [{{when: {{tier: large, input_total_tokens: {{below: {SHORT}}}}}, to_tier: small}}]}}
"""


@dataclass(frozen=True)
class Demand:
    arrivals: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    blocks: list[list[int]]


@dataclass(frozen=True)
class Truth:
    ttft: np.ndarray
    e2e: np.ndarray
    cached: np.ndarray


def demand() -> Demand:
    """Five in six requests follow up on one of 60 conversations, whose prompts grow."""
    generator = np.random.default_rng(11)
    prompts: list[list[int]] = []
    held: dict[int, list[int]] = {}
    for number in range(COUNT):
        talk = int(generator.integers(0, 60))
        before = held.get(talk, []) if generator.random() < 5 / 6 else []
        before = before if len(before) < 24 else []
        more = int(generator.integers(1, 4))
        held[talk] = [*before, *(_hash(10 * number + block) for block in range(more))]
        prompts.append(held[talk])
    lengths = np.array([len(prompt) for prompt in prompts]) * BLOCK_TOKENS
    return Demand(
        arrivals=np.cumsum(generator.exponential(25.0, COUNT)),
        inputs=lengths + generator.integers(1, BLOCK_TOKENS, COUNT),
        outputs=np.minimum(generator.lognormal(5.5, 0.7, COUNT).astype(np.int64) + 2, 3000),
        blocks=prompts,
    )


def _hash(number: int) -> int:
    """Ids that lie apart as hashes do; small ones in a row would tell which requests are missing."""
    return number * 0x9E3779B97F4A7C15 % (1 << 62)


def served_by_engines(asked: Demand, deployment: np.ndarray, names: tuple[str, ...]) -> Truth:
    """What the sample fleet's engine makes of the demand; one replica per deployment."""
    world = build_world()
    attempts: dict[int, Attempt] = {}
    for position, name in enumerate(names):
        facts = next(one for one in world.deployments if one.id == name)
        engine = Engine(world.replicas_of(name)[0], facts)
        for row in np.flatnonzero(deployment == position).tolist():
            engine.advance(float(asked.arrivals[row]))
            attempts[row] = _attempt(asked, row)
            engine.incoming.append(attempts[row])
        engine.advance(float(asked.arrivals[-1]) + 10_000)
    ordered: list[Any] = [attempts[row] for row in range(COUNT)]
    return Truth(
        np.array([one.first - one.arrival for one in ordered]),
        np.array([one.end - one.arrival for one in ordered]),
        np.array([one.cached for one in ordered]),
    )


def _attempt(asked: Demand, row: int) -> Attempt:
    turn: Any = SimpleNamespace(
        input_tokens=int(asked.inputs[row]),
        answer_tokens=int(asked.outputs[row]),
        thinking_tokens=0,
        fate="answered",
        cancel_share=0.0,
    )
    session: Any = SimpleNamespace()
    return Attempt(row, session, turn, 1, float(asked.arrivals[row]), asked.blocks[row], 0)


@pytest.fixture(scope="module")
def worlds() -> Any:
    """The two deployments, two thirds of the demand on the large one."""
    names = ("large-us", "small-us")
    deployment = (np.random.default_rng(12).random(COUNT) < 1 / 3).astype(np.int64)
    routed = np.where((deployment == 0) & (demand().inputs < SHORT), 1, deployment)
    return SimpleNamespace(names=names, deployment=deployment, routed=routed, demand=demand())


@pytest.fixture
def predicted(worlds: Any, hand_world: Any) -> Answer:
    """The replay of the scenario on the log of the first run."""
    facts = {one.id: one for one in build_world().deployments}
    before = served_by_engines(worlds.demand, worlds.deployment, worlds.names)
    template = dict(hand_world.requests[0])
    hand_world.deployments[:] = [
        {
            **hand_world.deployments[position],
            "deployment_id": name,
            "max_num_seqs": facts[name].max_num_seqs,
        }
        for position, name in enumerate(worlds.names)
    ]
    hand_world.requests[:] = [
        {**template, **_row(worlds, before, number)} for number in range(COUNT)
    ]
    scenario = parse_scenario(SCENARIO, "test")
    return answer(scenario, load_traffic(hand_world.publish(), scenario), lambda *_: None)


def _row(worlds: Any, truth: Truth, number: int) -> dict[str, Any]:
    name = worlds.names[worlds.deployment[number]]
    start = np.datetime64("2026-09-01") + np.timedelta64(
        round(worlds.demand.arrivals[number] * 1e6), "us"
    )
    return {
        "request_id": f"r{number:05d}",
        "source_line": number,
        "started_at": start.item(),
        "deployment_id": name,
        "replica_id": f"{name}-0",
        "tier": name.removesuffix("-us"),
        "input_total_tokens": int(worlds.demand.inputs[number]),
        "input_cache_read_tokens": int(truth.cached[number]),
        "output_total_tokens": int(worlds.demand.outputs[number]),
        "ttft_seconds": float(truth.ttft[number]),
        "e2e_seconds": float(truth.e2e[number]),
        "prefix_block_hashes": worlds.demand.blocks[number],
        "prefix_block_tokens": BLOCK_TOKENS,
    }


def test_the_routed_replay_is_within_five_per_cent_when_it_really_happens(
    worlds: Any, predicted: Answer
) -> None:
    assert (predicted.played.deployment == worlds.routed).all()
    truth = served_by_engines(worlds.demand, worlds.routed, worlds.names)
    found = predicted.played
    for position in (0, 1):
        rows = worlds.routed == position
        for seconds, expected in ((found.timings.ttft, truth.ttft), (found.timings.e2e, truth.e2e)):
            assert seconds[rows].mean() == pytest.approx(expected[rows].mean(), rel=0.05)
            assert np.quantile(seconds[rows], 0.95) == pytest.approx(
                np.quantile(expected[rows], 0.95), rel=0.1
            )
        tokens = worlds.demand.inputs[rows].sum()
        hits = found.cached[rows].sum() / tokens
        assert hits == pytest.approx(truth.cached[rows].sum() / tokens, abs=0.01)
