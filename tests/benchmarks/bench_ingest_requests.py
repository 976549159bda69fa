"""Ingest of LiteLLM spend logs beside bare DuckDB on the same files and columns.

Run it with `python tests/benchmarks/bench_ingest_requests.py [rows] [case ...]`. The floor reads the
columns that the connector reads, typed, and writes the columns of the lake; it checks nothing, rejects
nothing, numbers no lines, makes no pseudonyms, parts nothing and digests nothing. Where rows become parts
by date, a second figure is of the same query sorted by time and parted by DuckDB (`order by`,
`partition_by`), which still does nothing else. Each run is a process of its own, in turn; the ratios are
of medians of five, wall time and CPU time. `TOKENWORKS_BENCH_BYTES` sets the size of the file whose peak
memory is measured (case `memory`; 5e9 is the promise).

Logs are of one day, but for `unsorted` (30 dates, as they come), `csv30` (30 dates, in order; without a
goal) and `small`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from tokenworks_sources.connectors.requests import litellm_fields, litellm_sql
from tokenworks_sources.contracts.render import DUCKDB_TYPES
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

ROWS = 1_000_000
ROUNDS = 5
MEMORY_BYTES = "5e8"
MEMORY_GOAL_MIB = 1536
SMALL_ROWS = 100
# Case: goal of the ratio to the floor; small files are measured against the same rows in one file.
GOALS = {"clean": 1.25, "unsorted": 1.6, "bad": 2.2, "csv": 1.2, "gz": 1.3, "small": 3.0}
OF_MANY_DATES = ("unsorted", "csv30", "small")
PARTED = ("unsorted", "csv30")
CASES = (*GOALS, "csv30")

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


def generate(path: Path, rows: int, days: int = 14, *, shuffled: bool = False) -> None:
    """Rows of about 750 bytes over some days, streamed to a file."""
    chance = random.Random(7)
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(60)]
    start, step = datetime(2026, 9, 1), timedelta(days=days) / rows
    with path.open("w") as stream:
        for number in range(rows):
            begin = start + step * (chance.randrange(rows) if shuffled else number)
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


def spoil(source: Path, target: Path) -> None:
    """The same lines, one in a hundred cut in the middle."""
    with source.open() as lines, target.open("w") as stream:
        for number, line in enumerate(lines):
            stream.write(line if number % 100 else line[: len(line) // 2] + "\n")


def as_csv(source: Path, target: Path) -> None:
    """The same rows as CSV, with JSON inside cells."""
    with source.open() as lines, target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        for number, line in enumerate(lines):
            row = json.loads(line)
            if number == 0:
                writer.writerow(row)
            writer.writerow(
                [
                    json.dumps(value) if isinstance(value, dict | list) else value
                    for value in row.values()
                ]
            )


def in_pieces(source: Path, folder: Path) -> None:
    """The same lines in files of a hundred."""
    with source.open() as lines:
        for number, some in enumerate(batched(lines, SMALL_ROWS)):
            (folder / f"{number:06d}.jsonl").write_text("".join(some))


def batched(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of up to `size` lines."""
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def floor(home: Path) -> int:
    """Bare DuckDB."""
    return copied(f"copy ({bare_rows(home)}) to '{home / 'floor.parquet'}' (format parquet)")


def parted(home: Path) -> int:
    """Bare DuckDB that sorts by time and parts by date."""
    return copied(
        f"copy (select *, started_at::date as event_date from ({bare_rows(home)}) "
        f"order by started_at) to '{home / 'lake'}' (format parquet, partition_by (event_date))"
    )


def copied(statement: str) -> int:
    """Runs a COPY in a new connection; how many rows."""
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        counted = connection.execute(statement).fetchone()
    return int(counted[0]) if counted else 0


def bare_rows(home: Path) -> str:
    """The lake's columns as DuckDB reads them."""
    (source,) = (home / "landing" / "requests" / "litellm").iterdir()
    selected = dict(COLUMNS)
    reader = f"format = 'newline_delimited', ignore_errors = true, columns = {types()!r}"
    function = "read_json"
    if source.suffix == ".csv":
        function, reader = "read_csv", "all_varchar = true"
        for column, text in COLUMNS.items():
            if text.startswith("metadata."):
                selected[column] = f"(metadata ->> '$.{text.removeprefix('metadata.')}')"
    columns = ", ".join(
        f"{selected.get(column.name, 'null')}::{DUCKDB_TYPES[column.type]} as {column.name}"
        for column in CONTRACT.columns
    )
    return f"select {columns} from {function}('{source}', {reader})"


