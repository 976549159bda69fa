"""What the sections `capacity` and `chips` make of each deployment: law, limits, replicas, price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.laws import ServingLaw
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.balancing import Balancing
from tokenworks.replay.language.capacity import Capacity
from tokenworks.replay.language.chips import ChipChange
from tokenworks.replay.language.disaggregation import Disaggregation
from tokenworks.replay.language.disaggregation import Pool as AskedPool
from tokenworks.replay.serving.capacity import limits_under, replicas_under
from tokenworks.replay.serving.chips import LawFactors, factors_of, scaled, with_drafter
from tokenworks.replay.serving.disaggregation import Apart, Pool, Transfer
from tokenworks.replay.serving.steps import Autoscale, Routing, StepLaw
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Serving:
    """How the fleet serves under a scenario.

    Attributes:
        laws: by deployment.
        replicas: number of replicas, or how it follows the load, of deployments that change.
        watts: factor on the power of each deployment.
        price: factor on the price of its GPU-hours.
        said: what changes, in words.
        balancing: how requests find a replica, of deployments where that changes.
        apart: pools of deployments that compute prompts and make tokens on replicas of their own.
    """

    laws: dict[int, ServingLaw]
    replicas: Mapping[int, int | Autoscale]
    watts: Floats
    price: Floats
    said: tuple[str, ...] = ()
    balancing: Mapping[int, Routing] = field(default_factory=dict)
    apart: Mapping[int, Apart] = field(default_factory=dict)

    @classmethod
    def as_is(cls, fleet: Fleet, laws: dict[int, ServingLaw]) -> Serving:
        """Nothing changes."""
        ones = np.ones(fleet.count)
        apart = {position: law.apart for position, law in laws.items() if law.apart is not None}
        return cls(laws, {}, ones, ones, apart=apart)


def serving_under(
    fleet: Fleet,
    laws: dict[int, ServingLaw],
    capacity: Capacity | None,
    chips: ChipChange | None,
    balancing: Balancing | None = None,
    disaggregation: Disaggregation | None = None,
    seed: int = 0,
) -> Serving:
    """Apply the sections; without them nothing changes.

    Raises:
        LeverRefusedError: a section names a deployment or tier that is not there, or needs what
            its law does not tell.
    """
    found = Serving.as_is(fleet, laws)
    if chips is not None:
        found = _with_chips(fleet, found, chips)
    if capacity is not None:
        found = _with_capacity(fleet, found, capacity)
    if balancing is not None:
        found = _with_balancing(fleet, found, balancing, seed)
    if disaggregation is not None:
        found = _with_pools(fleet, found, disaggregation)
    return found


def _with_pools(fleet: Fleet, serving: Serving, lever: Disaggregation) -> Serving:
    named = named_deployments(fleet, lever.deployments, lever.tiers, "disaggregation")
    transfer = Transfer(lever.transfer_base_seconds, lever.seconds_per_token)
    positions = np.flatnonzero(named).tolist()
    apart = dict(serving.apart)
    for position in positions:
        if position in serving.laws:
            law = serving.laws[position]
            if not law.law.per_prefill_token:
                raise LeverRefusedError(
                    "disaggregation",
                    f"the log of {fleet.ids[position]} does not tell what a prompt token costs: "
                    "its law shows no growth of a step with the prompt tokens in it.",
                    "Log ttft_seconds and input tokens, cached ones apart, of prompts of many "
                    "lengths.",
                )
            own = law.apart
            prefill = _pool(own.prefill.law if own else law.law, law, lever.prefill)
            decode = _pool(own.decode.law if own else law.law, law, lever.decode)
            apart[position] = Apart(prefill, decode, transfer)
    names = ", ".join(fleet.ids[one] for one in positions)
    said = (
        f"{names}: prompts and first tokens on {lever.prefill.replicas} replicas, other tokens on "
        f"{lever.decode.replicas}, each with the GPUs of one replica as it is, all of them paid "
        f"for. {_whose_laws(fleet, positions)} A request waits for its keys and values "
        f"{transfer.base_seconds:g} s and {transfer.seconds_per_token:.3g} s per prompt token, "
        "however many travel at once."
    )
    return replace(serving, apart=apart, said=(*serving.said, said))


def _whose_laws(fleet: Fleet, positions: list[int]) -> str:
    if fleet.apart[positions].all():
        return (
            "Each pool follows its own law, times stated factors; the transfer comes on top of what "
            "history took for one."
        )
    return (
        "Both pools follow the law learnt where they were one, times stated factors: nobody has "
        "measured them apart."
    )


def _pool(step: StepLaw, law: ServingLaw, asked: AskedPool) -> Pool:
    most = asked.max_num_seqs or law.limits.max_num_seqs
    budget = asked.token_budget or law.limits.token_budget
    limits = replace(
        law.limits,
        max_num_seqs=most,
        token_budget=None if budget is None else max(budget, most),
    )
    return Pool(scaled(step, asked.factors.over(LawFactors())), limits, asked.replicas)


def _with_balancing(fleet: Fleet, serving: Serving, lever: Balancing, seed: int) -> Serving:
    named = named_deployments(fleet, lever.deployments, lever.tiers, "balancing")
    _refuse_apart(fleet, named, "balancing")
    positions = np.flatnonzero(named).tolist()
    routing = {
        position: Routing(lever.policy, lever.request_tokens or 0.0, seed) for position in positions
    }
    names = ", ".join(fleet.ids[one] for one in positions)
    said = f"Requests find their replica by {lever.policy} at {names}, whatever history did."
    return replace(serving, balancing=routing, said=(*serving.said, said))


def _with_capacity(fleet: Fleet, serving: Serving, lever: Capacity) -> Serving:
    named = named_deployments(fleet, lever.deployments, lever.tiers, "capacity")
    _refuse_apart(fleet, named, "capacity")
    laws, replicas = dict(serving.laws), dict(serving.replicas)
    for position in np.flatnonzero(named).tolist():
        replicas[position] = replicas_under(lever, int(fleet.replicas[position]))
        if position in laws:
            law = laws[position]
            laws[position] = replace(law, limits=limits_under(lever, law.limits))
    names = ", ".join(fleet.ids[one] for one in np.flatnonzero(named))
    said = f"Replicas, limits or scaling change at {names}; the law of a step stays."
    return replace(serving, laws=laws, replicas=replicas, said=(*serving.said, said))


def _with_chips(fleet: Fleet, serving: Serving, lever: ChipChange) -> Serving:
    named = named_deployments(fleet, lever.deployments, lever.tiers, "chips")
    _refuse_apart(fleet, named, "chips")
    laws = dict(serving.laws)
    factors = _factors(lever)
    for position in np.flatnonzero(named).tolist():
        if position not in laws:
            continue
        law = laws[position]
        changed = scaled(law.law, factors)
        if lever.speculative is not None:
            drafter = lever.speculative
            changed = with_drafter(
                changed, drafter.length(), drafter.draft_seconds, drafter.verification_factor
            )
        limits = law.limits
        if limits.kv_blocks is not None:
            blocks = max(1, int(limits.kv_blocks * lever.kv_blocks_factor))
            limits = replace(limits, kv_blocks=blocks)
        laws[position] = replace(law, law=changed, limits=limits)
    names = ", ".join(fleet.ids[one] for one in np.flatnonzero(named))
    said = (
        f"The step law of {names} is scaled by facts or stated factors: nobody has measured it "
        "there. Money and power of a busy second follow the stated factors."
    )
    return replace(
        serving,
        laws=laws,
        watts=np.where(named, serving.watts * lever.watts_factor, serving.watts),
        price=np.where(named, serving.price * lever.price_factor, serving.price),
        said=(*serving.said, said),
    )


def _refuse_apart(fleet: Fleet, named: Mask, lever: str) -> None:
    """Replicas that do one of the two are changed by `disaggregation` alone."""
    both = [fleet.ids[position] for position in np.flatnonzero(named & fleet.apart)]
    if both:
        raise LeverRefusedError(
            lever,
            f"{', '.join(both)} makes prompts and tokens on replicas of their own.",
            "Change its pools with `disaggregation` (`replicas`, `max_num_seqs`, `factors`), or "
            "name other `deployments` here.",
        )


def _factors(lever: ChipChange) -> LawFactors:
    derived = LawFactors()
    if lever.facts is not None:
        derived = factors_of(lever.facts.now.speeds(), lever.facts.then.speeds())
    return lever.factors.over(derived)


def named_deployments(
    fleet: Fleet, deployments: list[str] | None, tiers: list[str] | None, lever: str
) -> Mask:
    """Deployments that a section names; all where it names none."""
    for name, wanted, known in (
        ("deployments", deployments, fleet.ids),
        ("tiers", tiers, fleet.tiers),
    ):
        absent = sorted(set(wanted or ()) - set(known))
        if absent:
            raise LeverRefusedError(
                f"{lever}.{name}",
                f"the fleet has no {', '.join(absent)}.",
                f"There are: {', '.join(sorted(set(known)))}.",
            )
    if deployments is not None:
        return np.isin(np.array(fleet.ids), deployments)
    if tiers is not None:
        return np.isin(np.array(fleet.tiers), tiers)
    return np.ones(fleet.count, dtype=np.bool_)
