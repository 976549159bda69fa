"""Puts the parts together: traffic and a scenario in, every number of the result out.

Pure: reads nothing and writes nothing. `run.py` is the shell around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.hit_ratio import last_half
from tokenworks.replay.caches.prefix import (
    CachePlan,
    Places,
    capacity_curve,
    check_implied,
    implied_capacities,
    plan_of,
)
from tokenworks.replay.calibration.law import LEAST_ROWS, Law, calibrate
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.estimates.backtest import Error, backtest, refusals
from tokenworks.replay.estimates.estimate import Comparison, Estimate
from tokenworks.replay.estimates.segments import estimates
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.play import Played, Stage, play, set_stage
from tokenworks.replay.routing.tiers import Routed, route
from tokenworks.replay.traffic.blocks import prompts_of, why_no_blocks
from tokenworks.replay.traffic.fleet import Fleet, fleet_of
from tokenworks.replay.traffic.requests import Traffic, in_window, matches

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Progress = Callable[[str, int, int], None]

STEPS = ("learn", "replay no change", "replay held-out half", "replay scenario", "estimate")
#: How far a scenario may load a replica beyond what its history shows.
HULL_REFUSED = 2.0


@dataclass(frozen=True)
class Answer:
    """A replay result in memory."""

    scenario: Scenario
    stage: Stage
    laws: dict[int, Law]
    implied_blocks: Ints | None
    plan: CachePlan | None
    routed: Routed
    reported: Mask
    baseline: Played
    played: Played
    errors: list[Error]
    estimates: list[Estimate]
    reasons: tuple[str, ...]

    @property
    def traffic(self) -> Traffic:
        """The traffic that was replayed."""
        return self.stage.traffic

    @property
    def fleet(self) -> Fleet:
        """The fleet that served it."""
        return self.stage.fleet

    @property
    def curve(self) -> list[dict[str, int | float]]:
        """Hit ratio by capacity on history's own routes; empty where caches are not simulated."""
        if self.stage.prompts is None or self.plan is None:
            return []
        places = Places(self.stage.recorded.deployment, self.stage.replica)
        return capacity_curve(self.stage.prompts, places)


@dataclass(frozen=True)
class _Model:
    laws: dict[int, Law]
    implied: Ints | None


def answer(scenario: Scenario, traffic: Traffic, progress: Progress) -> Answer:
    """Replay no change and the scenario, and compare them.

    Args:
        scenario: the what-if.
        traffic: published traffic.
        progress: called with the step, its number and the number of steps.

    Returns:
        The result, with the reasons that speak against trusting it.
    """
    progress(STEPS[0], 0, len(STEPS))
    stage, routed = _open(scenario, traffic)
    everything = np.ones(traffic.count, dtype=np.bool_)
    model = _learn(stage, everything, routed, must_have=scenario.prefix_cache is not None)
    today = _today(stage, model)
    progress(STEPS[1], 1, len(STEPS))
    baseline = play(stage, model.laws, stage.recorded.deployment, today)
    progress(STEPS[2], 2, len(STEPS))
    reported = traffic.which(matches(scenario.report_on) & in_window(scenario.window))
    errors = backtest(stage, baseline, _held_out(stage), reported, scenario.limits)
    progress(STEPS[3], 3, len(STEPS))
    plan = _asked_plan(stage, model, scenario, today)
    played = baseline
    if not scenario.is_no_change:
        played = play(stage, model.laws, routed.deployments, plan)
    progress(STEPS[4], 4, len(STEPS))
    compared = Comparison.of(stage, baseline, played, reported, scenario.seed)
    found = Answer(
        scenario=scenario,
        stage=stage,
        laws=model.laws,
        implied_blocks=model.implied,
        plan=plan,
        routed=routed,
        reported=reported,
        baseline=baseline,
        played=played,
        errors=errors,
        estimates=estimates(compared, errors),
        reasons=(*refusals(errors), *_outside_hull(stage.fleet, model.laws, baseline, played)),
    )
    progress("done", len(STEPS), len(STEPS))
    return found


def _open(scenario: Scenario, traffic: Traffic) -> tuple[Stage, Routed]:
    """The traffic as arrays, and where the scenario sends it."""
    fleet = fleet_of(traffic)
    asked = scenario.prefix_cache.block_tokens if scenario.prefix_cache else None
    usable = scenario.prefix_cache is not None or why_no_blocks(traffic) is None
    prompts = prompts_of(traffic, asked) if usable else None
    stage = set_stage(traffic, fleet, prompts, scenario.seed)
    return stage, route(traffic, fleet, stage.recorded.deployment, scenario.routing)


def _learn(stage: Stage, learn: Mask, routed: Routed, must_have: bool) -> _Model:
    needed = np.union1d(stage.recorded.deployment, routed.deployments)
    laws = calibrate(stage.history, stage.fleet, learn, needed)
    if stage.prompts is None:
        return _Model(laws, None)
    implied = implied_capacities(
        stage.prompts,
        Places(stage.recorded.deployment, stage.replica),
        stage.traffic.numbers("input_cache_read_tokens"),
        learn,
        stage.fleet,
    )
    if must_have:
        check_implied(implied, needed, stage.fleet)
    known = (implied[needed] >= 0).all()
    return _Model(laws, implied if known else None)


def _today(stage: Stage, model: _Model) -> CachePlan | None:
    if stage.prompts is None or model.implied is None:
        return None
    return plan_of(None, model.implied, stage.prompts.block_tokens)


def _asked_plan(
    stage: Stage, model: _Model, scenario: Scenario, today: CachePlan | None
) -> CachePlan | None:
    if stage.prompts is None or model.implied is None or scenario.prefix_cache is None:
        return today
    return plan_of(scenario.prefix_cache, model.implied, stage.prompts.block_tokens)


def _held_out(stage: Stage) -> Played | None:
    """No change with a model learned from the first half, or null where it holds too little."""
    learn = np.ones(len(stage.arrivals), dtype=np.bool_)
    learn[last_half(len(learn))] = False
    if int(learn.sum()) < LEAST_ROWS:
        return None
    stay = Routed(stage.recorded.deployment, matched=0, moved=0, without_target=0)
    try:
        model = _learn(stage, learn, stay, must_have=False)
    except LeverRefusedError:
        return None
    return play(stage, model.laws, stage.recorded.deployment, _today(stage, model))


def _outside_hull(
    fleet: Fleet, laws: dict[int, Law], baseline: Played, played: Played
) -> list[str]:
    """Deployments that the scenario loads far beyond what their law was learned from."""
    found = []
    for position, running in played.timings.running_p99.items():
        law = laws[position]
        seen = max(law.running_p99, baseline.timings.running_p99.get(position, 0.0), 1.0)
        if running > HULL_REFUSED * seen:
            found.append(
                f"{fleet.ids[position]}: the scenario runs {running:.3g} requests per replica "
                f"(p99), history showed {seen:.3g}: the law was not learned there."
            )
    return found
