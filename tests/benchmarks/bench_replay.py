"""Speed of the replay kernels beside plain Python in the same run.

Run it with `python tests/benchmarks/bench_replay.py [prompts]`. Compilation is not counted: every
kernel runs once on a little data first.
"""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from tokenworks.replay.caches.policies import leading_hits
from tokenworks.replay.serving.engine_kernel import Work, simulate
from tokenworks.replay.caches.stack_distance import required_capacities

BLOCKS_PER_PROMPT = 24
CAPACITY = 30_000
#: Requests per second of the fastest peer on a conversation trace with 8 workers, and our multiple.
PEER_REQUESTS_PER_SECOND = 3_100
GOAL_MULTIPLE = 30


def conversations(prompts: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Prompts whose first blocks are shared by popularity and whose last blocks are new."""
    generator = np.random.default_rng(1)
    shared = (generator.zipf(1.2, (prompts, BLOCKS_PER_PROMPT // 2)) % 50_000).astype(np.int64)
    fresh = 50_000 + np.arange(prompts * (BLOCKS_PER_PROMPT // 2)).reshape(prompts, -1)
    distinct, ids = np.unique(np.concatenate([shared, fresh], axis=1), return_inverse=True)
    offsets = np.arange(prompts + 1, dtype=np.int64) * BLOCKS_PER_PROMPT
    return ids.astype(np.int32).ravel(), offsets, len(distinct)


def plain_lru(ids: list[int], capacity: int) -> int:
    """Hits of an LRU cache in plain Python."""
    held: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for block in ids:
        if block in held:
            hits += 1
            held.move_to_end(block)
        else:
            if len(held) >= capacity:
                held.popitem(last=False)
            held[block] = None
    return hits


def requests(count: int, replicas: int) -> Work:
    """Arrivals that keep about 20 requests running on each replica."""
    generator = np.random.default_rng(2)
    return Work(
        np.cumsum(generator.exponential(0.2 / replicas, count)),
        generator.uniform(0.05, 0.5, count),
        np.zeros(count),
        generator.integers(20, 400, count).astype(np.float64),
        np.full(count, -1),
    )


def seconds(run: Callable[[], object]) -> float:
    """Best wall time of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main(prompts: int) -> None:
    """Print one line per kernel."""
    small = conversations(100)
    for policy in ("lru", "fifo", "belady"):
        leading_hits(*small, CAPACITY, policy)
    required_capacities(*small)
    simulate(requests(100, 8), 8, 64, 0.01, 0.0005)

    ids, offsets, distinct = conversations(prompts)
    listed = ids.tolist()
    plain = seconds(lambda: plain_lru(listed, CAPACITY))
    print(f"{len(ids):,} blocks, {distinct:,} distinct, {CAPACITY:,} held")
    print(f"{'plain Python LRU':28}{len(ids) / plain / 1e6:10.1f} M blocks/s")
    for policy in ("lru", "fifo", "belady"):
        took = seconds(lambda: leading_hits(ids, offsets, distinct, CAPACITY, policy))  # noqa: B023
        print(f"{policy:28}{len(ids) / took / 1e6:10.1f} M blocks/s {plain / took:8.1f} x plain")
    took = seconds(lambda: required_capacities(ids, offsets, distinct))
    print(f"{'LRU at every capacity':28}{len(ids) / took / 1e6:10.1f} M blocks/s")

    work = requests(prompts, 8)
    took = seconds(lambda: simulate(work, 8, 64, 0.01, 0.0005))
    rate = prompts / took
    print(f"{'serving, 8 replicas':28}{rate:10,.0f} requests/s")
    goal = PEER_REQUESTS_PER_SECOND * GOAL_MULTIPLE
    print(f"goal {goal:,} requests/s: {'met' if rate >= goal else 'MISSED'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
