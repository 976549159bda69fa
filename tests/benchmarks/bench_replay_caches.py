"""Cache replay beside libCacheSim's Python package and kvcache-simulator, in one run.

Run it with `python tests/benchmarks/bench_replay_caches.py [trace.jsonl]`: a trace with `hash_ids`
per line, such as Mooncake's, else made conversations of about its size. The peers come from the
package index into `.peers/caches`. CPU time, best of several; compilation is not counted. Results
are compared too: a faster replay with other hits would be worth nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.peers import peer_python
from tokenworks.replay.caches.policies import Policy, access_hits
from tokenworks.replay.caches.stack_distance import hits_by_capacity, required_capacities
from tokenworks.replay.caches.trie import prefix_nodes, trie_runs

PACKAGES = ["libcachesim==0.3.5", "kvcache-simulator==0.1.3"]
POLICIES: dict[Policy, str] = {
    "lru": "LRU",
    "lfu": "LFU",
    "fifo": "FIFO",
    "sieve": "Sieve",
    "s3fifo": "S3FIFO",
    "arc": "ARC",
    "belady": "Belady",
}
CAPACITY = 10_000
#: As many points as kvcache-simulator draws by default.
CAPACITIES = [256 << power for power in range(9)] + [3 << power for power in range(10, 16)]
REPEATS = 5
RECORD = [("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")]


def conversations(prompts: int) -> list[list[int]]:
    """Growing conversations: each turn repeats its blocks and adds some."""
    generator = np.random.default_rng(1)
    talks: dict[int, list[int]] = {}
    found, fresh = [], 0
    for _ in range(prompts):
        talk = int(generator.zipf(1.3)) % 4_000
        held = talks.get(talk, [])
        added = int(generator.integers(2, 30))
        held = [] if len(held) > 120 else held
        talks[talk] = [*held, *range(fresh, fresh + added)]
        fresh += added
        found.append(talks[talk])
    return found


def read_prompts(path: Path) -> list[list[int]]:
    """Block ids of a trace."""
    return pl.read_ndjson(path)["hash_ids"].to_list()


def cpu_seconds(run: Callable[[], object]) -> float:
    """Best CPU time; the first run compiles and does not count."""
    run()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def peer_results(prompts: list[list[int]], ids: np.ndarray) -> dict[str, Any]:
    """What the peers take and find, or why they cannot be asked."""
    python = peer_python("caches", PACKAGES)
    if isinstance(python, str):
        return {name: {"reason": python} for name in ("libcachesim", "kvcache_simulator")}
    with tempfile.TemporaryDirectory() as folder:
        records = np.zeros(len(ids), dtype=RECORD)
        records["time"], records["id"], records["size"] = np.arange(len(ids)), ids + 1, 1
        upcoming = np.full(int(ids.max()) + 1, -1)
        for position in range(len(ids) - 1, -1, -1):
            records["next"][position] = upcoming[ids[position]]
            upcoming[ids[position]] = position
        records.tofile(Path(folder) / "trace.bin")
        (Path(folder) / "trace.json").write_text(json.dumps(prompts), encoding="utf-8")
        task = {
            "binary_trace": str(Path(folder) / "trace.bin"),
            "json_trace": str(Path(folder) / "trace.json"),
            "accesses": len(ids),
            "capacity": CAPACITY,
            "capacities": CAPACITIES,
            "policies": POLICIES,
            "repeats": REPEATS,
        }
        (Path(folder) / "task.json").write_text(json.dumps(task), encoding="utf-8")
        script = Path(__file__).with_name("cache_peers.py")
        command = [str(python), str(script), str(Path(folder) / "task.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main(trace: Path | None) -> None:
    """Print one line per policy, and the curve of all capacities."""
    prompts = read_prompts(trace) if trace else conversations(12_000)
    raw = np.array([block for prompt in prompts for block in prompt])
    distinct, inverse = np.unique(raw, return_inverse=True)
    ids = inverse.astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])])
    peers = peer_results(prompts, ids)
    print(f"{len(ids):,} blocks of {len(prompts):,} prompts, {len(distinct):,} distinct")
    _policies(ids, len(distinct), peers["libcachesim"])
    _curve(ids, offsets.astype(np.int64), len(distinct), peers["kvcache_simulator"])


def _policies(ids: np.ndarray, count: int, peer: dict[str, Any]) -> None:
    print(f"one policy, {CAPACITY:,} blocks held; libCacheSim's Python package beside it")
    if "reason" in peer:
        print(f"  libCacheSim skipped: {peer['reason']}")
    for policy in POLICIES:
        took = cpu_seconds(lambda: access_hits(ids, count, CAPACITY, policy))  # noqa: B023
        misses = int((~access_hits(ids, count, CAPACITY, policy)).sum())
        line = f"  {policy:8}{len(ids) / took / 1e6:8.1f} M blocks/s, {misses:,} misses"
        if policy in peer:
            ratio = peer[policy]["seconds"] / took
            same = "equal misses" if peer[policy]["misses"] == misses else "OTHER MISSES"
            line += f", {ratio:6.1f} x the peer, {same}, goal 1 x: {_verdict(ratio)}"
        print(line)


def _curve(ids: np.ndarray, offsets: np.ndarray, count: int, peer: dict[str, Any]) -> None:
    ones = np.ones(len(ids), dtype=np.int64)

    def every_capacity() -> tuple[np.ndarray, np.ndarray]:
        return hits_by_capacity(required_capacities(ids, offsets, count), ones)

    def fifteen() -> list[int]:
        nodes, parents = prefix_nodes(ids, offsets)
        half = (len(offsets) - 1) // 2
        return [
            int(trie_runs(nodes, parents, offsets, size, "lru")[half:].sum()) for size in CAPACITIES
        ]

    took, tries = cpu_seconds(every_capacity), cpu_seconds(fifteen)
    print(f"flat LRU at every capacity in one pass: {took * 1e3:.0f} ms")
    print(f"trie LRU at {len(CAPACITIES)} capacities: {tries * 1e3:.0f} ms")
    if "reason" in peer:
        print(f"  kvcache-simulator skipped: {peer['reason']}")
        return
    ratio = peer["seconds"] / took
    print(
        f"kvcache-simulator, trie LRU at {len(CAPACITIES)} capacities: {peer['seconds'] * 1e3:.0f} ms"
    )
    print(f"  all capacities: {ratio:.1f} x the peer, goal 1 x: {_verdict(ratio)}")
    found = dict(zip(map(str, CAPACITIES), fifteen(), strict=True))
    same = all(found[size] == hits for size, hits in peer["hits"].items())
    print(
        f"  trie: {peer['seconds'] / tries:.1f} x the peer; hits at the {len(peer['hits'])} "
        f"capacities that it judges: {'equal' if same else 'OTHERS'}"
    )


def _verdict(ratio: float) -> str:
    return "met" if ratio >= 1 else "MISSED"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
