"""Serving replay beside NVIDIA Dynamo's offline replay, in one run.

Run it with `python tests/benchmarks/bench_replay_serving.py [trace.jsonl] [requests]`: a trace in
Mooncake's form (plain or gzipped), else one made of about its size, on 8 workers that take turns,
each with a prefix cache; then that many requests (10 million) of a made open loop in batches. The
peer comes from the package index into `.peers/serving`. CPU time; the peer's start-up (its run of
ten requests) and our compilation are not counted. Prefix reuse is compared too, since a faster
replay of something else would be worth nothing.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.peers import peer_python
from tokenworks.replay.serving.steps import (
    Limits,
    PrefixCaches,
    Routing,
    Served,
    StepLaw,
    Work,
    simulate,
)
from tokenworks.replay.serving.stream import simulate_batches
from tokenworks.replay.traffic.prompts import Prompts

PACKAGES = ["ai-dynamo==1.3.1"]
WORKERS, BLOCK, CAPACITY, SEQS, BUDGET = 8, 512, 400_000, 256, 8192
#: About what the peer's timing model gives: 5.7 ms per step, 23 ms per 512 prompt tokens.
LAW = StepLaw(0.0057, per_kv_token=2e-10, per_prefill_token=2.2e-5)
REPEATS = 5
GOAL = 30
BATCH = 250_000
START_UP_GOAL_SECONDS = 2.0
START_UP = """
import numpy as np
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate
ones = np.ones(9, dtype=np.int64)
simulate(Work(np.arange(9.0), ones, ones), StepLaw(1.0), Limits(4), 2)
"""


def made_trace(path: Path, requests: int = 12_000) -> None:
    """Growing conversations: each turn repeats its blocks and adds some."""
    generator = np.random.default_rng(1)
    talks: dict[int, list[int]] = {}
    fresh = 0
    lines = []
    for moment in np.sort(generator.integers(0, 3_600_000, requests)):
        talk = int(generator.zipf(1.3)) % 4_000
        held = talks.get(talk, [])
        added = int(generator.integers(2, 30))
        talks[talk] = [*(held if len(held) < 120 else []), *range(fresh, fresh + added)]
        fresh += added
        asked = {
            "timestamp": int(moment),
            "input_length": len(talks[talk]) * BLOCK,
            "output_length": int(generator.integers(1, 700)),
            "hash_ids": talks[talk],
        }
        lines.append(json.dumps(asked))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def our_run(trace: Path) -> tuple[float, Served, np.ndarray]:
    """Best CPU seconds of several runs, from arrays to arrays; outcome; input tokens."""
    frame = pl.read_ndjson(trace)
    counts = frame["hash_ids"].list.len().to_numpy().astype(np.int64)
    distinct, ids = np.unique(frame["hash_ids"].explode().to_numpy(), return_inverse=True)
    inputs = frame["input_length"].to_numpy()
    prompts = Prompts(
        ids=ids.astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        block_count=len(distinct),
        block_tokens=BLOCK,
        input_tokens=inputs,
        known=counts > 0,
    )
    work = Work(frame["timestamp"].to_numpy() / 1e3, inputs, frame["output_length"].to_numpy())

    def run() -> Served:
        return simulate(
            work,
            LAW,
            Limits(SEQS, token_budget=BUDGET, block_tokens=BLOCK),
            WORKERS,
            routing=Routing("round_robin"),
            caches=PrefixCaches(prompts, CAPACITY),
        )

    served = run()
    return cpu_seconds(run), served, inputs


def cpu_seconds(run: Callable[[], object]) -> float:
    """Best CPU time of several runs."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def dynamo_run(python: Path, trace: Path, report: Path) -> tuple[float, dict[str, float]]:
    """CPU seconds of the peer's process, and its report."""
    engine = {
        "block_size": BLOCK,
        "num_gpu_blocks": CAPACITY,
        "max_num_seqs": SEQS,
        "max_num_batched_tokens": BUDGET,
    }
    command = [str(python), "-m", "dynamo.replay", str(trace)]
    command += ["--num-workers", str(WORKERS), "--replay-mode", "offline"]
    command += ["--router-mode", "round_robin", "--trace-block-size", str(BLOCK)]
    command += ["--extra-engine-args", json.dumps(engine), "--report-json", str(report)]
    took = child_seconds(command, os.environ | {"DYN_LOG": "error"})
    return took, dict(json.loads(report.read_text(encoding="utf-8")))


