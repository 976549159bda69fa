"""Hit ratio of prefix caches by their size, on given routes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.prefix import Places
from tokenworks.replay.caches.stack_distance import (
    gains_by_capacity,
    hits_by_capacity,
    required_capacities,
)
from tokenworks.replay.traffic.prompts import Prompts

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def _curve(prompts: Prompts, streams: Ints, counted: Mask) -> tuple[Ints, Ints]:
    """Hit tokens of the counted requests by capacity, summed over one cache per stream."""
    steps: list[tuple[Ints, Ints]] = []
    for one in np.unique(streams):
        rows = np.flatnonzero(streams == one)
        part = prompts.alone(rows)
        required = required_capacities(part.ids, part.offsets, part.block_count)
        weights = part.tokens_per_block() * np.repeat(counted[rows], part.counts)
        steps.append(gains_by_capacity(required, weights))
    capacities, gained = (np.concatenate(column) for column in zip(*steps, strict=True))
    return hits_by_capacity(capacities, gained)


def capacity_curve(
    prompts: Prompts, places: Places, counted: Mask | None = None
) -> list[dict[str, int | float]]:
    """Hit ratio T of LRU caches, one per replica, at every power of two of blocks.

    The last point is the ceiling. All requests are replayed; the ratio of every point, ceiling
    included, is over those `counted`, such as those after a warm-up.
    """
    window = np.ones(len(places.deployment), dtype=np.bool_) if counted is None else counted
    steps, hits = _curve(prompts, places.streams, window)
    total = int(prompts.input_tokens[window].sum())
    if not len(steps) or not total:
        return []
    points = [1 << power for power in range(int(steps[-1] - 1).bit_length() + 1)]
    reached = np.searchsorted(steps, points, side="right")
    ratios = [float(hits[index - 1]) / total if index else 0.0 for index in reached.tolist()]
    return [
        {"capacity_tokens": point * prompts.block_tokens, "hit_ratio": ratio}
        for point, ratio in zip(points, ratios, strict=True)
    ]
