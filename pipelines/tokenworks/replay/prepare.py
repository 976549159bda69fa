"""What every scenario of one traffic shares: history as arrays, its laws, its replay of no change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.hit_ratio import last_half
from tokenworks.replay.caches.prefix import (
    CachePlan,
    Places,
    implied_capacities,
    plan_of,
)
from tokenworks.replay.calibration.laws import ServingLaw, learn_laws
from tokenworks.replay.calibration.power_hours import learn_fleet_power
from tokenworks.replay.calibration.screening import LEAST_REQUESTS
from tokenworks.replay.calibration.warehouse import runs_of
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.estimates.window import Doubts, doubts_of
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.play import play
from tokenworks.replay.policy import Policy
from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.stage import Played, Stage, set_stage
from tokenworks.replay.traffic.blocks import read_blocks
from tokenworks.replay.traffic.conditions import in_window
from tokenworks.replay.traffic.fleet import fleet_of
from tokenworks.replay.traffic.prompts import Prompts
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Told = Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """What is learned from history: laws by deployment, and the caches that the hits imply."""

    laws: dict[int, ServingLaw]
    implied: Ints | None


@dataclass(frozen=True)
class Prepared:
    """History, replayed without change.

    Attributes:
        key: what of a scenario it depends on.
        stage: the traffic as arrays.
        model: learned from all of it.
        today: caches that the recorded hits imply; null where unknown.
        baseline: the replay of no change.
        held_out: the same, learned from the first half alone; null where that is too little.
        doubts: how far each deployment's hours lie beside history, by metric.
    """

    key: tuple[str, int, str, bool]
    stage: Stage
    model: Model
    today: CachePlan | None
    baseline: Played
    held_out: Played | None
    doubts: Doubts

    def serves(self, scenario: Scenario) -> bool:
        """Whether a scenario can be held against this."""
        return self.key == key_of(scenario)


def key_of(scenario: Scenario) -> tuple[str, int, str, bool]:
    """What of a scenario the replay of no change depends on."""
    window = scenario.window.model_dump_json()
    return window, scenario.seed, scenario.loop, _has_whole_roots(scenario)


def _has_whole_roots(scenario: Scenario) -> bool:
    return scenario.prefix_cache is not None and scenario.prefix_cache.is_root_sample


def open_stage(scenario: Scenario, traffic: Traffic) -> Stage:
    """The traffic as arrays, with prompts as blocks where the log has them."""
    whole = _has_whole_roots(scenario)
    found = read_blocks(traffic, whole)
    prompts = found if isinstance(found, Prompts) else None
    stage = set_stage(traffic, fleet_of(traffic), prompts, scenario.seed, scenario.loop)
    return replace(stage, rates=replace(stage.rates, power=learn_fleet_power(stage)))


def learn(stage: Stage, rows: Mask, told: Told) -> Model:
    """Laws of the deployments that served something, and today's caches.

    Args:
        stage: the traffic.
        rows: requests that may be learnt from.
        told: called with what is being done.
    """
    laws = learn_laws(
        stage.fleet,
        np.unique(stage.recorded.deployment).tolist(),
        lambda position: runs_of(stage, position, rows),
        lambda done, count: told(f"learn law {done + 1} of {count}"),
    )
    if stage.prompts is None:
        return Model(laws, None)
    places = Places(stage.recorded.deployment, stage.replica)
    recorded = stage.traffic.numbers("input_cache_read_tokens")
    return Model(laws, implied_capacities(stage.prompts, places, recorded, rows, stage.fleet))


def prepare(scenario: Scenario, stage: Stage, model: Model, told: Told) -> Prepared:
    """Replay no change; `told` is called with what is being done."""
    today = _today(stage, model)
    policy = Policy(Serving.as_is(stage.fleet, model.laws), prefix=today)
    baseline = play(stage, policy)
    # Before the held-out half is played, so that only one play more is held at a time.
    doubts = doubts_of(stage, _free(stage, policy, baseline), _first(scenario, stage))
    return Prepared(
        key=key_of(scenario),
        stage=stage,
        model=model,
        today=today,
        baseline=baseline,
        held_out=_held_out(stage, told),
        doubts=doubts,
    )


def _free(stage: Stage, policy: Policy, baseline: Played) -> Played:
    """No change with every replica chosen by the replay, as those of requests that move are."""
    named = (stage.replica >= 0) & (stage.fleet.replicas[stage.recorded.deployment] > 1)
    if not named.any():
        return baseline
    return play(replace(stage, replica=np.full_like(stage.replica, -1)), policy)


def _first(scenario: Scenario, stage: Stage) -> int:
    """The first request that is not there to warm up."""
    return int(np.argmax(stage.traffic.which(in_window(scenario.window))))


def _today(stage: Stage, model: Model) -> CachePlan | None:
    if stage.prompts is None or model.implied is None:
        return None
    served = np.unique(stage.recorded.deployment)
    if (model.implied[served] < 0).any():
        return None
    return plan_of(None, model.implied, stage.prompts.block_tokens)


def _held_out(stage: Stage, told: Told) -> Played | None:
    """No change with a model learned from the first half, or null where it holds too little."""
    rows = np.ones(len(stage.arrivals), dtype=np.bool_)
    rows[last_half(len(rows))] = False
    if int(rows.sum()) < LEAST_REQUESTS:
        return None
    try:
        model = learn(stage, rows, lambda step: told(f"held-out half: {step}"))
    except LeverRefusedError:
        return None
    told("held-out half: replay")
    serving = Serving.as_is(stage.fleet, model.laws)
    # It is held against history, request by request; where its attempts ran is not asked.
    return replace(play(stage, Policy(serving, prefix=_today(stage, model))), ran=None)
