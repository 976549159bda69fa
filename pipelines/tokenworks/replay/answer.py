"""Puts the parts together: traffic and a scenario in, every number of the result out.

Pure: reads nothing and writes nothing. `run.py` is the shell around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.asked import (
    decide_all,
    judged_by,
    laws_for,
    plan_for,
    reported_by,
    serving_of,
    stated_by,
)
from tokenworks.replay.caches.curve import capacity_curve
from tokenworks.replay.caches.gateway import answered
from tokenworks.replay.caches.prefix import CachePlan, Places
from tokenworks.replay.calibration.laws import ServingLaw
from tokenworks.replay.estimates.backtest import Error, backtest, refusals
from tokenworks.replay.estimates.comparison import Comparison
from tokenworks.replay.estimates.estimate import Estimate
from tokenworks.replay.estimates.segments import estimates
from tokenworks.replay.estimates.window import draws_outcomes
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.noticed import herded, refused
from tokenworks.replay.play import play
from tokenworks.replay.policy import Policy
from tokenworks.replay.power import metered, shifted
from tokenworks.replay.prepare import Prepared, learn, open_stage, prepare
from tokenworks.replay.reached import outside_hull
from tokenworks.replay.routing.decision import Decision
from tokenworks.replay.routing.judgement import Judgement
from tokenworks.replay.routing.quality import Claim, Stated
from tokenworks.replay.spool import kept
from tokenworks.replay.stage import Played, Stage
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Progress = Callable[[str, int, int], None]

STEPS = ("learn", "replay no change", "replay held-out half", "replay scenario", "estimate")


@dataclass(frozen=True)
class Answer:
    """A replay result in memory."""

    scenario: Scenario
    prepared: Prepared
    laws: dict[int, ServingLaw]
    plan: CachePlan | None
    decision: Decision
    said: tuple[str, ...]
    stated: Stated | None
    judged: Judgement | None
    answered: Ints | None
    reported: Mask
    played: Played
    errors: list[Error]
    estimates: list[Estimate]
    reasons: tuple[str, ...]

    @property
    def stage(self) -> Stage:
        """The traffic as arrays."""
        return self.prepared.stage

    @property
    def baseline(self) -> Played:
        """The replay of no change."""
        return self.prepared.baseline

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


def answer(
    scenario: Scenario,
    traffic: Traffic,
    progress: Progress,
    prepared: Prepared | None = None,
    folder: Path = Path(),
) -> Answer:
    """Replay no change and the scenario, and compare them.

    Args:
        scenario: the what-if.
        traffic: published traffic.
        progress: called with the step, its number and the number of steps.
        prepared: the replay of no change, where another scenario has made it already.
        folder: where the files lie that the scenario names.

    Returns:
        The result, with the reasons that speak against trusting it.
    """
    progress(STEPS[0], 0, len(STEPS))
    stage = prepared.stage if prepared else open_stage(scenario, traffic)
    decision, evidence = decide_all(scenario, stage, folder)
    if prepared is None:
        everything = np.ones(traffic.count, dtype=np.bool_)
        model = learn(stage, everything, lambda step: progress(step, 0, len(STEPS)))
        progress(STEPS[1], 1, len(STEPS))
        prepared = prepare(scenario, stage, model, lambda step: progress(step, 2, len(STEPS)))
    progress(STEPS[2], 2, len(STEPS))
    reported = reported_by(scenario, traffic)
    errors = backtest(stage, prepared.baseline, prepared.held_out, reported, scenario.limits)
    progress(STEPS[3], 3, len(STEPS))
    laws = laws_for(prepared, decision.attempts.deployment)
    plan = plan_for(prepared, scenario, decision)
    serving = serving_of(scenario, stage, laws)
    ends = kept(stage.arrivals + prepared.baseline.timings.e2e)
    exact, semantic = scenario.response_cache, scenario.semantic_cache
    gateway = answered(traffic, ends, exact, semantic, scenario.seed)
    judged = judged_by(scenario, stage, decision, evidence)
    baseline, played = prepared.baseline, prepared.baseline
    later, waited = shifted(stage, scenario.power, decision.deployments)
    if not scenario.is_no_change:
        policy = Policy(serving, decision, plan, gateway.by if gateway else None)
        played = play(later, policy, prepared.baseline)
    stated = stated_by(scenario, stage, played, reported)
    claim = judged.claim if judged is not None and isinstance(judged.claim, Claim) else None
    played = metered(stage, played, scenario.power, baseline)
    baseline = metered(stage, baseline, scenario.power)
    if judged is not None and claim is not None:
        baseline = replace(baseline, quality=judged.before)
        played = replace(played, quality=judged.after)
    progress(STEPS[4], 4, len(STEPS))
    known = replace(stage, recorded=metered(stage, stage.recorded, scenario.power))
    doubts = {} if draws_outcomes(scenario) else prepared.doubts
    compared = Comparison.of(known, (baseline, played), reported, scenario.seed, doubts)
    found = Answer(
        scenario=scenario,
        prepared=prepared,
        laws=laws,
        plan=plan,
        decision=decision,
        said=(
            *serving.said,
            *(gateway.said if gateway else ()),
            *waited,
            *refused(played),
            *herded(stage, serving, played),
        ),
        stated=stated,
        judged=judged,
        answered=gateway.by if gateway else None,
        reported=reported,
        played=played,
        errors=errors,
        estimates=estimates(compared, errors, claim or stated),
        reasons=(
            *refusals(errors),
            *outside_hull(stage, laws, played),
        ),
    )
    progress("done", len(STEPS), len(STEPS))
    return found
