"""Levers that do not combine, each with the reason."""

from __future__ import annotations

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.scenario import Scenario


def check_together(scenario: Scenario, is_closed: bool) -> None:
    """Refuse levers that cannot be played at once.

    Args:
        scenario: the what-if.
        is_closed: whether turns wait for answers.

    Raises:
        LeverRefusedError: names them, and which to leave out.
    """
    routing, shift = scenario.routing, scenario.power and scenario.power.shift
    if scenario.capacity and scenario.capacity.max_in_flight and routing and routing.cascade:
        raise LeverRefusedError(
            "capacity.max_in_flight",
            "a cascade says what follows an answer, not what follows a refusal.",
            "Replay one of the two at a time.",
        )
    apart = scenario.disaggregation is not None
    if apart and is_closed:
        raise LeverRefusedError(
            "disaggregation",
            "turns that wait for answers would have to pass through both pools in turn, which is "
            "played in an open loop alone.",
            "Write `loop: open`: requests then arrive when they did, however long answers take.",
        )
    if apart and (scenario.capacity or scenario.balancing or (routing and routing.spill)):
        raise LeverRefusedError(
            "disaggregation",
            "it says itself how many replicas there are and what they hold, and requests find the "
            "least loaded of a pool; `capacity`, `balancing` and `routing.spill` say the same of "
            "replicas that do both.",
            "Replay one of them at a time.",
        )
    balancing, cache = scenario.balancing, scenario.prefix_cache
    if balancing and balancing.policy == "prefix" and cache and cache.scope != "replica":
        raise LeverRefusedError(
            "balancing.policy",
            f"no replica holds a prefix of its own where caches are one per {cache.scope}.",
            "Take `scope: replica`, or another policy.",
        )
    if shift and (scenario.response_cache or scenario.semantic_cache):
        raise LeverRefusedError(
            "power.shift",
            "what a response cache holds follows from arrivals as recorded, which it moves.",
            "Replay one of the two at a time.",
        )
    if shift and routing and routing.spill:
        raise LeverRefusedError(
            "power.shift",
            "what spills follows from arrivals as recorded, which it moves.",
            "Replay one of the two at a time.",
        )
    if scenario.chips and scenario.chips.quality_score_change is not None and scenario.quality:
        raise LeverRefusedError(
            "chips.quality_score_change",
            "it is stated, and `quality` makes a claim from evidence: one score cannot be both.",
            "Leave one of the two out.",
        )
