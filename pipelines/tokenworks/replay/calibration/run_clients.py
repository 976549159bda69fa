"""What the clients of published benchmark runs log, as one run; see `run_folder` for their ways."""

from __future__ import annotations

import numpy as np
import polars as pl

from tokenworks.replay.calibration.runs import Floats, Ints, Mask, RunLog

#: Tokens of a KV block in the trace replay tester's hit counts.
TESTER_BLOCK_TOKENS = 64


def placed(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Rows that bear a start, and how many do not."""
    column = "start_time_ms" if "start_time_ms" in frame.columns else "request_start_time"
    kept = frame.filter(pl.col(column).is_not_null())
    return kept, frame.height - kept.height


def multi_turn_log(name: str, frame: pl.DataFrame) -> RunLog:
    """Log of the multi-turn benchmark, on its own clock."""
    frame = frame.sort("start_time_ms", maintain_order=True)
    tokens, asked = _tokens(frame["input_num_tokens"])
    output, answered = _tokens(frame["output_num_tokens"])
    share = seconds(frame["approx_cached_percent"]) / 100
    known = asked & answered & np.isfinite(share)
    start = seconds(frame["start_time_ms"]) / 1e3
    return RunLog(
        name=name,
        arrivals=start - start[0],
        ttft=seconds(frame["ttft_ms"]) / 1e3,
        e2e=seconds(frame["latency_ms"]) / 1e3,
        input=tokens,
        output=output,
        cached=(tokens * np.nan_to_num(share)).astype(np.int64),
        client=frame["client_id"].rank("dense").cast(pl.Int64).to_numpy() - 1,
        failed=np.zeros(frame.height, dtype=np.bool_),
        counted=known,
        notes=_said(~known),
    )


def trace_replay_log(name: str, frame: pl.DataFrame) -> tuple[RunLog, float]:
    """Log of the trace replay tester, and when it began."""
    frame = frame.sort("request_start_time", maintain_order=True)
    start = seconds(frame["request_start_time"])
    failed = ~frame["success"].cast(pl.String).str.to_lowercase().eq("true").to_numpy()
    times = {
        column: np.where(failed & (seconds(frame[column]) <= 0), np.nan, seconds(frame[column]))
        for column in ("ttft", "ttlt")
    }
    hits, found = _tokens(frame["cache_hit_blocks"])
    tokens, asked = _tokens(frame["input_tokens"])
    output, answered = _tokens(frame["output_tokens_actual"])
    known = asked & answered & found
    log = RunLog(
        name=name,
        arrivals=start - start[0],
        ttft=times["ttft"],
        e2e=times["ttlt"],
        input=tokens,
        output=output,
        cached=np.minimum(hits * TESTER_BLOCK_TOKENS, tokens),
        client=frame["user_id"].rank("dense").cast(pl.Int64).to_numpy() - 1,
        failed=failed,
        counted=known,
        notes=_said(~known & ~failed),
    )
    return log, float(start[0])


def _tokens(column: pl.Series) -> tuple[Ints, Mask]:
    """Counts, 0 where unknown, and which are known: what is not known is load, and not learnt from."""
    return column.cast(pl.Int64).fill_null(0).to_numpy(), column.is_not_null().to_numpy()


def _said(unknown: Mask) -> tuple[str, ...]:
    count = int(unknown.sum())
    return (f"{count} requests lack a token count and are not learnt from",) if count else ()


def seconds(column: pl.Series) -> Floats:
    """A column as doubles, NaN where unknown."""
    numbers: Floats = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return numbers
