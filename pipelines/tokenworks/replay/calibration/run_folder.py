"""Reads one folder of a published benchmark run: the client's log beside the engine's scrapes.

Two clients are known by their columns: the multi-turn benchmark (`start_time_ms`) and the trace
replay tester (`request_start_time`). What they get wrong, and what is done about it:

- The multi-turn client's clock starts anywhere: the two are aligned on finished requests.
- Its `input_num_tokens` leaves out the chat template: the engine's counter says how many tokens
  a request has more, and they are added.
- Both name the cached share that the history would allow, not what was found: it is scaled, over
  time, to the share that the engine found. Where KV is full, a waiting request asks again at
  every step, so that the share is hits over queries, never hits over prompt tokens.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from tokenworks.replay.calibration.engine_clock import clock_offset, computed_tokens, found_tokens
from tokenworks.replay.calibration.run_clients import (
    multi_turn_log,
    placed,
    seconds,
    trace_replay_log,
)
from tokenworks.replay.calibration.runs import EngineLimits, EngineSeries, Floats, RunLog
from tokenworks.replay.errors import TrafficError

MULTI_TURN, TRACE_REPLAY, SERVER = (
    "metrics_client_metrics.csv",
    "detailed_results.csv",
    "metrics_server_metrics.csv",
)
_COUNTERS = {
    "running": "num_requests_running",
    "waiting": "num_requests_waiting",
    "prompt_tokens": "prompt_tokens_total",
    "generation_tokens": "generation_tokens_total",
    "finished": "request_success_total",
}
#: Counters without which an engine still tells of itself; none means none was counted.
_OPTIONAL = {
    "prefix_hits": "prefix_cache_hits",
    "prefix_queries": "prefix_cache_queries",
    "preempted": "num_preemptions_total",
}
COMMAND = "vllm_command.txt"
_INCIDENTAL = (
    "--host",
    "--port",
    "--config",
    "--max-num-seqs",
    "--max-num-batched-tokens",
    "--kv-offloading",
    "--disable-hybrid-kv-cache-manager",
    "--no-disable-hybrid-kv-cache-manager",
)
COMPUTED = "prompt_tokens_local_compute"
_PREFIX = ("prompt_tokens", "prefix_hits", "prefix_queries")
#: A template that adds more than this share of the mean input is no template.
MOST_TEMPLATE_SHARE = 0.2


def run_folders(root: Path) -> list[Path]:
    """Folders below `root` that hold a client's log or an engine's scrapes."""
    return sorted(
        folder
        for folder in root.iterdir()
        if folder.is_dir()
        and any(_find(folder, name) for name in (MULTI_TURN, TRACE_REPLAY, SERVER))
    )


def read_run(folder: Path) -> RunLog:
    """The run in a folder; without a client's log it has no requests.

    Raises:
        TrafficError: if there is nothing to read, or a file lacks a column or holds no numbers.
    """
    try:
        return _run(folder)
    except pl.exceptions.PolarsError as error:
        said = str(error).strip().splitlines()[0]
        raise TrafficError(
            folder, f"a file of this run cannot be read: {said}.", "Export the run anew."
        ) from error


def _run(folder: Path) -> RunLog:
    series = _series(folder)
    multi_turn, tester = _find(folder, MULTI_TURN), _find(folder, TRACE_REPLAY)
    client = multi_turn or tester
    if client is None and series is None:
        raise TrafficError(
            folder, "holds neither a client's log nor scrapes.", "Name a run folder."
        )
    frame, lost = placed(_read(client)) if client is not None else (pl.DataFrame(), 0)
    if frame.is_empty():
        log, origin = _empty(folder.name), float(series.seconds[0]) if series is not None else 0.0
    elif multi_turn is not None:
        log = multi_turn_log(folder.name, frame)
        origin = -clock_offset(log, series) if series is not None else 0.0
    else:
        log, origin = trace_replay_log(folder.name, frame)
    series = series.shifted(-origin) if series is not None else None
    command = _find(folder, COMMAND)
    text = command.read_text() if command is not None else ""
    notes = log.notes
    if lost:
        notes = (f"{lost} requests bear no start and are left out", *notes)
    log = replace(log, limits=_limits(text), deployment=engine_key(text), notes=notes)
    return _completed(log, series)


def _completed(log: RunLog, series: EngineSeries | None) -> RunLog:
    if series is None or not log.count:
        return replace(log, series=series)
    extra = template_tokens(log, series)
    prompt = log.input + round(extra)
    found = np.round(found_tokens(replace(log, input=prompt), series))
    cached = np.minimum(found, np.maximum(prompt - 1, 0)).astype(np.int64)
    notes = (
        *log.notes,
        f"{extra:.0f} tokens a request added for the chat template, as the engine counts",
        "cached tokens: the history's share scaled to the engine's prefix hits over time",
    )
    return replace(log, input=prompt, cached=cached, series=series, notes=notes)


def template_tokens(log: RunLog, series: EngineSeries) -> float:
    """Prompt tokens that the engine counts beyond the client's, per request; 0 if no template."""
    firsts = log.arrivals + log.ttft
    seen = (firsts <= series.seconds[-1]) & (firsts > series.seconds[0])
    if not seen.any():
        return 0.0
    counted = series.prompt_tokens[-1] - series.prompt_tokens[0]
    extra = float(counted - log.input[seen].sum()) / int(seen.sum())
    most = MOST_TEMPLATE_SHARE * float(log.input[seen].mean())
    return extra if 0.0 < extra <= most else 0.0


