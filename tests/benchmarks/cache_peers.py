"""What libCacheSim's Python package and kvcache-simulator take; runs in their environment.

Called by `bench_replay_caches.py` with a JSON file that names the trace, its sizes and the
policies; prints CPU seconds and results as JSON. Reading the trace into memory, making tables
and starting processes is not counted where the peer lets it be told apart.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any


def libcachesim(task: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds and misses by policy at one size; the cache is made outside the clock."""
    import libcachesim as peer

    found = {}
    for ours, theirs in task["policies"].items():
        best, misses = float("inf"), 0
        for _ in range(task["repeats"]):
            reader = peer.TraceReader(
                task["binary_trace"],
                trace_type=peer.TraceType.ORACLE_GENERAL_TRACE,
                reader_init_params=peer.ReaderInitParam(ignore_obj_size=True),
            )
            cache = getattr(peer, theirs)(task["capacity"], hashpower=20)
            start = time.process_time()
            ratio = cache.process_trace(reader)[0]
            best = min(best, time.process_time() - start)
            misses = round(ratio * task["accesses"])
        found[ours] = {"seconds": best, "misses": misses}
    return found


def kvcache_simulator(task: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds of the native program and hit tokens by capacity, trie LRU."""
    from kvcache_sim.cpp_backend import ensure_cpp_simulator, run_cpp_sweep
    from kvcache_sim.trace import TraceData

    with open(task["json_trace"], encoding="utf-8") as file:  # noqa: PTH123
        prompts = json.load(file)
    ids = [block for prompt in prompts for block in prompt]
    starts = [0]
    for prompt in prompts:
        starts.append(starts[-1] + len(prompt))
    trace = TraceData(
        ids=ids,
        tokens=[1] * len(ids),
        request_starts=starts,
        block_size=1,
        request_count=len(prompts),
        unique_raw_blocks=len(set(ids)),
        total_input_tokens=len(ids),
        average_input_tokens=len(ids) / len(prompts),
        parse_errors=0,
        skipped_records=0,
    )
    ensure_cpp_simulator()
    best, hits = float("inf"), {}
    for _ in range(task["repeats"]):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        swept = run_cpp_sweep(
            trace,
            capacities=task["capacities"],
            policies=["lru"],
            warmup_requests=len(prompts) // 2,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        hits = {
            str(capacity): swept.results["lru", capacity].hitTokens
            for capacity in task["capacities"]
            if swept.results["lru", capacity].measurementMode == "fixed_window"
        }
    return {"seconds": best, "hits": hits}


def main(path: str) -> None:
    """Print one JSON object; a peer that fails gives its reason."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        task = json.load(file)
    said: dict[str, Any] = {}
    for peer in (libcachesim, kvcache_simulator):
        try:
            said[peer.__name__] = peer(task)
        except Exception as error:
            said[peer.__name__] = {"reason": f"{type(error).__name__}: {error}"}
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
