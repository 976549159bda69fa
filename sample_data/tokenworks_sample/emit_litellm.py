"""LiteLLM spend logs: one JSON object per line, one file per gateway and day of delivery.

Belongs here: the shape of a row and the planted faults of files. A row is written when its attempt
ends, so a request that spans midnight lies in the next day's file.

What the emitter gets wrong, and this sample with it: failed rows carry no tokens although the
engine may have generated some; a cancelled stream keeps what was delivered; a gateway cache hit
repeats the tokens of the answer it repeats; retries have ids of their own; where nothing was
streamed, `completionStartTime` is the end.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tokenworks_sample.clock import DAY, day_name, iso_ms
from tokenworks_sample.faults import FaultPlan
from tokenworks_sample.landing import GzipText
from tokenworks_sample.records import Attempt
from tokenworks_sample.series import list_price
from tokenworks_sample.world import BLOCK_TOKENS, Deployment

# Seconds from the engine's token to the gateway's stamp.
NETWORK = 0.004
ERROR_CODES = {
    "RateLimitError": "429",
    "InternalServerError": "500",
    "APIConnectionError": "503",
    "CancelledError": "499",
}


@dataclass(frozen=True)
class Row:
    """What a log line says, as numbers: the accounting uses these and not the simulation's."""

    start: float
    first: float | None
    end: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def row_of(attempt: Attempt) -> Row:
    """Times rounded to the milliseconds of the log; tokens 0 where the attempt failed."""
    start = round(attempt.arrival, 3)
    end = round(attempt.end + NETWORK, 3)
    if attempt.status == "failure":
        return Row(start, None, end, 0, 0, 0)
    first = round(attempt.first + NETWORK, 3)
    tokens = attempt.turn.input_tokens
    return Row(start, first, end, tokens, attempt.cached, attempt.generated)


@cache
def key_hash(tenant: str, workload: str) -> str:
    """The hash of a virtual key, as the gateway stores it."""
    return hashlib.sha256(f"sk-sample-{tenant}-{workload}".encode()).hexdigest()


def name_of(deployment: Deployment) -> str:
    """The deployment within ids: gateway first, so that ids of one log sort together."""
    return "-".join(reversed(deployment.id.split("-")))


def _spend(row: Row, model: str, is_free: bool) -> float:
    if is_free:
        return 0.0
    uncached, cached, output = list_price(model, row.start)
    nano = (
        (row.input_tokens - row.cached_tokens) * int(uncached * 1000)
        + row.cached_tokens * int(cached * 1000)
        + row.output_tokens * int(output * 1000)
    )
    return round(nano / 1e9, 7)


def _usage(attempt: Attempt, row: Row, deployment: Deployment) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": row.input_tokens,
        "completion_tokens": row.output_tokens,
        "total_tokens": row.input_tokens + row.output_tokens,
    }
    if attempt.replica is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": row.cached_tokens}
    if deployment.is_thinking:
        thought = min(attempt.turn.thinking_tokens, row.output_tokens)
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    return usage


def _metadata(attempt: Attempt, row: Row, deployment: Deployment) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "status": "success" if attempt.status == "success" else "failure",
        "trace_id": f"tr-{name_of(deployment)}-{attempt.trace:x}",
    }
    if attempt.error:
        code = ERROR_CODES[attempt.error]
        metadata["error_information"] = {"error_code": code, "error_class": attempt.error}
    if attempt.status == "failure":
        return metadata
    metadata["usage_object"] = _usage(attempt, row, deployment)
    own: dict[str, Any] = {
        "prefix_block_hashes": attempt.blocks,
        "prefix_block_tokens": BLOCK_TOKENS,
    }
    if attempt.replica is not None:
        own["queue_seconds"] = round(attempt.scheduled - attempt.arrival, 3)
        own["prefill_seconds"] = round(attempt.first - attempt.scheduled, 3)
        own["decode_seconds"] = round(attempt.end - attempt.first, 3)
    metadata["spend_logs_metadata"] = own
    return metadata