def _empty(name: str) -> RunLog:
    none, whole = np.empty(0), np.empty(0, dtype=np.int64)
    return RunLog(name, none, none, none, whole, whole, whole, whole, np.empty(0, dtype=np.bool_))


def _series(folder: Path) -> EngineSeries | None:
    path = _find(folder, SERVER)
    if path is None:
        return None
    frame = _read(path).sort("timestamp_sec", maintain_order=True)
    if frame.is_empty():
        return None
    counters = {name: seconds(frame[column]) for name, column in _COUNTERS.items()}
    counters |= {name: _optional(frame, column, 0.0) for name, column in _OPTIONAL.items()}
    if COMPUTED in frame.columns:
        computed = seconds(frame[COMPUTED])
    else:
        computed = computed_tokens(*(counters[name] for name in _PREFIX))
    return EngineSeries(
        computed_tokens=computed,
        seconds=seconds(frame["timestamp_sec"]),
        kv_ratio=_optional(frame, "kv_cache_usage_pct", np.nan) / 100,
        **counters,
    )


def _limits(command: str) -> EngineLimits:
    return EngineLimits(
        max_num_seqs=_flag(command, "--max-num-seqs"),
        token_budget=_flag(command, "--max-num-batched-tokens"),
    )


def engine_key(command: str) -> str:
    """Model and flags of an engine's command, but for what does not change how long a step takes.

    That is: where it listens, its limits (which the law knows) and where evicted KV goes.
    """
    words = command.replace("=", " ").split()
    key: list[str] = []
    skipped = False
    for word in words[words.index("serve") + 1 :] if "serve" in words else []:
        if word.startswith("--"):
            skipped = word.lower().replace("_", "-").startswith(_INCIDENTAL)
        if not skipped:
            key.append(word)
    return " ".join(key)


def _flag(text: str, name: str) -> int | None:
    found = re.search(rf"{name}[ =](\d+)", text)
    return int(found[1]) if found else None


def _find(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    return None


def _read(path: Path) -> pl.DataFrame:
    wide = {"token_timestamps", "tokens_per_chunk"}
    columns = pl.read_csv(path, n_rows=0).columns
    kept = [column for column in columns if column not in wide]
    return pl.read_csv(path, columns=kept, infer_schema_length=None)


def _optional(frame: pl.DataFrame, name: str, absent: float) -> Floats:
    return seconds(frame[name]) if name in frame.columns else np.full(frame.height, absent)
