"""LiteLLM callbacks: columns, streams, retries, privacy, and agreement with spend logs on tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.requests import litellm, litellm_payload, usage_bodies
from tokenworks_sources.connectors.requests.usage import of_usage_body
from tokenworks_sources.normalise import pseudonym

CONNECTOR = litellm_payload.CONNECTOR
SECRET = "canary-7f3a secret prompt sk-canary ada@example.org"

PAYLOAD: dict[str, Any] = {
    "id": "chatcmpl-1",
    "trace_id": "trace-7",
    "call_type": "acompletion",
    "stream": True,
    "response_cost": 0.0000123,
    "cost_breakdown": {"input_cost": 0.00001},
    "status": "success",
    "custom_llm_provider": "openai",
    "total_tokens": 2_817,
    "prompt_tokens": 2_662,
    "completion_tokens": 155,
    "startTime": 1_790_813_100.123456,
    "endTime": 1_790_813_105.5,
    "completionStartTime": 1_790_813_100.623456,
    "response_time": 0.5,
    "model_map_information": {"model_map_key": "gpt", "model_map_value": {"x": SECRET}},
    "model": "gpt-5-mini",
    "model_id": "deployment-3",
    "model_group": "small",
    "api_base": "https://user:sk-canary@api.example.com:8443/v1?key=sk-canary",
    "metadata": {
        "user_api_key_hash": "88dc28d0f030c55e",
        "user_api_key_alias": SECRET,
        "user_api_key_team_id": "search",
        "user_api_key_org_id": "acme",
        "user_api_key_user_id": "ada@example.org",
        "user_api_key_user_email": "ada@example.org",
        "requester_custom_headers": {"x": SECRET},
        "request_id": "not the key of a spend log",
        "usage_object": {
            "prompt_tokens": 2_662,
            "completion_tokens": 155,
            "prompt_tokens_details": {"cached_tokens": 1_617},
            "completion_tokens_details": {"reasoning_tokens": 40},
        },
        "spend_logs_metadata": {
            "queue_seconds": 0.05,
            "prefix_block_hashes": [11, -22],
            "prefix_block_tokens": 512,
            "routing_propensity": 0.05,
            "quality_score": 4,
        },
    },
    "cache_hit": False,
    "request_tags": ["prod", "User-Agent: curl/8", "ada@example.org"],
    "end_user": "",
    "requester_ip_address": "203.0.113.9",
    "messages": [{"role": "user", "content": SECRET}],
    "response": {"id": "chatcmpl-1", "object": "chat.completion", "choices": [SECRET]},
    "error_str": SECRET,
    "error_information": {"error_class": "", "error_message": SECRET},
    "model_parameters": {"tools": SECRET},
    "hidden_params": {"additional_headers": {"x-request-id": SECRET}},
}

Ingest = Callable[..., Any]


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Any, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingests records as JSONL, an array, or one object of many lines."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*records: Any, form: str = "lines", connector: Any = CONNECTOR) -> Any:
        path = tmp_path / "in" / "payload.json"
        path.parent.mkdir(exist_ok=True)
        texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
        if form == "array":
            path.write_text("[" + ",\n".join(texts) + "]")
        elif form == "pretty":
            path.write_text(json.dumps(records[0], indent=2))
        else:
            path.write_text("\n".join(texts) + "\n")
        outcome = ingest_file(path, connector)
        texts_of_lake = repr(outcome.frames["requests"].rows()) + repr(outcome.rejects.rows())
        for piece in ("canary", "secret", "ada@", "203.0"):
            assert piece not in texts_of_lake
        return outcome

    return run


@pytest.mark.parametrize("form", ["lines", "array", "pretty"])
def test_every_column_is_filled_when_the_payload_is_whole(form: str, ingest: Ingest) -> None:
    row = ingest(PAYLOAD, form=form).frames["requests"].row(0, named=True)
    assert (row["emitter"], row["request_id"]) == ("litellm", "chatcmpl-1")
    assert row["logical_request_id"] == row["trace_id"] == "trace-7"
    assert row["started_at"] == datetime(2026, 10, 1, 0, 5, 0, 123_456)
    assert row["first_token_at"] == datetime(2026, 10, 1, 0, 5, 0, 623_456)
    assert row["ended_at"] == datetime(2026, 10, 1, 0, 5, 5, 500_000)
    assert (row["ttft_seconds"], row["e2e_seconds"], row["is_streaming"]) == (0.5, None, True)
    assert (row["operation"], row["provider"]) == ("chat", "openai")
    assert (row["model_requested"], row["model_served"]) == ("small", "gpt-5-mini")
    assert (row["deployment_key"], row["endpoint"]) == ("deployment-3", "api.example.com:8443")
    assert (row["tenant_id"], row["team_id"]) == ("acme", "search")
    assert row["user_pseudonym"] == pseudonym("ada@example.org", b"a key of the tests")
    assert row["api_key_pseudonym"] == pseudonym("88dc28d0f030c55e", b"a key of the tests")
    assert json.loads(row["tags"])[:2] == ["prod", "User-Agent: curl/8"]
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (2_662, 1_617)
    assert row["input_cache_write_tokens"] is None
    assert (row["output_total_tokens"], row["output_reasoning_tokens"]) == (155, 40)
    assert (row["status"], row["error_type"]) == ("success", None)
    assert row["is_gateway_cache_hit"] is False
    assert row["reported_cost_usd"] == Decimal("0.000012300000")
    assert (row["queue_seconds"], row["prefix_block_hashes"]) == (0.05, [11, -22])


def test_response_time_is_the_duration_when_nothing_was_streamed(ingest: Ingest) -> None:
    payload = {
        **PAYLOAD,
        "stream": False,
        "completionStartTime": PAYLOAD["endTime"],
        "response_time": 5.376544,
    }
    row = ingest(payload).frames["requests"].row(0, named=True)
    assert (row["e2e_seconds"], row["ttft_seconds"]) == (5.376544, None)
    assert (row["first_token_at"], row["is_streaming"]) == (None, False)


def test_attempts_keep_their_status_when_a_request_was_tried_again(ingest: Ingest) -> None:
    failed = {
        **PAYLOAD,
        "id": "attempt-1",
        "status": "failure",
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
        "metadata": {},
        "response_cost": None,
        "error_information": {"error_class": "RateLimitError", "error_message": SECRET},
    }
    cancelled = {
        **failed,
        "id": "attempt-2",
        "error_information": {"error_class": "CancelledError"},
    }
    rows = ingest(failed, cancelled, PAYLOAD).frames["requests"].sort("request_id")
    assert rows["status"].to_list() == ["failure", "cancelled", "success"]
    assert rows["error_type"].to_list() == ["RateLimitError", "CancelledError", None]
    assert rows["logical_request_id"].unique().to_list() == ["trace-7"]
    assert rows["output_total_tokens"].to_list() == [0, 0, 155]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startTime": None}, "started_at: missing"),
        ({"startTime": "yesterday"}, "startTime: not an epoch and not a time with a zone"),
        ({"endTime": [1]}, "endTime: not a number"),
        ({"prompt_tokens": 12.7}, "prompt_tokens: not a whole number"),
        ({"response_cost": "free"}, "response_cost: not a number"),
        ({"response_cost": 1e300}, "response_cost: not a number"),
        (
            {"prompt_tokens": 100},
            "input_total_tokens: less than cache read + cache write",
        ),
        (
            {"metadata": {"spend_logs_metadata": {"prefix_block_hashes": ["x"]}}},
            "prefix_block_hashes: not a list of whole numbers below 2^63",
        ),
    ],
)
def test_payload_is_rejected_when_a_field_cannot_be_used(
    changes: dict[str, Any], reason: str, ingest: Ingest
) -> None:
    outcome = ingest(PAYLOAD, {**PAYLOAD, **changes}, "{}", "{cut")
    assert outcome.rejects.sort("source_line")["reason"].to_list() == [
        reason,
        "not a JSON object with the fields of a payload",
        "not JSON: the file ends inside the record",
    ]
    assert outcome.frames["requests"].height == 1


def test_each_connector_claims_its_own_when_both_are_litellm(tmp_path: Path) -> None:
    spend_log = {
        "request_id": "chatcmpl-1",
        "call_type": "acompletion",
        "startTime": "2026-10-01T00:05:00Z",
        "endTime": "2026-10-01T00:05:05Z",
        "response": PAYLOAD["response"],
        "metadata": PAYLOAD["metadata"],
    }
    for record, owner in ((PAYLOAD, CONNECTOR), (spend_log, litellm.CONNECTOR)):
        preview = Preview(tmp_path / "x", json.dumps(record).encode())
        for connector in (CONNECTOR, litellm.CONNECTOR, usage_bodies.CONNECTOR):
            assert bool(connector.recognise(preview)) == (connector is owner)


# Usage as adapters of LiteLLM give it, and `prompt_tokens` of the log beside it.
SHARED_USAGE: list[tuple[dict[str, Any], int, int]] = [
    ({"prompt_tokens": 9, "completion_tokens": 4}, 9, 4),
    ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None}, 9, 4),
    (
        {
            "prompt_tokens": 1_000,
            "completion_tokens": 300,
            "prompt_tokens_details": {"cached_tokens": 900, "cache_write_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 200},
        },
        1_000,
        300,
    ),
    (
        {
            "prompt_tokens": 130_213,
            "completion_tokens": 40,
            "prompt_tokens_details": {"cached_tokens": 128_955, "cache_creation_tokens": 1_253},
            "cache_read_input_tokens": 128_955,
            "cache_creation_input_tokens": 1_253,
        },
        130_213,
        40,
    ),
    (
        {
            "input_tokens": 5,
            "output_tokens": 40,
            "cache_read_input_tokens": 128_955,
            "cache_creation_input_tokens": 1_253,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 1_000,
                "ephemeral_1h_input_tokens": 253,
            },
            "output_tokens_details": {"thinking_tokens": 7},
        },
        5,
        40,
    ),
    (
        {"input_tokens": 5, "output_tokens": 4, "cache_creation": {"ephemeral_5m_input_tokens": 3}},
        5,
        4,
    ),
    (
        {
            "input_tokens": 2,
            "output_tokens": 1,
            "cache_creation_input_tokens": 184_457,
            "cache_creation": {"ephemeral_5m_input_tokens": 31_490},
        },
        2,
        1,
    ),
    (
        {
            "input_tokens": 4_000,
            "output_tokens": 6,
            "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 3_000},
            "output_tokens_details": {"reasoning_tokens": 2},
            "cache_read_input_tokens": 100,
        },
        4_000,
        6,
    ),
    ({"prompt_tokens": 20, "completion_tokens": 4, "prompt_cache_hit_tokens": 15}, 20, 4),
    ({"prompt_tokens": 20, "completion_tokens": 4, "cached_tokens": 12}, 20, 4),
    ({"prompt_tokens": 20, "completion_tokens": 9, "reasoning_tokens": 3}, 20, 9),
]


def test_token_classes_agree_when_spend_logs_and_callbacks_carry_the_same_usage(
    ingest: Ingest,
) -> None:
    def log(usage: dict[str, Any], prompt: int, output: int) -> dict[str, Any]:
        counts = {"prompt_tokens": prompt, "completion_tokens": output}
        return {
            **counts,
            "call_type": "acompletion",
            "model": "m",
            "startTime": "2026-10-01T00:05:00Z",
            "endTime": "2026-10-01T00:05:05Z",
            "metadata": {"status": "success", "usage_object": usage},
        }

    logs = [log(*case) for case in SHARED_USAGE]
    spend = [{**row, "request_id": f"r-{number:02}"} for number, row in enumerate(logs)]
    payloads = [{**row, "id": f"r-{number:02}"} for number, row in enumerate(logs)]
    names = [
        "input_total_tokens",
        "input_cache_read_tokens",
        "input_cache_write_tokens",
        "input_cache_write_5m_tokens",
        "input_cache_write_1h_tokens",
        "output_total_tokens",
        "output_reasoning_tokens",
    ]
    ingest(*spend, connector=litellm.CONNECTOR)
    lake = ingest(*payloads).frames["requests"].sort("source_file", "request_id")
    assert lake.height == 2 * len(SHARED_USAGE)
    by_sql, by_python = lake.head(len(SHARED_USAGE)), lake.tail(len(SHARED_USAGE))
    for number, (usage, _, _) in enumerate(SHARED_USAGE):
        classes = of_usage_body(usage)
        expected = tuple(getattr(classes, name.removesuffix("_tokens")) for name in names)
        assert by_sql.select(names).row(number) == expected, usage
        assert by_python.select(names).row(number) == expected, usage
