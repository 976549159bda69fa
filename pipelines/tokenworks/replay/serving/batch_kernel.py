"""One replica's continuous batching: what enters a step and what ends with it.

At the start of a step every decoding request takes one token, then the request whose prefill is
cut takes what the token budget leaves, then waiting requests enter in order while slots, budget
and KV blocks last. A request holds the blocks of its whole context from admission on. When the
decoding requests need more blocks than there are, the last admitted one is put back to the head
of the queue and computes its context again; nobody enters in that step. While nobody enters and
nobody leaves, a step is the one before it plus a constant, so the whole stretch is one event.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

import numpy as np

from tokenworks.replay.serving.blocks_kernel import blocks_of, context, fits
from tokenworks.replay.serving.engine_state import ENDS, NEVER, STARTS, Engine
from tokenworks.replay.serving.stretch_kernel import after, cut_short, plan_stretch, sum_up
from tokenworks_sources.jit import bare_kernel


@bare_kernel
def begin(engine: Engine, replica: int, now: float) -> None:
    """Fill the batch at the start of a step and plan the stretch that follows."""
    one = engine.replicas[replica]
    if one.size == 0 and one.waiting == 0:
        one.moment = np.inf
        return
    preempted = _make_room(engine, replica)
    one.decoding = one.size - one.partial
    one.fresh = one.decoding
    one.kv_at_start = one.kv
    longest = _longest(engine, replica)
    budget = engine.bounds.budget - one.decoding
    if one.partial == 1:
        budget = _compute(engine, replica, one.size - 1, budget)
    held_back = False
    if one.waiting > 0 and one.partial == 0 and not preempted:
        held_back, longest = _admit_waiting(engine, replica, now, budget, longest)
    plan_stretch(engine, replica, now, longest, preempted or held_back)


@bare_kernel
def finish(engine: Engine, replica: int) -> bool:
    """Account for the stretch that ends now; whether requests ended with it.

    The rows that ended stand behind the batch, in slots `size` to `size + ended`.
    """
    one = engine.replicas[replica]
    sum_up(one)
    one.last_start = after(one, one.steps - 1)
    one.clock += one.steps
    one.kv += one.decoding * one.steps + one.prefill
    for slot in range(one.fresh, one.size - one.partial):
        request = engine.requests[engine.slots[replica, slot].row]
        if np.isnan(request.first_token):
            request.first_token = after(one, 1)
    one.ended = 0
    one.freed = 0
    one.phase = STARTS
    if one.clock < one.soonest:
        return False
    _remove_ended(engine, replica)
    return True


@bare_kernel
def enqueue(engine: Engine, replica: int, row: int, now: float) -> None:
    """Put an arrived request last in a replica's queue and wake or cut short what it meets."""
    one = engine.replicas[replica]
    first = one.waiting == 0
    if first:
        one.head = row
    else:
        engine.requests[one.tail].following = row
    one.tail = row
    one.waiting += 1
    if one.moment == np.inf:
        one.moment = max(now, one.ready)
        one.phase = STARTS
    elif first and one.phase == ENDS and one.steps > 1 and one.size < engine.bounds.seqs:
        cut_short(engine, replica, now)


@bare_kernel
def _make_room(engine: Engine, replica: int) -> bool:
    """Preempt from the end of the batch until the next step fits; whether anyone had to go."""
    engine.replicas[replica].prefill = 0
    preempted = False
    while not fits(engine, replica, 1, 0):
        _preempt(engine, replica)
        preempted = True
    return preempted


@bare_kernel
def _preempt(engine: Engine, replica: int) -> None:
    one = engine.replicas[replica]
    slot = engine.slots[replica, one.size - 1]
    row = slot.row
    request = engine.requests[row]
    if one.partial == 1:
        one.kv -= context(request) - request.left
        one.partial = 0
    else:
        one.kv -= slot.base + one.clock
        request.made = max(1, request.output) - (slot.ends - one.clock)
    if request.prefilled == 1:
        request.prefilled = 0
        request.cached = 0
    request.left = context(request) - request.cached
    request.preemptions += 1
    one.size -= 1
    one.soonest = _soonest(engine, replica)
    request.following = one.head
    one.head = row
    if one.waiting == 0:
        one.tail = row
    one.waiting += 1


