"""LiteLLM spend logs that are small enough to be read together."""

from __future__ import annotations

import gzip
import hashlib
import json

from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

FILES, ROWS = 12, 300


def _log(file: int) -> str:
    rows = (
        {
            "request_id": hashlib.sha256(f"{file} {row}".encode()).hexdigest(),
            "call_type": "acompletion",
            "api_key": "",
            "spend": 0.0,
            "model": "qwen3-8b",
            "startTime": "2026-09-01T00:00:00Z",
            "endTime": "2026-09-01T00:00:05Z",
            "prompt_tokens": 10 + row,
            "completion_tokens": 5,
            "total_tokens": 15 + row,
            "status": "success",
        }
        for row in range(ROWS)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_compressed_logs_keep_every_record_when_they_are_read_together(settings: Settings) -> None:
    """Compressed bytes hold line ends and brackets by chance, and are no log for that."""
    folder = settings.landing / "requests" / "litellm"
    folder.mkdir(parents=True)
    for file in range(FILES):
        (folder / f"{file}.jsonl.gz").write_bytes(gzip.compress(_log(file).encode()))
    report = ingest_landing(settings)
    assert [outcome.error for outcome in report.files] == [None] * FILES
    assert [outcome.rejects for outcome in report.files] == [{}] * FILES
    assert [outcome.rows for outcome in report.files] == [{"requests": ROWS}] * FILES
