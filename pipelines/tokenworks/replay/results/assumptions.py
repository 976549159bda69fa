"""What a replay result rests on, in words, with the figures of this very result."""

from __future__ import annotations

import numpy as np

from tokenworks.replay.answer import Answer
from tokenworks.replay.estimates.window import draws_outcomes
from tokenworks.replay.routing.quality import NoClaim
from tokenworks.replay.serving.disaggregation import Apart
from tokenworks.replay.traffic.blocks import why_no_blocks
from tokenworks.replay.traffic.requests import COMPLETE_LOG_RATIO

_GROWTH = {
    "per_running": "growth of a step with running requests",
    "per_kv_token": "growth with tokens held",
    "per_prefill_token": "growth with prompt tokens computed",
}


def assumptions(answer: Answer) -> list[str]:
    """Sentences that a reader of the result needs, general ones first."""
    return [
        _loop(answer),
        (
            "cost_active_usd is busy time at what a busy GPU-second of its deployment cost on that "
            "day, shared by phase weight; its electricity follows energy. Capacity is fixed in the short run: a lower cost_active_usd "
            "is capacity set free, which turns into idle cost until replicas are given back. "
            "cost_marginal_usd (energy above idle) is what is saved at once."
        ),
        (
            "Requests that ended before their first token are left out, of the load too. Those that failed "
            "or were cancelled later are replayed with the tokens they had; their latency is not shown."
        ),
        (
            "delta_p10 to delta_p90 speak of traffic like this: a block bootstrap of hours and the "
            "model's own error in the backtest, and never narrower than what is said of these requests."
        ),
        _window(answer),
        *_caching(answer),
        *_routing(answer),
        *_serving(answer),
        *_power(answer),
        *_traffic(answer),
    ]


def _loop(answer: Answer) -> str:
    if answer.stage.clients:
        return (
            f"Closed loop with {answer.stage.clients:,} clients: no session says who waited, but "
            "requests in flight are held constant, so each client is taken to send its next "
            "request when its answer is there and the recorded gap has passed. `loop: open` "
            "replays arrivals as they were."
        )
    if answer.stage.is_closed:
        return (
            "Closed loop: a turn of a session arrives when the answer before it is there and the "
            "recorded think time has passed. Demand does not react to price or latency otherwise."
        )
    return (
        "Open loop: requests arrive when they did, whatever the answer takes. Demand does not "
        "react to price or latency."
    )


def _window(answer: Answer) -> str:
    if draws_outcomes(answer.scenario):
        return (
            "delta_window_p10 and p90, of these very requests, are not told: stated rates or other "
            "answers' lengths decide what becomes of a request, and history has no like of that."
        )
    return (
        "delta_window_p10 to delta_window_p90 speak of these very requests: what changes at a "
        "deployment is as far off as one hour of it (for money, and for energy without a law of "
        "power, one day) lies beside "
        "history when nothing changes. No other traffic is drawn, and the law is trusted to err "
        "under the scenario as it does here."
    )


def _caching(answer: Answer) -> list[str]:
    if (
        answer.plan is not None
        and answer.prepared.model.implied is not None
        and answer.stage.prompts
    ):
        size = answer.stage.prompts.block_tokens
        served = np.unique(answer.baseline.deployment)
        held = ", ".join(
            f"{answer.fleet.ids[position]} {int(answer.prepared.model.implied[position]) * size:,}"
            for position in served
        )
        return [
            (
                "Prefix caches are simulated over the logged block hashes; hits are leading runs of "
                f"blocks of {size} tokens. Today's caches are the LRU sizes that the recorded hits "
                f"imply, in tokens per replica: {held}."
            )
        ]
    why = why_no_blocks(answer.traffic) or "today's cache sizes are unknown."
    kept = f"Prefix reuse is not simulated: {why} Recorded cached tokens are kept as they are"
    moved = answer.baseline.deployment != answer.played.deployment
    hit = int(answer.played.cached[moved].sum())
    if hit:
        kept += (
            f"; of the requests that move, {hit:,} cached tokens are assumed to be found in "
            "the other cache too, where it could be none"
        )
    return [kept + "."]


