"""Spans per CPU-second of the OTLP connectors beside bare decoders of the same bytes, and peak memory.

Run it with `python tests/benchmarks/bench_otlp.py [spans]`. With OTLP_MEMORY_BYTES=2000000000 it also
reads one JSON object, and one protobuf message, of that size and prints the peak memory of each.
Two of three spans are calls with prompts; the others are plain HTTP spans. The bare decoders build no
rows, check nothing and report nothing.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from counting_sink import CountingSink

from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.connectors.requests import otlp_json, otlp_protobuf

GOAL = 30_000
PER_REQUEST = 500
RUNS = 5
START = 1_790_000_000 * 10**9
TEXT = "tell me something about rivers and mountains. " * 6


def attribute(key: str, value: str | int | float | list[str]) -> dict[str, object]:
    """One attribute of OTLP JSON."""
    if isinstance(value, bool):
        inner: dict[str, object] = {"boolValue": value}
    elif isinstance(value, int):
        inner = {"intValue": str(value)}
    elif isinstance(value, float):
        inner = {"doubleValue": value}
    elif isinstance(value, list):
        inner = {"arrayValue": {"values": [{"stringValue": text} for text in value]}}
    else:
        inner = {"stringValue": value}
    return {"key": key, "value": inner}


def call(number: int, draw: random.Random) -> dict[str, object]:
    """Attributes of a chat call by the conventions."""
    prompt = draw.randrange(100, 4000)
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.request.stream": True,
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.response.id": f"chatcmpl-{number:08d}",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.321,
        "gen_ai.usage.input_tokens": prompt,
        "gen_ai.usage.output_tokens": draw.randrange(1, 800),
        "gen_ai.usage.cache_read.input_tokens": draw.randrange(prompt),
        "gen_ai.conversation.id": f"conv-{number % 500}",
        "user.id": f"user-{number % 200}",
        "gen_ai.input.messages": f'[{{"role":"user","parts":[{{"content":"{TEXT}"}}]}}]',
        "gen_ai.output.messages": f'[{{"role":"assistant","parts":[{{"content":"{TEXT}"}}]}}]',
    }


HTTP = {
    "http.request.method": "POST",
    "url.path": "/v1/chat",
    "http.response.status_code": 200,
    "server.address": "gateway.internal",
    "server.port": 8080,
    "network.protocol.version": "1.1",
    "user_agent.original": "python-httpx/0.28.1",
    "http.route": "/v1/chat",
}


def span(number: int, draw: random.Random) -> dict[str, object]:
    """One span of OTLP JSON."""
    is_http = number % 3 == 0
    start = START + number * 10**6
    given = HTTP if is_http else call(number, draw)
    return {
        "traceId": f"{draw.getrandbits(128):032x}",
        "spanId": f"{draw.getrandbits(64):016x}",
        "parentSpanId": "" if is_http else f"{draw.getrandbits(64):016x}",
        "flags": 257,
        "name": "POST /v1/chat" if is_http else "chat gpt-4o-mini",
        "kind": 2 if is_http else 3,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 2 * 10**9),
        "attributes": [attribute(key, value) for key, value in given.items()],  # type: ignore[arg-type]
        "status": {},
    }


def resource_spans(first: int, count: int, draw: random.Random) -> dict[str, object]:
    """The spans of one service."""
    given = {"service.name": "chatbot", "tenant.id": "acme", "cloud.region": "eu-west-1"}
    scope = {"name": "opentelemetry.instrumentation.openai_v2", "version": "2.1"}
    spans = [span(number, draw) for number in range(first, first + count)]
    return {
        "resource": {"attributes": [attribute(key, value) for key, value in given.items()]},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }


def batches(spans: int) -> Iterator[dict[str, object]]:
    """Resource spans of PER_REQUEST spans each."""
    draw = random.Random(1)
    for first in range(0, spans, PER_REQUEST):
        yield resource_spans(first, min(PER_REQUEST, spans - first), draw)


# -- protobuf: the few fields above, written by hand ------------------------------------------------


def field(number: int, text: bytes) -> bytes:
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(text)) + text


def varint(value: int) -> bytes:
    """A number."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def pair(given: dict[str, dict[str, object]]) -> bytes:
    """A KeyValue message."""
    (kind, value), *_ = given["value"].items()
    if kind == "boolValue":
        inner = b"\x10" + varint(int(bool(value)))
    elif kind == "intValue":
        inner = b"\x18" + varint(int(str(value)))
    elif kind == "doubleValue":
        inner = b"\x21" + double(float(str(value)))
    elif kind == "arrayValue":
        texts = value["values"]  # type: ignore[index]
        inner = field(5, b"".join(field(1, field(1, t["stringValue"].encode())) for t in texts))
    else:
        inner = field(1, str(value).encode())
    return field(1, str(given["key"]).encode()) + field(2, inner)


def double(value: float) -> bytes:
    """Eight bytes, little-endian."""
    return struct.pack("<d", value)


