"""OTLP JSON: how it is written, and what a damaged file leaves behind."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.spans import TRACE, request, span
from tokenworks_sources.connectors.requests import (
    otlp_json,
    otlp_json_cut,
    otlp_json_request,
    span_rows,
)
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CONNECTOR = otlp_json.CONNECTOR
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}
SECRET = "canary-7f3a"

Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ingest_file: Any) -> Read:
    """Ingests a file of this text."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(text: str | bytes, name: str = "traces.json") -> Any:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return ingest_file(path, CONNECTOR)

    return run


def calls(*numbers: int) -> list[dict[str, Any]]:
    return [span(CHAT, f"{number:016x}") for number in numbers]


def ids_of(outcome: Any) -> list[int]:
    return [int(text, 16) for text in outcome.frames["requests"]["span_id"]]


def snake(given: Any) -> Any:
    """The same with snake_case keys."""
    if isinstance(given, list):
        return [snake(item) for item in given]
    if not isinstance(given, dict):
        return given
    return {
        "".join("_" + c.lower() if c.isupper() else c for c in key): snake(value)
        for key, value in given.items()
    }


DOCUMENT = {
    "resourceSpans": [*request(*calls(1, 2))["resourceSpans"], *request(*calls(3))["resourceSpans"]]
}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(DOCUMENT),
        json.dumps(DOCUMENT) + "\n",
        "\ufeff" + json.dumps(DOCUMENT),
        json.dumps(DOCUMENT, indent=2),
        json.dumps(snake(DOCUMENT)),
        json.dumps(snake(DOCUMENT), indent=4),
        json.dumps([request(*calls(1, 2)), request(*calls(3))]),
        json.dumps([request(*calls(1, 2)), request(*calls(3))], indent=1),
        "\n\n".join(json.dumps(request(*calls(*n))) for n in ((1, 2), (3,))),
        "\r\n".join(json.dumps(request(*calls(n))) for n in (1, 2, 3)),
        "\n".join(json.dumps(request(*calls(*n)), indent=2) for n in ((1, 2), (3,))),
        json.dumps({"batches": DOCUMENT["resourceSpans"]}),
        json.dumps({"result": DOCUMENT}),
        json.dumps({"trace": DOCUMENT}),
        json.dumps(DOCUMENT).replace("scopeSpans", "instrumentationLibrarySpans"),
    ],
)
@pytest.mark.parametrize("largest", [otlp_json.LINE_BYTES, 120])
def test_all_spans_are_read_when_requests_are_written_this_way(
    read: Read, monkeypatch: pytest.MonkeyPatch, text: str, largest: int
) -> None:
    monkeypatch.setattr(otlp_json, "LINE_BYTES", largest)
    monkeypatch.setattr(otlp_json, "HEAD_BYTES", min(otlp_json.HEAD_BYTES, largest))
    outcome = read(text)
    assert ids_of(outcome) == [1, 2, 3]
    assert outcome.frames["requests"]["emitter"].unique().to_list() == ["otel:shop/my.scope"]
    assert outcome.manifest.records_in == 3


@pytest.mark.parametrize("compress", [gzip.compress])
def test_all_spans_are_read_when_the_file_is_compressed(
    read: Read, compress: Callable[[bytes], bytes]
) -> None:
    assert ids_of(read(compress(json.dumps(DOCUMENT).encode()), "traces.json.gz")) == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "trace", "own"),
    [
        ({}, TRACE, "eee19b7ec3c1b174"),
        ({"traceId": TRACE.upper()}, TRACE, "eee19b7ec3c1b174"),
        ({"traceId": "0" * 32, "spanId": "0" * 16}, None, None),
        ({"traceId": "", "spanId": None}, None, None),
        (
            {
                "traceId": base64.b64encode(bytes.fromhex(TRACE)).decode(),
                "spanId": base64.b64encode(bytes.fromhex("eee19b7ec3c1b174")).decode(),
            },
            TRACE,
            "eee19b7ec3c1b174",
        ),
        ({"traceId": "00000000000000ff"}, "000000000000000000000000000000ff", "eee19b7ec3c1b174"),
    ],
)
def test_ids_are_hex_when_they_are_written_this_way(
    read: Read, changes: dict[str, Any], trace: str | None, own: str | None
) -> None:
    row = read(json.dumps(request(span(CHAT, **changes)))).frames["requests"].row(0, named=True)
    assert (row["trace_id"], row["span_id"]) == (trace, own)
    assert row["request_id"] == own or row["request_id"].endswith("-1")


def test_a_span_is_rejected_when_its_id_is_text(read: Read) -> None:
    outcome = read(json.dumps(request(span(CHAT, spanId="not an id"), *calls(2))))
    assert outcome.rejects["reason"].to_list() == ["spanId: not hexadecimal"]
    assert ids_of(outcome) == [2]


def test_the_rest_is_read_when_one_span_is_not_of_the_shape(read: Read) -> None:
    wrong = span(CHAT, attributes="none")
    outcome = read(json.dumps(request(calls(1)[0], wrong, calls(3)[0])))
    assert ids_of(outcome) == [1, 3]
    assert outcome.rejects["reason"].to_list() == ["span: not of the OTLP shape"]
    assert outcome.rejects["source_line"].to_list() == [2]