def _routing(answer: Answer) -> list[str]:
    """What the levers did, and what is claimed of quality."""
    said = [*answer.decision.said, *answer.said]
    if answer.stage.is_sticky and answer.decision.moved.any():
        said.append(
            "History kept the requests of a session on one replica; those that move stay together "
            "too."
        )
    if answer.stated is not None:
        return [*said, f"Quality {answer.stated.words}."]
    if answer.judged is None:
        return [*said, "Quality is not judged: there is no claim about it."]
    claim = answer.judged.claim
    if isinstance(claim, NoClaim):
        return [*said, f"No claim about quality: {claim.why} {claim.log_in_future}"]
    return [*said, f"Quality rests on {claim.basis}: {claim.method}"]


def _serving(answer: Answer) -> list[str]:
    said = [
        (
            "Replicas batch continuously: a step takes a base, and more per running request, per "
            "token held and per prompt token computed, learnt per deployment from its own log; the "
            "spread that remains is drawn again, alike for both replays."
        )
    ]
    for position, law in sorted(answer.laws.items()):
        name = answer.fleet.ids[position]
        if law.apart is not None:
            said.append(_pools(name, law.apart))
            continue
        if law.source != name:
            said.append(f"{name} has too little history of its own; its law is {law.source}.")
        ran_here = answer.stage.recorded.deployment == position
        untold = bool((answer.stage.replica[ran_here] < 0).any())
        if untold and answer.fleet.replicas[position] > 1:
            said.append(
                f"{name}: the log does not tell its replicas; requests are taken to have gone to "
                "the least loaded one."
            )
        absent = [words for term, words in _GROWTH.items() if not getattr(law.law, term)]
        if absent:
            shown = " and no ".join(absent)
            said.append(f"{name}: its history shows no {shown}; the replay assumes none.")
        if not answer.fleet.slots[position]:
            most = law.limits.max_num_seqs
            said.append(f"{name} has no max_num_seqs; {most} is the largest batch that was seen.")
    return said


def _pools(name: str, apart: Apart) -> str:
    """What a deployment with pools rests on."""
    return (
        f"{name}: prompts and first tokens are made on {apart.prefill.replicas} replicas and other "
        f"tokens on {apart.decode.replicas}, each pool by a law learnt from its own part of the "
        "log, in an open loop. Requests are taken to have gone to the least loaded of a pool, all "
        "replicas to have as many GPUs; keys and values travel within what the log shows."
    )


def _power(answer: Answer) -> list[str]:
    """How energy follows the load, deployment by deployment."""
    power = answer.stage.rates.power
    if power is None:
        return [
            (
                "Energy follows busy time: no energy of the GPUs is published by hour, so that a "
                "busy second draws what it did in history, whatever the batch."
            )
        ]
    said = []
    for position, law in sorted(power.laws.items()):
        name = answer.fleet.ids[position]
        if isinstance(law, str):
            said.append(
                f"{name}: energy follows busy time, and a busy second draws what it did in "
                f"history: {law}."
            )
            continue
        terms = [f"{law.idle:.0f} W empty and {law.busy:.0f} W busy per GPU"]
        if law.running:
            terms.append(f"{law.running:.2g} W per running request")
        if law.doublings:
            terms.append(f"{law.doublings:.2g} W per doubling of the batch")
        if law.prefill_tokens:
            terms.append(f"{law.prefill_tokens:.2g} J per computed prompt token")
        said.append(
            f"{name}: energy follows its law of power ({', '.join(terms)}), learnt from "
            f"{law.hours:,} hours and within {law.choice.left_out_error:.2%} of those left out; no "
            "change draws what was recorded."
        )
    return said


def _traffic(answer: Answer) -> list[str]:
    traffic = answer.traffic
    said = []
    unknown = traffic.unknown_count("input_cache_read_tokens")
    if unknown:
        said.append(f"{unknown:,} requests do not say how much was cached; none is taken.")
    coverage = traffic.token_coverage
    if coverage is None:
        said.append("No engine counter tells whether the log is complete.")
    elif coverage < COMPLETE_LOG_RATIO:
        said.append(
            f"The log holds {coverage:.1%} of the input tokens that the engines counted; load "
            "and totals are those of the log."
        )
    unpriced = int(np.isnan(answer.played.amounts["cost_active_usd"]).sum())
    if unpriced:
        said.append(f"{unpriced:,} requests have no known cost and stand outside the cost rows.")
    return said