@bare_kernel
def _soonest(engine: Engine, replica: int) -> int:
    """Clock at which the next decoding request ends."""
    one = engine.replicas[replica]
    found = NEVER
    for slot in range(one.size - one.partial):
        found = min(found, engine.slots[replica, slot].ends)
    return found


@bare_kernel
def _longest(engine: Engine, replica: int) -> int:
    """Longest context in KV; 0 where the law does not ask."""
    one = engine.replicas[replica]
    if engine.law.per_longest == 0.0:
        return 0
    decoding = one.size - one.partial
    found = 0
    for slot in range(decoding):
        found = max(found, engine.slots[replica, slot].base + one.clock)
    if one.partial == 1:
        request = engine.requests[engine.slots[replica, decoding].row]
        found = max(found, context(request) - request.left)
    return found


@bare_kernel
def _compute(engine: Engine, replica: int, place: int, budget: int) -> int:
    """Give a prefill its tokens of this step; returns what is left of the budget."""
    one, slot = engine.replicas[replica], engine.slots[replica, place]
    request = engine.requests[slot.row]
    tokens = min(request.left, budget)
    request.left -= tokens
    if request.prefilled == 1:
        one.decoding += 1
    else:
        one.prefill += tokens
    one.partial = 1 if request.left > 0 else 0
    if request.left == 0:
        slot.base = context(request) - one.clock - 1
        slot.ends = one.clock + max(1, request.output) - request.made
        one.soonest = min(one.soonest, slot.ends)
    return budget - tokens


@bare_kernel
def _admit_waiting(
    engine: Engine, replica: int, now: float, budget: int, longest: int
) -> tuple[bool, int]:
    """Admit while there is room; whether the lag held someone back, and the longest context."""
    one = engine.replicas[replica]
    lagging = engine.bounds.lag > 0 and one.size > 0
    taken = one.ended if lagging else 0
    kept = one.freed if lagging else 0
    while one.waiting > 0 and budget > 0:
        request = engine.requests[one.head]
        if one.size + taken >= engine.bounds.seqs:
            break
        if lagging and request.arrived > one.last_start:
            return True, longest
        if not fits(engine, replica, 1, blocks_of(engine, context(request)) + kept):
            break
        engine.slots[replica, one.size].row = one.head
        one.head = request.following
        one.waiting -= 1
        one.size += 1
        if np.isnan(request.admitted):
            request.admitted = now
        cached = context(request) - request.left
        one.kv += cached
        one.kv_at_start += cached
        longest = max(longest, cached)
        budget = _compute(engine, replica, one.size - 1, budget)
        if one.partial == 1:
            break
    return taken > 0 and one.waiting > 0, longest


@bare_kernel
def _remove_ended(engine: Engine, replica: int) -> None:
    """Take out who has all tokens; their rows stay readable behind the batch."""
    one = engine.replicas[replica]
    decoding = one.size - one.partial
    kept = 0
    for place in range(decoding):
        slot = engine.slots[replica, place]
        if slot.ends > one.clock:
            _move(engine, replica, place, kept)
            kept += 1
            continue
        held = slot.base + one.clock
        engine.requests[slot.row].ended = one.moment
        one.kv -= held
        one.freed += blocks_of(engine, held)
        one.ended += 1
    if one.partial == 1:
        _move(engine, replica, decoding, kept)
    one.size = kept + one.partial
    one.soonest = _soonest(engine, replica)


@bare_kernel
def _move(engine: Engine, replica: int, old: int, new: int) -> None:
    """Move a slot to the place of one that ended, whose row takes the old place."""
    if old == new:
        return
    here, there = engine.slots[replica, old], engine.slots[replica, new]
    gone = there.row
    there.row = here.row
    there.base = here.base
    there.ends = here.ends
    here.row = gone
