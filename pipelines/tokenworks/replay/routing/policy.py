"""Routing between tiers: rules, score, spill, cascade and canary put together.

What a lever means stands in `language.routing`; this says which request goes where, and in words
what was done and what could not be.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.routing import ByScore, Cascading, Spill, TierRouting
from tokenworks.replay.routing.cascade import Verifier
from tokenworks.replay.routing.conditions import NOWHERE, check_tier, named, serving
from tokenworks.replay.routing.draws import luck
from tokenworks.replay.routing.frontier import Fitted, fit_to_quality, fit_to_share
from tokenworks.replay.routing.route import Given, Route
from tokenworks.replay.routing.spill import spilled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def route_tiers(given: Given, asked: TierRouting) -> Route:
    """Where the section `routing` sends each request."""
    inside = _canary(given, asked)
    route = _by_rules(given, asked, inside)
    if asked.score is not None:
        route = _by_score(given, asked.score, route, inside & ~route.matched)
    if asked.spill is not None:
        route = _by_load(given, asked.spill, route, inside)
    if asked.cascade is not None:
        route = _in_turns(given, asked.cascade, route, inside)
    if asked.canary is not None:
        share = f"The routing holds for {int(inside.sum()):,} of {inside.size:,} requests (canary)."
        route = replace(route, said=(share, *route.said))
    return route


def _canary(given: Given, asked: TierRouting) -> Mask:
    if asked.canary is None:
        return np.ones(given.served_by.size, dtype=np.bool_)
    names, column = given.names, {"session": "session_id", "tenant": "tenant_id"}
    if asked.canary.by != "request":
        key = column[asked.canary.by]
        if key not in given.frame.columns:
            raise LeverRefusedError(
                "routing.canary.by", f"the traffic has no {key}.", "Draw by request."
            )
        names = given.frame[key].cast(pl.String).fill_null(names)
    return np.asarray(luck(names, given.seed, "canary") < asked.canary.share)


def _by_rules(given: Given, asked: TierRouting, inside: Mask) -> Route:
    route, free = Route.none(given.served_by), inside
    for number, rule in enumerate(asked.rules):
        path = f"routing.rules.{number}"
        rows = free & named(given.frame, rule.when, f"{path}.when")
        free = free & ~rows
        if rule.to_tier is None:
            route = replace(route, matched=route.matched | rows)
            continue
        check_tier(given.fleet, rule.to_tier, f"{path}.to_tier")
        targets = serving(given.fleet, given.served_by, rows, rule.to_tier)
        said = f"Rule {number + 1} names {int(rows.sum()):,} requests for tier {rule.to_tier}."
        route = route.sent(rows, targets, said)
    return route


def _by_score(given: Given, asked: ByScore, route: Route, open_to: Mask) -> Route:
    for field in ("weak_tier", "strong_tier"):
        check_tier(given.fleet, getattr(asked, field), f"routing.score.{field}")
    if given.scores is None:
        raise LeverRefusedError(
            "routing.score.column", "the requests have no scores.", "Give a file that holds them."
        )
    tiers = (asked.weak_tier, asked.strong_tier)
    rows = open_to & named(given.frame, asked.when, "routing.score.when")
    rows = rows & np.isin(np.array(given.fleet.tiers)[route.deployments], tiers)
    if not rows.any():
        return replace(route, said=(*route.said, f"{asked.column} decides over no request."))
    known = rows & ~np.isnan(given.scores)
    if not known.any():
        raise LeverRefusedError(
            "routing.score",
            f"none of {int(rows.sum()):,} requests has a score.",
            "Score the requests, or route by rules.",
        )
    fitted = _threshold(given, asked, given.scores[known])
    strong = known & (given.scores >= fitted.threshold)
    said = (
        f"{asked.column} from {fitted.threshold:.6g} on goes to {asked.strong_tier}: "
        f"{int(strong.sum()):,} of {int(known.sum()):,} requests.{_kept(fitted)}"
    )
    unknown = int((rows & ~known).sum())
    if unknown:
        said += f" {unknown:,} have no score and stay."
    targets = np.where(
        strong,
        serving(given.fleet, route.deployments, strong, asked.strong_tier),
        serving(given.fleet, route.deployments, known & ~strong, asked.weak_tier),
    )
    return route.sent(known, targets, said)


def _kept(fitted: Fitted) -> str:
    """How good the labels are that a threshold was fitted to, and those that it was not."""
    if fitted.quality is None:
        return ""
    said = f" Mean score {fitted.quality:.6g} on the labels that it was fitted to"
    if fitted.quality_elsewhere is None:
        return f"{said}; they are too few to be judged on others."
    return (
        f"{said}, {fitted.quality_elsewhere:.6g} where each fifth is decided by the other four: "
        "expect the latter."
    )


def _threshold(given: Given, asked: ByScore, scores: Floats) -> Fitted:
    if asked.share_to_strong is not None:
        return fit_to_share(scores, asked.share_to_strong)
    if asked.quality_at_least is not None:
        if given.labelled is None:
            raise LeverRefusedError(
                "routing.score.quality_at_least",
                "no labels say how good each tier's answers are.",
                "Give quality labels of both tiers, or a share_to_strong.",
            )
        known = given.labelled
        return fit_to_quality(known.scores, known.weak, known.strong, asked.quality_at_least)
    if asked.threshold is None:
        raise AssertionError("the language lets no score through without a threshold")
    return Fitted(asked.threshold, float((scores >= asked.threshold).mean()))


def _by_load(given: Given, asked: Spill, route: Route, inside: Mask) -> Route:
    for field in ("from_tier", "to_tier"):
        check_tier(given.fleet, getattr(asked, field), f"routing.spill.{field}")
    fleet, away = given.fleet, np.zeros(inside.size, dtype=np.bool_)
    may = inside & named(given.frame, asked.when, "routing.spill.when")
    targets = serving(fleet, route.deployments, may, asked.to_tier)
    may = may & (targets != NOWHERE)
    for position, tier in enumerate(fleet.tiers):
        rows = np.flatnonzero(route.deployments == position)
        if tier != asked.from_tier or rows.size == 0:
            continue
        slots = int(fleet.slots[position]) * int(fleet.replicas[position])
        away[rows] = spilled(
            given.arrivals[rows],
            given.seconds[rows],
            may[rows],
            slots,
            _limit(asked, int(fleet.replicas[position]), slots, fleet.ids[position]),
        )
    said = f"{int(away.sum()):,} requests spill from busy deployments of {asked.from_tier}."
    return route.sent(away, targets, said)


def _limit(asked: Spill, replicas: int, slots: int, name: str) -> int:
    """In flight at a whole deployment, from which on it spills."""
    if asked.in_flight_per_replica is not None:
        return asked.in_flight_per_replica * replicas
    if not slots:
        raise LeverRefusedError(
            "routing.spill.waiting_per_replica",
            f"{name} has no max_num_seqs, so nothing says when requests wait.",
            "State max_num_seqs in fleet.yaml, or give in_flight_per_replica.",
        )
    return slots + (asked.waiting_per_replica or 0) * replicas + 1


def _in_turns(given: Given, asked: Cascading, route: Route, inside: Mask) -> Route:
    for field in ("first_tier", "second_tier"):
        check_tier(given.fleet, getattr(asked, field), f"routing.cascade.{field}")
    fleet = given.fleet
    rows = inside & named(given.frame, asked.when, "routing.cascade.when")
    rows = rows & np.isin(
        np.array(fleet.tiers)[route.deployments], (asked.first_tier, asked.second_tier)
    )
    first = serving(fleet, route.deployments, rows, asked.first_tier)
    second = serving(fleet, route.deployments, rows, asked.second_tier)
    both = (first != NOWHERE) & (second != NOWHERE)
    again = rows & both & ~_accepted(given, asked, rows & both)
    taken = int((rows & both).sum())
    said = (
        f"{taken:,} requests are answered by {asked.first_tier} first; {int(again.sum()):,} are "
        f"rejected and answered by {asked.second_tier} too. Every attempt is charged and their "
        "times add up; a first answer is shown only once it is accepted."
    )
    verifier = Verifier(asked.verifier.hit_rate, asked.verifier.false_accept_rate)
    if verifier.is_perfect:
        said += " The verifier never errs: what this saves is a bound, not an estimate."
    sent = route.sent(rows, np.where(both, first, NOWHERE), said)
    return replace(
        sent, second=np.where(again, second, NOWHERE).astype(np.int64), verified=rows & both
    )


def _accepted(given: Given, asked: Cascading, rows: Mask) -> Mask:
    """First answers that the verifier accepts; lots are drawn by request."""
    verifier = Verifier(asked.verifier.hit_rate, asked.verifier.false_accept_rate)
    known = given.first_right
    right = np.full(rows.size, np.nan) if known is None else known.copy()
    unknown = rows & np.isnan(right)
    share = asked.verifier.first_answer_right
    if unknown.any() and share is None and verifier.hit_rate != verifier.false_accept_rate:
        raise LeverRefusedError(
            "routing.cascade.verifier.first_answer_right",
            f"nothing says of {int(unknown.sum()):,} requests whether the first answer is good.",
            "Give the share of good first answers, or labels of the first tier's answers.",
        )
    drawn = luck(given.names, given.seed, "cascade.right") < (share or 0.0)
    good = np.where(unknown, drawn, right == 1.0)
    return verifier.accepts(good, luck(given.names, given.seed, "cascade.verifier"))
