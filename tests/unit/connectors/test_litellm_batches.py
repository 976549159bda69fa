"""LiteLLM spend logs that are small enough to be read together."""

from __future__ import annotations

import gzip
import hashlib
import json

import polars as pl

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


def test_lines_are_those_of_each_file_when_some_are_blank(settings: Settings) -> None:
    folder = settings.landing / "requests" / "litellm"
    folder.mkdir(parents=True)
    one, two, three, *_ = (line.encode() for line in _log(0).splitlines())
    files = {
        "a.jsonl": b"\n" + one + b"\n \t\n" + two,
        "b.jsonl": b"\xef\xbb\xbf" + three + b"\n\n\n",
        "c.jsonl.gz": gzip.compress(b"\n\n" + one.replace(b"01T", b"02T") + b"\r\n\r\n{broken\n"),
    }
    for name, text in files.items():
        (folder / name).write_bytes(text)
    report = ingest_landing(settings)
    told = [(outcome.rows, outcome.rejected) for outcome in report.files]
    assert told == [({"requests": 2}, 0), ({"requests": 1}, 0), ({"requests": 1}, 1)]
    lines = pl.read_parquet(
        str(settings.lake / "requests" / "*" / "*.parquet"), columns=["source_file", "source_line"]
    )
    assert sorted((file[-len("a.jsonl") :], line) for file, line in lines.rows()) == [
        ("a.jsonl", 2),
        ("a.jsonl", 4),
        ("b.jsonl", 1),
        ("sonl.gz", 3),
    ]
    rejects = pl.read_parquet(str(settings.lake / "_rejects" / "requests" / "*.parquet"))
    assert rejects["source_line"].to_list() == [5]
