"""Rows of Langfuse exports, and files of them as Langfuse and ClickHouse write them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

# A row of the blob export of legacy observations, in its order, as ClickHouse writes it.
BLOB: dict[str, Any] = {
    "id": "obs-1",
    "trace_id": "trace-1",
    "project_id": "project-1",
    "environment": "production",
    "type": "GENERATION",
    "parent_observation_id": None,
    "start_time": "2026-03-29 00:59:59.900",
    "end_time": "2026-03-29 01:00:02.150",
    "name": "CANARY-name",
    "metadata": {"CANARY-key": "CANARY-value"},
    "level": "DEFAULT",
    "status_message": "CANARY-status",
    "version": None,
    "input": '{"messages": "CANARY-input"}',
    "output": '"CANARY-output"',
    "provided_model_name": "claude-sonnet-4-5",
    "model_parameters": '{"stop": "CANARY-stop"}',
    "usage_details": {"input": "5", "input_cache_read": "20", "output": "7", "total": "32"},
    "cost_details": {"input": 0.000015, "total": 0.000126},
    "completion_start_time": "2026-03-29 01:00:00.400",
    "prompt_name": "CANARY-prompt",
    "prompt_version": None,
    "total_cost": "0.000126000000",
    "latency": 2.25,
    "time_to_first_token": 0.5,
    "model_id": "m-1",
    "created_at": "2026-03-29 01:00:05.000",
    "updated_at": "2026-03-29 01:00:05.000",
    "prompt_id": None,
    "tool_calls": ['{"arguments": "CANARY-arguments"}'],
    "tool_call_names": ["CANARY-tool"],
    "tool_definitions": {"CANARY-tool": "CANARY-definition"},
    "usage_pricing_tier_name": None,
}
V4 = {
    **BLOB,
    "bookmarked": False,
    "public": False,
    "user_id": "alice@example.com",
    "session_id": "session-1",
    "is_root_observation": True,
    "tags": ["checkout", "beta"],
    "release": "CANARY-release",
    "trace_name": "CANARY-trace",
    "usage_pricing_tier_id": None,
}
# A row of the batch export of the user interface.
BATCH: dict[str, Any] = {
    "id": "obs-1",
    "traceId": "trace-1",
    "projectId": "project-1",
    "startTime": "2026-03-29T02:59:59.900+02:00",
    "endTime": "2026-03-29T01:00:02.150Z",
    "name": "CANARY-name",
    "type": "GENERATION",
    "environment": "production",
    "userId": "alice@example.com",
    "sessionId": "session-1",
    "level": "DEFAULT",
    "statusMessage": "CANARY-status",
    "model": "claude-sonnet-4-5",
    "modelParameters": {"stop": "CANARY-stop"},
    "usageDetails": {"input": 5, "input_cache_read": 20, "output": 7, "total": 32},
    "costDetails": {"total": 0.000126},
    "totalCost": 0.000126,
    "completionStartTime": "2026-03-29T01:00:00.400Z",
    "latency": 2250,
    "timeToFirstToken": 500,
    "traceTags": ["checkout", "beta"],
    "parentObservationId": None,
    "input": {"messages": "CANARY-input"},
    "output": "CANARY-output",
    "metadata": {"CANARY-key": "CANARY-value"},
    "toolCalls": ["CANARY-arguments"],
    "toolDefinitions": {"CANARY-tool": "CANARY-definition"},
    "comments": [{"content": "CANARY-comment"}],
}

Write = Callable[..., Path]


def writer(folder: Path) -> Write:
    """Writes rows as JSONL, JSON, CSV or Parquet by the name's end; text is written as it is."""

    def run(*rows: dict[str, Any] | str, name: str = "observations.jsonl") -> Path:
        path = folder / "in" / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith(".csv"):
            path.write_text(csv_of(rows))  # type: ignore[arg-type]
        elif name.endswith(".parquet"):
            pq.write_table(parquet_of(rows), path)  # type: ignore[arg-type]
        elif name.endswith(".json"):
            path.write_text(json.dumps(rows, indent=2))
        else:
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            path.write_text("\n".join(lines) + "\n")
        return path

    return run


def csv_of(rows: tuple[dict[str, Any], ...]) -> str:
    """As Langfuse writes it: every cell quoted, objects and dates of JavaScript as their JSON."""
    target = io.StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        cells = [
            "" if value is None else value if isinstance(value, str) else json.dumps(value)
            for value in row.values()
        ]
        writer.writerow(cells)
    return target.getvalue()


def parquet_of(rows: tuple[dict[str, Any], ...]) -> pa.Table:
    """As ClickHouse writes it: maps, decimals, times without a zone."""
    counts, costs = pa.map_(pa.string(), pa.uint64()), pa.map_(pa.string(), pa.decimal128(38, 12))
    times = [name for name in rows[0] if name.endswith("_time")]
    columns = {
        name: pa.array([row[name] for row in rows], pa.string())
        for name in ("id", "trace_id", "project_id", "environment", "type", "level", "input")
    }
    columns |= {
        name: pa.array(
            [row[name] and datetime.fromisoformat(row[name]) for row in rows], pa.timestamp("ms")
        )
        for name in times
    }
    columns |= {
        "parent_observation_id": pa.array(
            [row["parent_observation_id"] for row in rows], pa.string()
        ),
        "provided_model_name": pa.array(
            [row["provided_model_name"] for row in rows]
        ).dictionary_encode(),
        "usage_details": pa.array(
            [[(key, int(value)) for key, value in row["usage_details"].items()] for row in rows],
            counts,
        ),
        "cost_details": pa.array([[("total", Decimal("0.000126"))] for _ in rows], costs),
        "total_cost": pa.array([Decimal(row["total_cost"]) for row in rows], pa.decimal128(38, 12)),
        "latency": pa.array([row["latency"] for row in rows], pa.float64()),
        "time_to_first_token": pa.array([row["time_to_first_token"] for row in rows], pa.float64()),
    }
    return pa.table(columns)


def changed(**fields: Any) -> dict[str, Any]:
    return {**BLOB, **fields}


def requests(outcome: Any) -> pl.DataFrame:
    frame: pl.DataFrame = outcome.frames["requests"]
    return frame


def only(outcome: Any) -> dict[str, Any]:
    assert requests(outcome).height == 1, outcome.rejects
    return requests(outcome).row(0, named=True)


def trace_file(observations: list[dict[str, Any]], *, first: bool = True) -> dict[str, Any]:
    trace = {
        "id": "trace-1",
        "projectId": "project-1",
        "name": "CANARY-trace",
        "timestamp": "2026-03-29T01:00:00.000Z",
        "environment": "production",
        "tags": ["checkout"],
        "userId": "alice@example.com",
        "sessionId": "session-9",
        "input": "CANARY-input",
        "metadata": '{"a": "CANARY"}',
        "observations": observations,
    }
    parts = {"trace": trace, "observations": observations}
    return parts if first else dict(reversed(parts.items()))


def observation(**fields: Any) -> dict[str, Any]:
    row = {
        key: value
        for key, value in BATCH.items()
        if key not in ("userId", "sessionId", "traceTags")
    }
    return {**row, **fields}