def line_of(attempt: Attempt, row: Row, deployment: Deployment) -> str:
    """One row of `LiteLLM_SpendLogs` as JSON."""
    workload = attempt.session.workload
    is_hit = attempt.replica is None and attempt.status == "success"
    streamed = attempt.turn.is_streaming and row.first is not None
    record = {
        "request_id": f"chatcmpl-{name_of(deployment)}-{attempt.number:x}",
        "call_type": "acompletion",
        "api_key": key_hash(workload.tenant, workload.id),
        "spend": _spend(row, deployment.model, is_hit),
        "total_tokens": row.input_tokens + row.output_tokens,
        "prompt_tokens": row.input_tokens,
        "completion_tokens": row.output_tokens,
        "startTime": iso_ms(row.start),
        "endTime": iso_ms(row.end),
        "request_duration_ms": round((row.end - row.start) * 1000),
        "completionStartTime": iso_ms(row.first if streamed and row.first else row.end),
        "model": deployment.model,
        "model_id": deployment.id,
        "model_group": f"{deployment.tier}-latest",
        "custom_llm_provider": "hosted_vllm",
        "api_base": f"http://{attempt.replica.endpoint}/v1" if attempt.replica else "",
        "user": f"{workload.tenant}-u{attempt.session.user}",
        "metadata": _metadata(attempt, row, deployment),
        "cache_hit": "True" if is_hit else "False",
        "cache_key": "Cache OFF",
        "request_tags": [workload.id],
        "team_id": f"{workload.tenant}-{workload.id}",
        "organization_id": workload.tenant,
        "end_user": "",
        "requester_ip_address": None,
        "messages": {},
        "response": {},
        "session_id": attempt.session.id,
        "status": "success" if attempt.status == "success" else "failure",
        "mcp_namespaced_tool_name": None,
        "agent_id": None,
        "proxy_server_request": {},
    }
    return json.dumps(record, separators=(",", ":"))


@dataclass
class SpendLog:
    """The files of one gateway, one per day of delivery, with the planted faults."""

    folder: Path
    gateway: str
    plan: FaultPlan
    day: int = -1
    rows: int = 0
    lines: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        longest = max((rows for _, _, rows in self.plan.duplicates), default=0)
        self._tail: deque[str] = deque(maxlen=max(1, longest))
        self._file: GzipText | None = None
        self._late: dict[str, tuple[GzipText, list[int]]] = {}

    def name(self) -> str:
        """Name of the file of the current day."""
        return f"spend_{self.gateway}_{day_name(self.day)}.jsonl.gz"

    def open_day(self, day: int) -> None:
        """Start the file of a day, after the duplicates of the day before."""
        if self._file:
            self._file.close()
        tail = list(self._tail)
        self.day, self.rows, self.lines = day, 0, 0
        self._file = GzipText(self.folder / self.name())
        for gateway, before, count in self.plan.duplicates:
            if gateway == self.gateway and before == day - 1 and tail:
                for line in tail[-count:]:
                    self._line(line)
                self._note("duplicate", rows=len(tail[-count:]))
        self._tail.clear()

    def write(self, end: float, line: str) -> None:
        """A row that ended at `end`."""
        for late in self.plan.late:
            if late.gateway == self.gateway and late.start <= end < late.end:
                self._write_late(late.delivered, int(late.start // DAY), line)
                return
        self.rows += 1
        self._tail.append(line)
        self._line(line)
        for gateway, day, after, text in self.plan.bad_lines:
            if (gateway, day, after) == (self.gateway, self.day, self.rows):
                self._line(line[: len(line) // 2] if text is None else text)
                self._note("bad_line", line=self.lines)

    def close(self) -> None:
        """Finish all files."""
        if self._file:
            self._file.close()
        for name, (file, count) in self._late.items():
            file.close()
            self.faults.append({"kind": "late_file", "file": name, "rows": count[0]})

    def _line(self, line: str) -> None:
        assert self._file is not None, "open_day comes first"
        self._file.write(line + "\n")
        self.lines += 1

    def _write_late(self, delivered: str, day: int, line: str) -> None:
        name = f"spend_{self.gateway}_{day_name(day)}_delivered_{delivered}.jsonl.gz"
        if name not in self._late:
            self._late[name] = (GzipText(self.folder / name), [0])
        file, count = self._late[name]
        file.write(line + "\n")
        count[0] += 1

    def _note(self, kind: str, **facts: int) -> None:
        self.faults.append({"kind": kind, "file": self.name(), **facts})