def message(batch: dict[str, object]) -> bytes:
    """The request of one batch."""
    scope_spans = batch["scopeSpans"][0]  # type: ignore[index]
    spans = [
        field(1, bytes.fromhex(given["traceId"]))
        + field(2, bytes.fromhex(given["spanId"]))
        + field(4, bytes.fromhex(given["parentSpanId"]))
        + field(5, given["name"].encode())
        + b"\x30"
        + varint(given["kind"])
        + b"\x39"
        + int(given["startTimeUnixNano"]).to_bytes(8, "little")
        + b"\x41"
        + int(given["endTimeUnixNano"]).to_bytes(8, "little")
        + b"".join(field(9, pair(item)) for item in given["attributes"])
        for given in scope_spans["spans"]
    ]
    given_resource = b"".join(field(1, pair(i)) for i in batch["resource"]["attributes"])  # type: ignore[index]
    scope = field(1, scope_spans["scope"]["name"].encode())
    inner = field(1, scope) + b"".join(field(2, text) for text in spans)
    return field(1, field(1, given_resource) + field(2, inner))


# -- measuring -------------------------------------------------------------------------------------


def through(connector: Connector) -> Callable[[Path], None]:
    """Everything: rows, kinds, token classes, links, accounting."""

    def read(path: Path) -> None:
        sink = CountingSink(path.parent)
        connector.read(LandingFile(path, "requests/otlp/bench", "0" * 32), sink)
        assert sink.records == sink.expected

    return read


def in_msgspec(path: Path) -> None:
    """Every line decoded by msgspec."""
    with path.open("rb") as stream:
        for line in stream:
            msgspec.json.decode(line)


def in_json(path: Path) -> None:
    """Every line decoded by the standard library."""
    with path.open("rb") as stream:
        for line in stream:
            json.loads(line)


def rate_of(read: Callable[[Path], None], path: Path, spans: int) -> float:
    """Spans per CPU-second, the median of five."""
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        read(path)
        taken.append(time.process_time() - start)
    return spans / statistics.median(taken)


def write_large(folder: Path, size: int) -> tuple[Path, Path]:
    """One JSON object and one protobuf message of about that size."""
    texts = [json.dumps(batch, separators=(",", ":")).encode() for batch in batches(5_000)]
    messages = [message(batch) for batch in batches(5_000)]
    document, proto = folder / "large.json", folder / "large.binpb"
    with document.open("wb") as stream:
        stream.write(b'{"resourceSpans":[' + texts[0])
        while stream.tell() < size:
            for text in texts:
                stream.write(b"," + text)
        stream.write(b"]}")
    with proto.open("wb") as stream:
        while stream.tell() < size:
            stream.writelines(messages)
    return document, proto


def print_memory(path: Path) -> None:
    """Peak memory of a process that reads the file."""
    command = [sys.executable, __file__, "--peak", str(path)]
    print(f"{path.name:12} {path.stat().st_size / 1e6:,.0f} MB: ", end="", flush=True)
    subprocess.run(command, check=True)


def main() -> None:
    """Prints the rates, their ratios and, if asked, the peak memory."""
    if sys.argv[1:2] == ["--peak"]:
        path = Path(sys.argv[2])
        is_json = path.suffix == ".json"
        through(otlp_json.CONNECTOR if is_json else otlp_protobuf.CONNECTOR)(path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak {peak:,.0f} MiB, {time.process_time():.0f} CPU-seconds (goal below 1,536 MiB)")
        return
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, proto, document = (folder / f"bench.{end}" for end in ("jsonl", "binpb", "json"))
        with lines.open("w") as text, proto.open("wb") as binary:
            for batch in batches(spans):
                text.write(json.dumps({"resourceSpans": [batch]}, separators=(",", ":")) + "\n")
                binary.write(message(batch))
        document.write_text(json.dumps({"resourceSpans": list(batches(spans))}), encoding="utf-8")
        print(f"{spans:,} spans in {lines.stat().st_size / 1e6:.0f} MB")
        rates = {
            "connector, JSON lines": rate_of(through(otlp_json.CONNECTOR), lines, spans),
            "connector, one document": rate_of(through(otlp_json.CONNECTOR), document, spans),
            "connector, protobuf": rate_of(through(otlp_protobuf.CONNECTOR), proto, spans),
            "bare msgspec": rate_of(in_msgspec, lines, spans),
            "bare json": rate_of(in_json, lines, spans),
        }
        for what, rate in rates.items():
            ratio = rates["bare msgspec"] / rate
            print(f"{what:24} {rate:10,.0f} spans/CPU-s  {ratio:5.2f} x msgspec  (goal {GOAL:,})")
        size = int(os.environ.get("OTLP_MEMORY_BYTES", "0"))
        if size:
            for path in write_large(folder, size):
                print_memory(path)


if __name__ == "__main__":
    main()
