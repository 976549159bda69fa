"""Langfuse traces of 13 agent frameworks, against figures counted from the raw JSON by other means."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.requests import langfuse
from tokenworks_sources.landing import preview_of

CONNECTOR = langfuse.CONNECTOR

# Generations, input tokens, output tokens, reasoning tokens, cost in USD: counted by hand.
TRACES = {
    "autogen-2025-06-06": (1, 41, 3, None, "0.000025"),
    "crewai-2025-07-11": (1, 190, 164, 0, "0.0001269"),
    "csharp-agent-with-gemini-2026-03-09": (3, 8047, 414, None, "0.0034491"),
    "google-adk-2025-08-28": (2, 67, 9, None, "0.0000103"),
    "google-gemini-2025-08-01": (1, 6, 2055, 1104, "0.005139299999"),
    "langgraph-python-2025-08-22": (2, 168, 66, 0, "0.000234"),
    "llamaindex-2025-06-05": (1, 13, 81, 0, "0.000842499999"),
    "microsoft-agent-2025-12-17": (2, 293, 106, None, "0.00028525"),
    "openai-agents-2025-09-30": (2, 140, 44, 0, "0.000632"),
    "pydantic-ai-2025-06-06": (1, 31, 96, None, "0.0010375"),
    "pydantic-ai-with-gemini-2025-12-24": (1, 40, 159, None, "0.0004095"),
    "vercel-aisdk-2025-11-17": (2, 76, 128, None, "0.001374999999"),
    "vertex-ai-2025-08-01": (1, 5, 845, None, "0.00085"),
}


@pytest.fixture
def trace(shared_data: Path) -> Any:
    """The path of a trace by its name."""
    return lambda name: shared_data / "llm_traces" / "langfuse_traces" / f"{name}.trace.json.gz"


@pytest.mark.parametrize("name", sorted(TRACES))
def test_a_trace_gives_its_generations_and_tokens_when_a_framework_wrote_it(
    name: str, trace: Any, ingest_file: Any
) -> None:
    generations, inputs, outputs, reasoning, cost = TRACES[name]
    path = trace(name)
    assert CONNECTOR.recognise(preview_of(path)) == "a Langfuse trace with observations"
    outcome = ingest_file(path, CONNECTOR)
    rows = outcome.frames["requests"]
    assert outcome.rejects.is_empty()
    assert rows.height == generations
    assert rows["input_total_tokens"].sum() == inputs
    assert rows["output_total_tokens"].sum() == outputs
    known = rows["output_reasoning_tokens"].drop_nulls()
    assert (int(known.sum()) if len(known) else None) == reasoning
    assert rows["reported_cost_usd"].sum() == Decimal(cost)
    assert rows["emitter"].unique().to_list() == ["langfuse"]
    assert rows["status"].unique().to_list() == ["success"]


@pytest.mark.parametrize("name", sorted(TRACES))
def test_every_observation_is_counted_and_timed_when_compared_with_the_raw_json(
    name: str, trace: Any, ingest_file: Any
) -> None:
    document = json.loads(gzip.decompress(trace(name).read_bytes()))
    observations = {item["id"]: item for item in document["observations"]}
    inference = {key: item for key, item in observations.items() if item["type"] == "GENERATION"}
    outcome = ingest_file(trace(name), CONNECTOR)
    rows = {row["request_id"]: row for row in outcome.frames["requests"].iter_rows(named=True)}
    assert set(rows) == set(inference)
    listed = len(document["observations"]) + len(document["trace"]["observations"])
    assert outcome.manifest.records_in == listed
    for key, item in inference.items():
        row = rows[key]
        seconds = (row["ended_at"] - row["started_at"]).total_seconds()
        assert row["e2e_seconds"] == item["latency"]
        assert abs(seconds - item["latency"]) < 0.002
        assert row["session_id"] == document["trace"]["sessionId"]
        assert (row["user_pseudonym"] is None) == (document["trace"]["userId"] is None)
        total = item["usageDetails"]["total"]
        if name != "vertex-ai-2025-08-01":  # its total holds thoughts that it does not list
            assert row["input_total_tokens"] + row["output_total_tokens"] == total


def test_the_call_below_names_the_call_above_when_an_agent_repeats_usage(
    trace: Any, ingest_file: Any
) -> None:
    rows = ingest_file(trace("vercel-aisdk-2025-11-17"), CONNECTOR).frames["requests"]
    parents = dict(rows.select("span_id", "parent_span_id").rows())
    assert parents == {"1dc6768109615657": None, "91a17a2274bfd23f": "1dc6768109615657"}


@pytest.mark.parametrize("name", sorted(TRACES))
def test_no_text_of_a_trace_is_kept_when_its_prompts_are_known(
    name: str, trace: Any, ingest_file: Any
) -> None:
    document = json.loads(gzip.decompress(trace(name).read_bytes()))
    texts = {
        str(item[key])[:200]
        for item in (document["trace"], *document["observations"])
        for key in ("input", "output", "name", "userId")
        if item.get(key) and len(str(item[key])) > 5
    }
    outcome = ingest_file(trace(name), CONNECTOR)
    written = json.dumps(outcome.frames["requests"].to_dicts(), default=str)
    assert texts
    assert not [text for text in texts if text in written]
