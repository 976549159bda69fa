"""Closed forms of a stretch of steps: its plan, its end when someone arrives, and its sums.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

import math

from tokenworks.replay.serving.blocks_kernel import steps_that_fit
from tokenworks.replay.serving.engine_state import ENDS, NEVER, Engine, Replica
from tokenworks_sources.jit import bare_kernel


@bare_kernel
def after(one: Replica, steps: int) -> float:
    """When `steps` steps of the stretch are over."""
    return one.start + (one.step * steps + one.growth * (steps * (steps - 1) // 2))


@bare_kernel
def busiest(one: Replica, workers: int, longest: int) -> tuple[float, float, int]:
    """Tokens that the busiest worker reads in a step, its growth per step, and for how long.

    Below `workers` requests the contexts are cut among the workers, but none is read by less than
    one: the smaller of the longest context and of what each worker gets. Where the one becomes
    the other, the stretch ends.
    """
    if one.size >= workers:
        return float(longest), 1.0, NEVER
    free = workers - one.size / 2
    shared, faster = one.kv_at_start / free, one.decoding / free
    gap = longest - shared
    most = NEVER
    closing = faster - 1.0 if gap > 0 else 1.0 - faster
    if closing > 0 and 0 < abs(gap) < 1e12 * closing:
        most = max(1, math.ceil(abs(gap) / closing))
    if gap > 0 or (gap == 0 and faster < 1.0):
        return shared, faster, most
    return float(longest), 1.0, most


@bare_kernel
def plan_stretch(engine: Engine, replica: int, now: float, longest: int, only_one: bool) -> None:
    """Lay down the stretch that begins now: as many steps as are sure to be alike."""
    law, one = engine.law, engine.replicas[replica]
    step = law.base + law.per_running * one.size + law.per_kv_token * one.kv_at_start
    growth = law.per_kv_token * one.decoding
    most = NEVER
    if law.per_longest > 0.0:
        load, more, most = busiest(one, law.longest_from, longest)
        step += law.per_longest * load
        growth += law.per_longest * more
    steps = 1
    if one.prefill > 0:
        step += law.per_prefill_token * one.prefill + law.with_prefill
    elif one.partial == 0 and not only_one:
        steps = steps_that_fit(engine, replica, min(most, one.soonest - one.clock))
    one.start = now
    one.step = step
    one.growth = growth
    one.steps = steps
    one.phase = ENDS
    one.moment = after(one, steps)


@bare_kernel
def cut_short(engine: Engine, replica: int, now: float) -> None:
    """End the stretch at the first step that begins at or after `now`, and the lag later."""
    one = engine.replicas[replica]
    gone = max(0.0, now - one.start)
    slope = one.step - one.growth / 2
    root = slope + math.sqrt(slope * slope + 2 * one.growth * gone)
    steps = 1
    if root > 0:
        steps = max(1, int(min(2 * gone / root, float(one.steps))))
    while steps > 1 and after(one, steps - 1) >= now:
        steps -= 1
    while steps < one.steps and after(one, steps) < now:
        steps += 1
    one.steps = min(steps + engine.bounds.lag, one.steps)
    one.moment = after(one, one.steps)


@bare_kernel
def sum_up(one: Replica) -> None:
    """Add the stretch to the replica's sums; the integrals are sums of squares and products."""
    steps = one.steps
    pairs = float(steps * (steps - 1) // 2)
    squares = pairs * (2 * steps - 1) / 3
    seconds = one.step * steps + one.growth * pairs
    one.busy += seconds
    one.running += one.size * seconds
    one.kv_seconds += one.kv_at_start * seconds
    one.kv_seconds += one.decoding * (one.step * pairs + one.growth * squares)
    one.prefill_tokens += one.prefill
    one.all_steps += steps
    if one.prefill > 0:
        one.prefill_steps += 1