def child_seconds(command: list[str], environment: dict[str, str]) -> float:
    """CPU seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def beside_dynamo(trace: Path, folder: Path) -> None:
    """Print the ratio to the peer."""
    took, served, inputs = our_run(trace)
    count = len(inputs)
    reused = np.minimum(served.cached_blocks * BLOCK, inputs).sum() / inputs.sum()
    print(f"{count:,} requests, {WORKERS} workers in turns, prefix caches")
    print(f"  ours        {count / took:12,.0f} requests per core second, reuse {reused:.5f}")
    python = peer_python("serving", PACKAGES)
    if isinstance(python, str):
        print(f"  Dynamo skipped: {python}")
        return
    few = folder / "few.jsonl"
    few.write_text("".join(trace.read_text().splitlines(True)[:10]), encoding="utf-8")
    start_up, _ = dynamo_run(python, few, folder / "few.json")
    full, report = dynamo_run(python, trace, folder / "all.json")
    ratio = (full - start_up) / took
    same = report["first_admission_prefix_cache_reused_ratio"]
    print(f"  Dynamo      {count / (full - start_up):12,.0f}, reuse {same:.5f}")
    print(f"  {ratio:.0f} x the peer, goal {GOAL} x: {'met' if ratio >= GOAL else 'MISSED'}")


def start_up() -> None:
    """Print how long a fresh process needs until it has simulated, once compiled kernels exist."""
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    plain["PYTHONPATH"] = os.pathsep.join(sys.path)
    with tempfile.TemporaryDirectory() as bytecode:
        plain["PYTHONPYCACHEPREFIX"] = bytecode
        times = [child_seconds([sys.executable, "-c", START_UP], plain) for _ in range(REPEATS)]
    # The first writes the bytecode that the others read.
    best = min(times[1:])
    verdict = "met" if best < START_UP_GOAL_SECONDS else "MISSED"
    print(f"start-up {best:.2f} s of CPU, goal {START_UP_GOAL_SECONDS:g} s: {verdict}")


def batches(requests: int) -> Iterator[Work]:
    """About 20 requests running on each of 8 replicas."""
    generator = np.random.default_rng(2)
    now = 0.0
    for begin in range(0, requests, BATCH):
        count = min(BATCH, requests - begin)
        arrivals = now + np.cumsum(generator.exponential(0.2 / WORKERS, count))
        now = float(arrivals[-1])
        yield Work(
            arrivals, generator.integers(100, 4000, count), generator.integers(20, 400, count)
        )


def many(requests: int) -> None:
    """Print rate and memory of a long open loop."""
    law = StepLaw(0.01, 0.0005, 1e-8, 1e-5)
    limits = Limits(64, token_budget=2048, kv_blocks=20_000, admission_lag_steps=1)
    start = time.process_time()
    peaks, ended = [], 0
    for batch in simulate_batches(batches(requests), law, limits, WORKERS):
        ended += len(batch.rows)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    took = time.process_time() - start
    print(f"{ended:,} requests of a made open loop, {WORKERS} replicas, in batches of {BATCH:,}")
    print(f"  {took:.0f} s of CPU, {requests / took:,.0f} requests per core second")
    print(f"  peak memory {peaks[0]:,.0f} MiB after the first batch, {peaks[-1]:,.0f} at the end")


def main(arguments: list[str]) -> None:
    """Print all of it."""
    traces = [Path(one) for one in arguments if not one.isdigit()]
    counts = [int(one) for one in arguments if one.isdigit()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trace = folder / "trace.jsonl"
        if not traces:
            made_trace(trace)
        elif traces[0].suffix == ".gz":
            trace.write_bytes(gzip.decompress(traces[0].read_bytes()))
        else:
            trace = traces[0]
        beside_dynamo(trace, folder)
    start_up()
    many(counts[0] if counts else 10_000_000)


if __name__ == "__main__":
    main(sys.argv[1:])
