"""Attempts in order of start, and the rounds in which turns that change deployment find theirs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.serving.serve import Load, Luck, Timings, serve
from tokenworks.replay.spool import kept
from tokenworks.replay.stage import Stage
from tokenworks.replay.traffic.prompts import Prompts

#: Rounds in which turns that change deployment find their arrival, and when that is found.
ROUNDS, SETTLED_SECONDS = 4, 0.01

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Column = TypeVar("Column", Floats, Ints)


@dataclass(frozen=True)
class Batch:
    """Attempts in order of start, and what a play of them gave."""

    request: Ints
    starts: Floats
    deployment: Ints
    output: Ints
    cached: Ints
    timings: Timings


def timed(
    stage: Stage,
    serving: Serving,
    batch: Batch,
    replica: Ints,
    turns: tuple[Ints, Floats],
    known: tuple[Prompts | None, Ints | None] = (None, None),
) -> Batch:
    """Times of each attempt; turns that follow one at another deployment are settled in rounds.

    `known` are the blocks of the attempts and the size of the caches, by which a balancer may
    choose.
    """
    previous, think = turns
    crosses = (previous >= 0) & (batch.deployment[previous] != batch.deployment)
    starts = kept(batch.starts.copy())
    for _ in range(ROUNDS):
        load = Load(
            arrivals=starts,
            prompt=in_order(stage.input_tokens, batch.request),
            cached=batch.cached,
            output=batch.output,
            deployment=batch.deployment,
            replica=replica,
            session=in_order(stage.session, batch.request),
            previous=previous,
            think_seconds=think,
            luck=Luck.draw(len(stage.arrivals), stage.seed).of(batch.request),
            by_session=stage.is_sticky,
            prompts=known[0],
            capacity_blocks=known[1],
        )
        timings = serve(load, serving, stage.fleet)
        # A turn that was turned away has ended at once.
        ended = timings.arrived + np.nan_to_num(timings.e2e)
        ends = ended[previous[crosses]] + think[crosses]
        moved = float(np.abs(ends - starts[crosses]).max(initial=0.0))
        if moved <= SETTLED_SECONDS:
            break
        starts[crosses] = ends
    return replace(batch, starts=timings.arrived, timings=timings)


def in_order(values: Column, order: Ints) -> Column:
    """Values in another order; the very array where that is the order they have."""
    return values if _is_as_it_was(order, len(values)) else kept(values[order])


def _is_as_it_was(order: Ints, count: int) -> bool:
    return len(order) == count and bool((order == np.arange(count)).all())


def take(batch: Batch, place: Ints) -> Batch:
    """The attempts in the order of `Attempts`, whatever the order of their starts was."""
    if _is_as_it_was(place, len(batch.request)):
        return batch
    timings = batch.timings
    handover = timings.handover
    return Batch(
        request=kept(batch.request[place]),
        starts=kept(batch.starts[place]),
        deployment=kept(batch.deployment[place]),
        output=kept(batch.output[place]),
        cached=kept(batch.cached[place]),
        timings=replace(
            timings,
            arrived=kept(timings.arrived[place]),
            queue=kept(timings.queue[place]),
            ttft=kept(timings.ttft[place]),
            tpot=kept(timings.tpot[place]),
            e2e=kept(timings.e2e[place]),
            replica=kept(timings.replica[place]),
            handover=None if handover is None else handover.take(place),
        ),
    )