def test_the_rest_is_read_when_one_line_is_damaged(read: Read) -> None:
    lines = [json.dumps(request(*calls(number))) for number in (1, 2, 3)]
    lines[1] = lines[1][: len(lines[1]) // 2]
    outcome = read("\n".join(lines))
    assert ids_of(outcome) == [1, 3]
    assert outcome.rejects["reason"].to_list() == ["line: not JSON"]
    assert outcome.rejects["source_line"].to_list() == [2]


def test_the_rest_is_read_when_the_first_line_lost_its_beginning(read: Read) -> None:
    lines = [json.dumps(request(*calls(number))) for number in (1, 2)]
    assert ids_of(read(lines[0][20:] + "\n" + lines[1])) == [2]


def test_whole_spans_are_kept_when_a_document_ends_early(read: Read) -> None:
    text = json.dumps(request(*calls(1, 2, 3)))
    outcome = read(text[: text.rindex('"spanId"')])
    assert ids_of(outcome) == [1, 2]
    assert outcome.rejects["reason"].to_list() == ["document: ends early or is damaged"]


def test_a_field_that_traces_do_not_have_is_told_when_it_holds_objects(read: Read) -> None:
    text = json.dumps(request(*calls(1))).replace('"spans"', '"spins"')
    outcome = read(text)
    assert outcome.rejects["reason"].to_list() == ["request: a field that OTLP traces do not have"]


def test_whole_spans_are_kept_when_brackets_do_not_match(read: Read) -> None:
    outcome = read(json.dumps(request(*calls(1)), indent=1) + "}}\n{")
    assert ids_of(outcome) == [1]
    assert outcome.rejects["reason"].to_list() == [
        "document: brackets do not match; the rest cannot be read"
    ]


def test_the_file_is_refused_when_a_resource_stands_behind_its_spans(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = request(*calls(1))
    spans = given["resourceSpans"][0]
    given["resourceSpans"][0] = {key: spans[key] for key in ("scopeSpans", "resource")}
    assert ids_of(read(json.dumps(given, indent=1))) == [1]
    monkeypatch.setattr(otlp_json, "LINE_BYTES", 300)
    with pytest.raises(LandingFileError, match="a resource stands behind its spans"):
        read(json.dumps(given))


def test_the_file_is_a_reject_when_it_holds_no_object(read: Read) -> None:
    assert read('"' * 30).rejects["reason"].to_list() == ["document: no JSON object"]
    assert read("1\n2\n").rejects["reason"].to_list() == ["document: no JSON object"] * 2


def test_metrics_and_logs_are_skipped_when_they_share_the_file(read: Read) -> None:
    text = json.dumps(request(*calls(1))) + '\n{"resourceMetrics":[]}\n{"resourceLogs":[{}]}\n'
    assert read(text).manifest.skipped == {"metrics or logs": 2}


def test_a_line_is_rejected_when_it_is_nested_too_deeply(read: Read) -> None:
    deep = '{"resourceSpans":[{"resource":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}]}"
    outcome = read(json.dumps(request(*calls(1))) + "\n" + deep + "\n")
    assert ids_of(outcome) == [1]
    assert outcome.rejects.height == 1


@pytest.mark.parametrize("block", [64, 97, 1000])
def test_spans_are_cut_whole_when_blocks_end_anywhere(block: int) -> None:
    tricky = span({**CHAT, "gen_ai.prompt": 'a "quoted" { [ \\ \\\\" brace } \\'})
    text = json.dumps(request(tricky, *calls(2, 3)), indent=1).encode()
    blocks = [text[place : place + block] for place in range(0, len(text), block)]
    cut = list(otlp_json_cut.cut(blocks))
    assert [piece.name for piece, _ in cut] == [
        "RESOURCE_SPANS",
        "RESOURCE",
        "SCOPE_SPANS",
        "SCOPE",
        "SPAN",
        "SPAN",
        "SPAN",
    ]
    assert [json.loads(one) for _, one in cut[4:]] == [tricky, *calls(2, 3)]


def test_long_lines_are_cut_when_they_do_not_fit(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_json, "LINE_BYTES", 500)
    monkeypatch.setattr(otlp_json, "BLOCK_BYTES", 300)
    monkeypatch.setattr(otlp_json, "HEAD_BYTES", 100)
    assert ids_of(read("\n".join(json.dumps(request(*calls(*n))) for n in ((1, 2), (3,))))) == [
        1,
        2,
        3,
    ]


TRICKY = 'a "quoted" }]}, {"resource": {"attributes": [ \\ \\\\" brace }, {"resource":'


@pytest.mark.parametrize("part", [1, 300, 2_000, 10_000])
@pytest.mark.parametrize("indent", [None, 1])
def test_document_is_read_in_parts_when_it_is_long(
    read: Read, monkeypatch: pytest.MonkeyPatch, part: int, indent: int | None
) -> None:
    monkeypatch.setattr(otlp_json, "LINE_BYTES", 3_000)
    monkeypatch.setattr(otlp_json, "HEAD_BYTES", 100)
    monkeypatch.setattr(otlp_json_request, "PART_BYTES", part)
    monkeypatch.setattr(otlp_json_request, "LARGEST_BYTES", 3_000)
    batches = [request(*calls(number))["resourceSpans"][0] for number in range(1, 8)]
    batches[2]["scopeSpans"][0]["spans"].append(
        span({**CHAT, "gen_ai.prompt": TRICKY}, f"{9:016x}")
    )
    outcome = read(json.dumps({"resourceSpans": batches}, indent=indent))
    assert sorted(ids_of(outcome)) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert (outcome.manifest.records_in, outcome.manifest.rejects) == (8, {})
    assert outcome.frames["requests"]["emitter"].unique().to_list() == ["otel:shop/my.scope"]


def test_rest_of_a_long_document_is_cut_when_a_part_is_not_of_the_shape(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_json, "LINE_BYTES", 1_000)
    monkeypatch.setattr(otlp_json, "HEAD_BYTES", 100)
    monkeypatch.setattr(otlp_json_request, "PART_BYTES", 1_000)
    batches = [request(*calls(number))["resourceSpans"][0] for number in range(1, 8)]
    batches[4]["strange"] = {"prompt": "hello"}
    outcome = read(json.dumps({"resourceSpans": batches}))
    assert ids_of(outcome) == [1, 2, 3, 4, 5, 6, 7]
    assert outcome.manifest.rejects == {"request: a field that OTLP traces do not have": 1}


def test_links_and_order_hold_when_rows_wait_on_disk(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_rows, "BLOCK_ROWS", 2)
    monkeypatch.setattr(span_rows, "BLOCKS_IN_MEMORY", 1)
    http = span({}, "00000000000000aa", parentSpanId=f"{9:016x}")
    last = span(CHAT, f"{1:016x}", parentSpanId="00000000000000aa")
    outcome = read(json.dumps(request(last, *calls(2, 3, 4, 5, 6, 7, 8), http, *calls(9))))
    assert ids_of(outcome) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    parents = outcome.frames["requests"]["parent_span_id"].to_list()
    assert parents == [f"{9:016x}", *[None] * 8]


def planted() -> dict[str, Any]:
    """A span with a canary wherever text can stand, and one that is rejected."""
    texts = {
        "gen_ai.input.messages": f'[{{"content":"{SECRET}"}}]',
        "gen_ai.prompt.0.content": SECRET,
        "llm.input_messages.0.message.content": SECRET,
        "input.value": SECRET,
        "ai.prompt.messages": SECRET,
        "ai.response.text": SECRET,
        "ai.toolCall.args": SECRET,
        "gen_ai.tool.call.arguments": {"city": SECRET},
        "gen_ai.system_instructions": [SECRET],
        "http.request.header.authorization": [SECRET],
        "metadata.user_api_key_user_email": SECRET,
        "error.type": f"failed on {SECRET}",
        "user.id": SECRET,
        "metadata.user_api_key_hash": SECRET,
        "ai.response.providerMetadata": json.dumps({"openai": {"text": SECRET}}),
        "hidden_params": json.dumps({"api_base": f"https://{SECRET}@host/?k={SECRET}"}),
    }
    event = {
        "name": "gen_ai.choice",
        "attributes": [{"key": "content", "value": {"stringValue": SECRET}}],
    }
    status = {"code": 2, "message": SECRET}
    good = span({**CHAT, **texts}, "00000000000000b1", events=[event], status=status, name=SECRET)
    bad = span({**texts, **CHAT, "gen_ai.usage.input_tokens": -1}, "00000000000000b2", name=SECRET)
    shapeless = span({**CHAT, **texts}, events=SECRET)
    return request(good, bad, shapeless, **{"process.command_line": SECRET})


@pytest.mark.parametrize("cut_from", [None, 2_500, 900])
def test_no_text_is_kept_when_canaries_stand_everywhere(
    read: Read, tmp_path: Path, cut_from: int | None
) -> None:
    outcome = read(
        json.dumps(planted())[cut_from:] if not cut_from else json.dumps(planted())[:-cut_from]
    )
    kept = [*outcome.frames["requests"].rows(), *outcome.rejects.rows()]
    assert kept
    assert SECRET not in repr(kept)
    for path in (tmp_path / "home" / "lake").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_the_file_is_recognised_when_it_holds_resource_spans(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for text, is_known in (
        (json.dumps(DOCUMENT), True),
        (json.dumps(DOCUMENT, indent=2), True),
        (json.dumps({"trace": DOCUMENT}), True),
        (json.dumps({"batches": DOCUMENT["resourceSpans"]}), True),
        (json.dumps({"result": DOCUMENT}), True),
        ('{"resourceMetrics": []}', False),
        ('{"note": "resourceSpans"}', False),
        ('{"batches": [1]}', False),
    ):
        path.write_text(text)
        assert (CONNECTOR.recognise(preview_of(path)) is not None) is is_known
