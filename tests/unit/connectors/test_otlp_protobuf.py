"""OTLP protobuf: one message or many behind their lengths, whole and damaged."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.spans import START, field, protobuf, request, span
from tokenworks_sources.connectors.requests import otlp_json, otlp_protobuf
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.landing import preview_of

CONNECTOR = otlp_protobuf.CONNECTOR
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.request.stream": True,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.cost": 0.25,
}

Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ingest_file: Any) -> Read:
    """Ingests a file of these bytes."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(text: bytes, name: str = "traces.binpb") -> Any:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
        return ingest_file(path, CONNECTOR)

    return run


def calls(*numbers: int) -> list[dict[str, Any]]:
    return [span(CHAT, f"{number:016x}") for number in numbers]


def prefixed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def ids_of(outcome: Any) -> list[int]:
    return [int(text, 16) for text in outcome.frames["requests"]["span_id"]]


ONE, TWO = protobuf(request(*calls(1, 2))), protobuf(request(*calls(3)))


@pytest.mark.parametrize("text", [ONE + TWO, prefixed(ONE, TWO), prefixed(ONE, b"", TWO)])
def test_all_spans_are_read_when_messages_are_written_this_way(read: Read, text: bytes) -> None:
    outcome = read(text)
    assert ids_of(outcome) == [1, 2, 3]
    assert outcome.manifest.records_in == 3
    row = outcome.frames["requests"].row(0, named=True)
    assert row["emitter"] == "otel:shop/my.scope"
    assert row["trace_id"] == "5b8efff798038103d269b633813fc60c"
    assert row["started_at"] == datetime(2026, 9, 21, 14, 13, 20, 123456)
    assert row["ended_at"] == datetime(2026, 9, 21, 14, 13, 22, 623456)
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (100, 20)
    assert (row["is_streaming"], row["finish_reason"], row["status"]) == (True, "stop", "success")
    assert str(row["reported_cost_usd"]) == "0.250000000000"


def test_events_and_status_are_read_when_they_are_protobuf(read: Read) -> None:
    events = [
        {"name": "First Token Stream Event", "timeUnixNano": START + 10**9},
        {
            "name": "exception",
            "timeUnixNano": START,
            "attributes": [{"key": "exception.type", "value": {"stringValue": "Timeout"}}],
        },
    ]
    given = span(CHAT, events=events, status={"code": 2, "message": "secret"})
    row = read(protobuf(request(given))).frames["requests"].row(0, named=True)
    assert (row["status"], row["error_type"]) == ("failure", "Timeout")
    assert row["first_token_at"] == datetime(2026, 9, 21, 14, 13, 21, 123456)


def test_a_negative_count_is_rejected_when_it_is_a_varint(read: Read) -> None:
    outcome = read(protobuf(request(span({**CHAT, "gen_ai.usage.input_tokens": -1}))))
    assert outcome.rejects["reason"].to_list() == ["input_tokens: below 0"]


def test_the_rest_is_read_when_one_span_is_damaged(read: Read) -> None:
    # The length of the second span's trace id says 17 bytes more than the span has.
    place = ONE.rindex(b"\x0a\x10\x5b\x8e") + 1
    outcome = read(ONE[:place] + b"\x7f\x5b\x8e" + ONE[place + 3 :] + TWO)
    assert ids_of(outcome) == [1, 3]
    assert outcome.rejects.height == 1


def test_the_next_message_is_read_when_one_is_damaged(read: Read) -> None:
    broken = ONE[:1] + b"\xff\xff\x7f" + ONE[4:]
    outcome = read(prefixed(broken, TWO))
    assert ids_of(outcome) == [3]
    assert outcome.rejects["reason"].to_list() == ["message: damaged or cut short"]


@pytest.mark.parametrize("make", [lambda text: text, prefixed])
def test_whole_spans_are_kept_when_the_file_ends_early(read: Read, make: Any) -> None:
    outcome = read(make(ONE)[:-20])
    assert ids_of(outcome) == [1]
    assert outcome.rejects["reason"].to_list() == ["message: damaged or cut short"]


def test_a_field_that_traces_do_not_have_is_told_when_a_message_has_it(read: Read) -> None:
    outcome = read(ONE + field(9, b"news"))
    assert ids_of(outcome) == [1, 2]
    assert outcome.rejects["reason"].to_list() == ["message: a field that OTLP traces do not have"]


def test_no_text_is_kept_when_canaries_are_protobuf(read: Read, tmp_path: Path) -> None:
    texts = {"gen_ai.prompt.0.content": "canary-7f3a", "ai.toolCall.args": {"a": "canary-7f3a"}}
    good = span({**CHAT, **texts}, name="canary-7f3a", status={"code": 2, "message": "canary-7f3a"})
    bad = span({**CHAT, **texts, "gen_ai.usage.input_tokens": -1}, "00000000000000b2")
    text = protobuf(request(good, bad))
    outcome = read(text[:-40])
    assert outcome.rejects.height
    for path in (tmp_path / "home" / "lake").rglob("*"):
        assert not path.is_file() or b"canary-7f3a" not in path.read_bytes()


@pytest.mark.parametrize("connector", [CONNECTOR, otlp_json.CONNECTOR])
def test_every_record_is_accounted_for_when_bytes_are_flipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ingest_file: Any, connector: Any
) -> None:
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")
    draw = random.Random(7)
    given = request(*calls(1, 2, 3), span({"gen_ai.operation.name": "invoke_agent"}))
    is_json = connector is not CONNECTOR
    text = json.dumps(given).encode() + b"\n" if is_json else protobuf(given)
    texts = [text * 2, json.dumps(given, indent=1).encode() if is_json else prefixed(text, text)]
    for number in range(40):
        damaged = bytearray(texts[number % 2])
        for _ in range(draw.randrange(1, 4)):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        if draw.random() < 0.3:
            del damaged[draw.randrange(len(damaged)) :]
        path = tmp_path / "in" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(damaged))
        try:
            connector.recognise(preview_of(path))
            outcome = ingest_file(path, connector)
        except TokenworksError:
            continue
        found = outcome.manifest
        kept = found.records_out + sum(found.rejects.values()) + sum(found.skipped.values())
        assert found.records_in == kept
        # A single damaged byte never takes a span away without a word.
        assert kept >= 1


def test_the_file_is_recognised_when_it_leads_to_a_span(tmp_path: Path) -> None:
    path = tmp_path / "t"
    metrics = field(1, field(1, b"") + field(2, field(2, field(1, b"vllm:num_requests_running"))))
    for text, is_known in (
        (ONE, True),
        (prefixed(ONE), True),
        (metrics, False),
        (b"\x0a\x05hello", False),
        (b"\n\n\n\n\n", False),
        (b'{"a": 1}', False),
        (ONE[:10], False),
    ):
        path.write_bytes(text)
        assert (CONNECTOR.recognise(preview_of(path)) is not None) is is_known