def types() -> dict[str, str]:
    """The columns that the connector reads, with the types of a reader that checks nothing."""
    fields = dict.fromkeys(litellm_fields.FIELDS, "VARCHAR")
    return {**fields, **TYPES, "metadata": litellm_sql.json_columns("object")["metadata"]}


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


def prepared(case: str, folder: Path, rows: int) -> tuple[Path, Path]:
    """Landing folders of a case: what is ingested, and what the floor reads."""
    plain = folder / "plain.jsonl"
    generate(plain, rows, 30 if case in OF_MANY_DATES else 1, shuffled=case == "unsorted")
    landing, other = (folder / name / "requests" / "litellm" for name in ("landing", "floor"))
    landing.mkdir(parents=True)
    if case == "small":
        other.mkdir(parents=True)
        in_pieces(plain, landing)
        plain.rename(other / "spend.jsonl")
        return landing.parents[1], other.parents[1]
    if case == "bad":
        spoil(plain, landing / "spend.jsonl")
    elif case in ("csv", "csv30"):
        as_csv(plain, landing / "spend.csv")
    elif case == "gz":
        with plain.open("rb") as source, gzip.open(landing / "spend.jsonl.gz", "wb", 6) as target:
            shutil.copyfileobj(source, target)
    else:
        plain.rename(landing / "spend.jsonl")
    return landing.parents[1], landing.parents[1]


def ratios(case: str, rows: int) -> bool:
    """Prints the medians of a case and their ratios; whether the goal is met."""
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landing, beside = prepared(case, folder, rows)
        for number in range(ROUNDS):
            runs = [
                ("floor", ingest if case == "small" else floor, beside),
                *([("parted", parted, beside)] if case in PARTED else []),
                ("ingest", ingest, landing),
            ]
            for what, work, source in runs:
                home = folder / f"home-{what}-{number}"
                home.mkdir()
                (home / "landing").symlink_to(source)
                done, *figures = measure(work, home)
                assert case == "bad" or done == rows, f"{what} wrote {done} of {rows} rows"
                found[what].append(tuple(figures))
                shutil.rmtree(home / "lake", ignore_errors=True)
    medians = {
        what: [statistics.median(values) for values in zip(*figures, strict=True)]
        for what, figures in found.items()
    }
    for what, (seconds, used, peak) in medians.items():
        print(f"{case:9} {what:7} {seconds:7.2f} s wall {used:7.2f} s CPU {peak:6.0f} MiB peak")
    goal = GOALS.get(case)
    for what in medians.keys() - {"ingest"}:
        wall, cpu = (medians["ingest"][n] / medians[what][n] for n in (0, 1))
        asked = f"   goal {goal} wall" if goal and what == "floor" else ""
        print(f"{case:9} to {what:6}{wall:6.2f}   wall {cpu:7.2f}   CPU{asked}", flush=True)
    return goal is None or medians["ingest"][0] <= goal * medians["floor"][0]


def memory() -> bool:
    """Prints the peak memory of a large file; whether it stays below the goal."""
    size = int(float(os.environ.get("TOKENWORKS_BENCH_BYTES", MEMORY_BYTES)))
    with tempfile.TemporaryDirectory() as name:
        landing = Path(name) / "landing" / "requests" / "litellm"
        landing.mkdir(parents=True)
        piece = Path(name) / "piece.jsonl"
        generate(piece, 200_000)
        rows = 0
        with (landing / "spend.jsonl").open("wb") as stream:
            while stream.tell() < size:
                with piece.open("rb") as source:
                    shutil.copyfileobj(source, stream)
                rows += 200_000
        done, wall, _, peak = measure(ingest, Path(name))
        assert done == rows
    print(
        f"memory    {size / 1e9:.1f} GB in {wall:.0f} s, {peak:.0f} MiB peak, goal {MEMORY_GOAL_MIB}"
    )
    return peak <= MEMORY_GOAL_MIB


def main() -> int:
    """Runs the cases that are named, or all."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    cases = sys.argv[2:] or [*CASES, "memory"]
    met = [memory() if case == "memory" else ratios(case, rows) for case in cases]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
