"""LiteLLM spend logs as the proxy answers them: an array, or a page of the UI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.requests.litellm import CONNECTOR
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

ROWS: list[Any] = [
    {
        "request_id": "one",
        "call_type": "acompletion",
        "startTime": "2026-09-01T00:00:00Z",
        "endTime": "2026-09-01T00:00:05Z",
        "model": "qwen3-8b",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "messages": [{"role": "user", "content": "my secret\nquestion"}],
    },
    {"request_id": "two", "startTime": "soon"},
    7,
    {
        "request_id": "three",
        "call_type": "acompletion",
        "startTime": "2026-09-01T00:01:00Z",
        "model": "qwen3-8b",
        "prompt_tokens": 30,
    },
]
PAGE = {"total": 4, "page": 1, "data": ROWS, "total_pages": 1}


@pytest.fixture(params=[ROWS, PAGE], ids=["array", "page"])
def answer(request: pytest.FixtureRequest, settings: Settings) -> Path:
    """The log in the landing folder, where nothing but its content names the connector."""
    path = settings.landing / "requests" / "logs.json"
    path.parent.mkdir(parents=True)
    path.write_text("\ufeff" + json.dumps(request.param, indent=2))
    return path


def test_every_record_is_written_or_rejected_by_its_number_when_the_proxy_answered(
    answer: Path, ingest_file: Any
) -> None:
    outcome = ingest_file(answer, CONNECTOR)
    written = outcome.frames["requests"].select("request_id", "source_line")
    assert written.rows() == [("one", 1), ("three", 4)]
    rejects = outcome.rejects.sort("source_line")
    assert rejects.select("source_line", "reason").rows() == [
        (2, "startTime: not a timestamp"),
        (3, "not a JSON object with the fields of a spend log"),
    ]
    assert "secret" not in repr(rejects.rows())


@pytest.mark.usefixtures("answer")
def test_an_answer_is_read_by_itself_when_it_lies_among_small_files(settings: Settings) -> None:
    (file,) = ingest_landing(settings).files
    assert (file.connector, file.rows) == ("litellm", {"requests": 2})
    assert sum(file.rejects.values()) == 2
