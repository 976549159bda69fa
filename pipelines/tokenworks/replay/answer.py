"""Puts the parts together: traffic and a scenario in, every number of the result out.

Pure: reads nothing and writes nothing. `run.py` is the shell around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.beside import read_beside
from tokenworks.replay.caches.gateway import answered, check_fingerprints
from tokenworks.replay.caches.prefix import (
    CachePlan,
    Places,
    capacity_curve,
    check_implied,
    plan_of,
)
from tokenworks.replay.calibration.laws import ServingLaw, law_of
from tokenworks.replay.calibration.warehouse import runs_of
from tokenworks.replay.errors import TrafficError
from tokenworks.replay.estimates.backtest import Error, backtest, refusals
from tokenworks.replay.estimates.comparison import Comparison
from tokenworks.replay.estimates.estimate import Estimate
from tokenworks.replay.estimates.segments import estimates
from tokenworks.replay.estimates.window import draws_outcomes
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.play import Policy, play
from tokenworks.replay.power import check_power, metered, shifted
from tokenworks.replay.prepare import Prepared, learn, open_stage, prepare
from tokenworks.replay.reached import outside_hull
from tokenworks.replay.routing.decision import Decision, decide
from tokenworks.replay.routing.herding import herding
from tokenworks.replay.routing.judgement import Evidence, Judgement, judge
from tokenworks.replay.routing.quality import Claim, NoClaim, Stated
from tokenworks.replay.serving.changes import Serving, named_deployments, serving_under
from tokenworks.replay.stage import Played, Stage
from tokenworks.replay.together import check_together
from tokenworks.replay.traffic.blocks import check_blocks
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.names import check_names
from tokenworks.replay.traffic.requests import Traffic, in_window, matches

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
        model = learn(stage, everything)
        progress(STEPS[1], 1, len(STEPS))
        prepared = prepare(scenario, stage, model)
    progress(STEPS[2], 2, len(STEPS))
    reported = _reported(scenario, traffic)
    errors = backtest(stage, prepared.baseline, prepared.held_out, reported, scenario.limits)
    progress(STEPS[3], 3, len(STEPS))
    laws = _laws(prepared, decision.attempts.deployment)
    plan = _asked_plan(prepared, scenario, decision)
    serving = _serving(scenario, stage, laws)
    ends = stage.arrivals + prepared.baseline.timings.e2e
    exact, semantic = scenario.response_cache, scenario.semantic_cache
    gateway = answered(traffic, ends, exact, semantic, scenario.seed)
    judged = _judged(scenario, stage, decision, evidence)
    baseline, played = prepared.baseline, prepared.baseline
    later, waited = shifted(stage, scenario.power, decision.deployments)
    if not scenario.is_no_change:
        policy = Policy(serving, decision, plan, gateway.by if gateway else None)
        played = play(later, policy, prepared.baseline)
    stated = _stated(scenario, stage, played, reported)
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
            *_refused(played),
            *_herded(stage, serving, played),
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


def decide_all(scenario: Scenario, stage: Stage, folder: Path) -> tuple[Decision, Evidence]:
    """Where each request goes, from the scenario and its files, before anything is computed.

    Raises:
        LeverRefusedError: this traffic cannot carry a lever; the message says why and what to log.
    """
    check_names(scenario, stage.traffic)
    if scenario.prefix_cache is not None:
        lever = scenario.prefix_cache
        check_blocks(stage.traffic, lever.block_tokens, lever.is_root_sample, stage.prompts)
    if scenario.response_cache is not None:
        check_fingerprints(stage.traffic)
    _serving(scenario, stage, {})
    check_together(scenario, stage.is_closed)
    follows = scenario.balancing is not None and scenario.balancing.policy == "prefix"
    if follows and scenario.prefix_cache is None:
        check_blocks(stage.traffic, prompts=stage.prompts)
    if scenario.power is not None:
        check_power(scenario.power, stage)
    beside = read_beside(scenario, folder, stage)
    served_by = stage.recorded.deployment
    sections = (scenario.routing, scenario.regions)
    decision = decide(stage.traffic, stage.fleet, served_by, sections, scenario.seed, beside.side)
    return decision, beside.evidence


def _serving(scenario: Scenario, stage: Stage, laws: dict[int, ServingLaw]) -> Serving:
    levers = scenario.capacity, scenario.chips, scenario.balancing, scenario.disaggregation
    return serving_under(stage.fleet, laws, *levers, scenario.seed)


def _reported(scenario: Scenario, traffic: Traffic) -> Mask:
    reported = traffic.which(matches(scenario.report_on) & in_window(scenario.window))
    if not reported.any():
        raise TrafficError(
            "report_on",
            f"none of the {traffic.count:,} replayed requests is reported on.",
            "Widen report_on or the window.",
        )
    return reported


def _judged(
    scenario: Scenario, stage: Stage, decision: Decision, evidence: Evidence
) -> Judgement | None:
    """What the decision does to quality; null where the scenario asks for no claim.

    Raises:
        LeverRefusedError: a claim is required and nothing carries it.
    """
    if scenario.quality is None:
        return None
    frame = stage.traffic.columns.select("request_id", "started_at")
    served_by = stage.recorded.deployment
    found = judge(frame, stage.fleet, served_by, decision, evidence, scenario.seed)
    if isinstance(found.claim, NoClaim) and scenario.quality.claim == "required":
        raise found.claim.refusal()
    return found


def _stated(scenario: Scenario, stage: Stage, played: Played, reported: Mask) -> Stated | None:
    """The change of quality that the scenario states for its chips."""
    lever = scenario.chips
    if lever is None or lever.quality_score_change is None:
        return None
    named = named_deployments(stage.fleet, lever.deployments, lever.tiers, "chips")
    return Stated(lever.quality_score_change, float(named[played.deployment][reported].mean()))


def _refused(played: Played) -> tuple[str, ...]:
    if played.turned_away is None:
        return ()
    said = (
        f"{int(played.turned_away.sum()):,} requests are turned away at capacity.max_in_flight: "
        "nobody serves them or asks again, they cost nothing and stand outside the latencies of "
        "both replays; objectives count them as missed."
    )
    return (said,)


def _herded(stage: Stage, serving: Serving, played: Played) -> tuple[str, ...]:
    """Deployments where a balancer that looks at no load sends all of it to one replica."""
    if played.ran is None:
        return ()
    runs, request = played.ran.runs, played.ran.request
    work = (played.input_tokens - played.cached)[request].astype(np.float64)
    found = []
    for position, routing in serving.balancing.items():
        rows, replicas = runs.deployment == position, int(stage.fleet.replicas[position])
        is_prefix = routing.policy == "prefix"
        said = herding(runs.replica[rows], work[rows], replicas, is_prefix, routing.request_tokens)
        if said is not None:
            found.append(f"{stage.fleet.ids[position]}: {said}")
    return tuple(found)


def _laws(prepared: Prepared, deployments: Ints) -> dict[int, ServingLaw]:
    """Laws of history's deployments and of those that a scenario newly sends requests to."""
    stage, known = prepared.stage, prepared.model.laws
    new = np.setdiff1d(deployments, list(known)).tolist()
    return known | {
        position: law_of(stage.fleet, position, list(known), lambda one: runs_of(stage, one))
        for position in new
    }


def _asked_plan(prepared: Prepared, scenario: Scenario, decision: Decision) -> CachePlan | None:
    stage, implied = prepared.stage, prepared.model.implied
    follows = scenario.balancing is not None and scenario.balancing.policy == "prefix"
    if follows and implied is not None:
        check_implied(implied, np.unique(stage.recorded.deployment), stage.fleet)
    if stage.prompts is None or implied is None or scenario.prefix_cache is None:
        return prepared.today
    check_implied(
        implied, np.union1d(stage.recorded.deployment, decision.attempts.deployment), stage.fleet
    )
    return plan_of(scenario.prefix_cache, implied, stage.prompts.block_tokens)
