"""What a scenario asks of a traffic, in the terms of a play: where requests go, by which laws and caches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.beside import read_beside
from tokenworks.replay.caches.gateway import check_fingerprints
from tokenworks.replay.caches.prefix import (
    CachePlan,
    check_implied,
    plan_of,
)
from tokenworks.replay.calibration.laws import ServingLaw, law_of
from tokenworks.replay.calibration.warehouse import runs_of
from tokenworks.replay.errors import TrafficError
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.power import check_power
from tokenworks.replay.prepare import Prepared
from tokenworks.replay.routing.decision import Decision, decide
from tokenworks.replay.routing.judgement import Evidence, Judgement, judge
from tokenworks.replay.routing.quality import NoClaim, Stated
from tokenworks.replay.serving.changes import Serving, named_deployments, serving_under
from tokenworks.replay.stage import Played, Stage
from tokenworks.replay.together import check_together
from tokenworks.replay.traffic.blocks import check_blocks
from tokenworks.replay.traffic.conditions import in_window, matches
from tokenworks.replay.traffic.names import check_names
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


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
    serving_of(scenario, stage, {})
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


def serving_of(scenario: Scenario, stage: Stage, laws: dict[int, ServingLaw]) -> Serving:
    """How the fleet serves under a scenario."""
    levers = scenario.capacity, scenario.chips, scenario.balancing, scenario.disaggregation
    return serving_under(stage.fleet, laws, *levers, scenario.seed)


def reported_by(scenario: Scenario, traffic: Traffic) -> Mask:
    """Requests that the result speaks of.

    Raises:
        TrafficError: there is none.
    """
    reported = traffic.which(matches(scenario.report_on) & in_window(scenario.window))
    if not reported.any():
        raise TrafficError(
            "report_on",
            f"none of the {traffic.count:,} replayed requests is reported on.",
            "Widen report_on or the window.",
        )
    return reported


def judged_by(
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


def stated_by(scenario: Scenario, stage: Stage, played: Played, reported: Mask) -> Stated | None:
    """The change of quality that the scenario states for its chips."""
    lever = scenario.chips
    if lever is None or lever.quality_score_change is None:
        return None
    named = named_deployments(stage.fleet, lever.deployments, lever.tiers, "chips")
    return Stated(lever.quality_score_change, float(named[played.deployment][reported].mean()))


def laws_for(prepared: Prepared, deployments: Ints) -> dict[int, ServingLaw]:
    """Laws of history's deployments and of those that a scenario newly sends requests to."""
    stage, known = prepared.stage, prepared.model.laws
    new = np.setdiff1d(deployments, list(known)).tolist()
    return known | {
        position: law_of(stage.fleet, position, list(known), lambda one: runs_of(stage, one))
        for position in new
    }


def plan_for(prepared: Prepared, scenario: Scenario, decision: Decision) -> CachePlan | None:
    """Caches of a scenario; today's where it asks for no others, null where those are unknown."""
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
