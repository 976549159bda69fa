"""Ingest of LiteLLM spend logs beside bare DuckDB `read_json` with the same columns to Parquet.

Run it with `python tests/benchmarks/bench_ingest_requests.py [rows]`. The floor reads typed columns and
writes the columns of the lake; it checks nothing, rejects nothing, numbers no lines, makes no
pseudonyms, partitions nothing and digests nothing. Each run is a process of its own, in turn.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from tokenworks_sources.contracts.render import DUCKDB_TYPES
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

ROWS = 1_000_000
ROUNDS = 3
GOAL = 2.0
DAYS = 14

TYPES = {
    "request_id": "VARCHAR",
    "call_type": "VARCHAR",
    "api_key": "VARCHAR",
    "spend": "DECIMAL(38,12)",
    "prompt_tokens": "BIGINT",
    "completion_tokens": "BIGINT",
    "startTime": "TIMESTAMP",
    "endTime": "TIMESTAMP",
    "completionStartTime": "TIMESTAMP",
    "model": "VARCHAR",
    "model_id": "VARCHAR",
    "model_group": "VARCHAR",
    "custom_llm_provider": "VARCHAR",
    "api_base": "VARCHAR",
    "user": "VARCHAR",
    "metadata": (
        "STRUCT(usage_object STRUCT(prompt_tokens_details STRUCT(cached_tokens BIGINT)), "
        "trace_id VARCHAR)"
    ),
    "cache_hit": "VARCHAR",
    "request_tags": "JSON",
    "team_id": "VARCHAR",
    "organization_id": "VARCHAR",
    "session_id": "VARCHAR",
    "status": "VARCHAR",
}
COLUMNS = {
    "emitter": "'litellm'",
    "request_id": "request_id",
    "logical_request_id": "metadata.trace_id",
    "trace_id": "metadata.trace_id",
    "session_id": "session_id",
    "started_at": '"startTime"',
    "first_token_at": '"completionStartTime"',
    "ended_at": '"endTime"',
    "clock": "'utc'",
    "operation": "call_type",
    "model_requested": "model_group",
    "model_served": "model",
    "provider": "custom_llm_provider",
    "deployment_key": "model_id",
    "endpoint": "api_base",
    "tenant_id": "organization_id",
    "team_id": "team_id",
    "user_pseudonym": '"user"',
    "api_key_pseudonym": "api_key",
    "tags": "request_tags",
    "input_total_tokens": "prompt_tokens",
    "input_cache_read_tokens": "metadata.usage_object.prompt_tokens_details.cached_tokens",
    "output_total_tokens": "completion_tokens",
    "status": "status",
    "is_gateway_cache_hit": "cache_hit = 'True'",
    "reported_cost_usd": "spend",
}


def generate(path: Path, rows: int) -> None:
    """Rows of about 750 bytes over fourteen days, streamed to a file."""
    chance = random.Random(7)
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(60)]
    start, step = datetime(2026, 9, 1), timedelta(days=DAYS) / rows
    with path.open("w") as stream:
        for number in range(rows):
            begin = start + step * number
            times = [
                (begin + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"
                for ms in (0, 300, 5000)
            ]
            tokens, answer = chance.randint(10, 8000), chance.randint(1, 900)
            stream.write(
                f'{{"request_id": "chatcmpl-{chance.getrandbits(96):024x}", "call_type": '
                f'"acompletion", "api_key": "{chance.choice(keys)}", "spend": {tokens * 1e-7:.8f}, '
                f'"total_tokens": {tokens + answer}, "prompt_tokens": {tokens}, '
                f'"completion_tokens": {answer}, "startTime": "{times[0]}", "endTime": '
                f'"{times[2]}", "completionStartTime": "{times[1]}", "model": '
                f'"llama-3.1-8b-instruct", "model_id": "small-us", "model_group": "small", '
                f'"custom_llm_provider": "hosted_vllm", "api_base": '
                f'"http://small-us-{number % 4}.fleet.internal:8000/v1", "user": '
                f'"user-{chance.randrange(400)}", "metadata": {{"usage_object": '
                f'{{"prompt_tokens_details": {{"cached_tokens": {chance.randint(0, tokens)}}}}}, '
                f'"trace_id": "{chance.getrandbits(64):016x}"}}, "cache_hit": "False", '
                f'"request_tags": ["prod"], "team_id": "team-{number % 9}", "organization_id": '
                f'"acme", "session_id": "s-{chance.getrandbits(32):08x}", "status": "success"}}\n'
            )


def floor(home: Path) -> int:
    """Bare DuckDB."""
    source = home / "landing" / "requests" / "litellm" / "spend.jsonl"
    columns = ", ".join(
        f"{COLUMNS.get(column.name, 'null')}::{DUCKDB_TYPES[column.type]} as {column.name}"
        for column in CONTRACT.columns
    )
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        counted = connection.execute(
            f"copy (select {columns} from read_json('{source}', format = 'newline_delimited', "
            f"columns = {TYPES!r})) to '{home / 'floor.parquet'}' (format parquet)"
        ).fetchone()
    return int(counted[0]) if counted else 0


def ingest(home: Path) -> int:
    """The whole ingest: digest, checks, rejects, partitions, manifest."""
    return ingest_landing(Settings.at(home)).rows()["requests"]


def _measured(
    work: Callable[[Path], int], home: Path, results: multiprocessing.SimpleQueue
) -> None:  # type: ignore[type-arg]
    wall, cpu = time.perf_counter(), time.process_time()
    rows = work(home)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    results.put((rows, wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measure(work: Callable[[Path], int], home: Path) -> tuple[int, float, float, float]:
    """Rows, wall seconds, CPU seconds and peak MiB of one run in a process of its own."""
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    process = context.Process(target=_measured, args=(work, home, results))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)
    return results.get()  # type: ignore[no-any-return]


def main() -> int:
    """Prints the best of three runs of each, in turn, and their ratio."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    best: dict[str, tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing" / "requests" / "litellm"
        landing.mkdir(parents=True)
        source = landing / "spend.jsonl"
        generate(source, rows)
        print(f"{rows:,} rows, {source.stat().st_size / 1e6:,.0f} MB")
        for number in range(ROUNDS):
            home = Path(folder) / f"home-{number}"
            home.mkdir()
            (home / "landing").symlink_to(Path(folder) / "landing")
            for name, work in (("floor", floor), ("ingest", ingest)):
                done, *figures = measure(work, home)
                assert done == rows, f"{name} wrote {done} of {rows} rows"
                if name not in best or figures[0] < best[name][0]:
                    best[name] = (figures[0], figures[1], figures[2])
    for name, (wall, cpu, peak) in best.items():
        print(f"{name:8} {wall:6.2f} s wall  {cpu:6.2f} s CPU  {peak:6.0f} MiB peak")
    wall = best["ingest"][0] / best["floor"][0]
    cpu = best["ingest"][1] / best["floor"][1]
    print(f"ratio    {wall:6.2f} wall    {cpu:6.2f} CPU   goal {GOAL} wall")
    return 0 if wall <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
