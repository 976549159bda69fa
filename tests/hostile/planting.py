"""Canaries planted in a good file, wherever its format can carry one. Pure: bytes to bytes.

`variants` yields whole records with words in all that the format does not name, with secrets in all
texts, with words where numbers and times belong, and files that end inside a canary.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.canaries import ALL_SECRETS, ALL_WORDS, WORDS

Leaf = Callable[[str, Any], Any]

# Names under which emitters carry texts. None of them is a value that any table keeps.
CARRIERS = (
    "prompt", "prompts", "messages", "message", "content", "input", "output", "response", "completion",
    "choices", "candidates", "text", "texts", "generated_text", "generated_texts", "body",
    "request_body", "response_body", "proxy_server_request", "arguments", "tool_calls",
    "tool_definitions", "system", "system_prompt", "system_instruction", "instructions", "error_str",
    "error_message", "error_information", "traceback", "stacktrace", "exception", "status_message",
    "statusMessage", "api_key_alias", "user_email", "user_api_key_user_email", "email", "customer_name",
    "requester_ip_address", "client_ip", "authorization", "headers", "comment", "notes",
    "input_texts", "model_parameters", "modelParameters", "raw_request", "raw_response",
)  # fmt: skip
EXTRA = "x_canary_field"
# What people name as they like: all of it is kept, as tags are.
TAGS = ("properties", "request_properties", "tags", "labels", "spend_logs_metadata")
# Beside the texts of an answer stand names that are kept.
NAMES = (
    "model",
    "id",
    "error_class",
    "finish_reason",
    "finishReason",
    "stop_reason",
    "type",
    "status",
)
_MEANT = re.compile(
    r"\s*[-+$]?[\d,]*\.?\d+([eE][-+]?\d+)?\s*(%|[A-Za-z]{1,3})?\s*|.*\d{1,4}[-/:]\d\d?[-/:]\d.*|"
    r"true|false|none|null|",
    re.IGNORECASE | re.DOTALL,
)


def variants(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of planted files; `name` tells the format by its suffix."""
    if b"canary" in data:
        yield "as made", data
        yield "as made-cut", data[: _inside(data)]
    form = _form_of(name, data)
    if form is None:
        return
    for kind, planted in _PLANTERS[form](data):
        yield kind, planted
        at = _inside(planted)
        if at is not None:
            yield f"{kind}-cut", planted[:at]


def _form_of(name: str, data: bytes) -> str | None:
    if b"\x00" in data:
        return "parquet" if data.startswith(b"PAR1") else None
    start = data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    if start in (b"{", b"["):
        return "json"
    if start == b"<":
        return "xml"
    if name.endswith((".yaml", ".yml")):
        return "yaml"
    first = next((line for line in data.splitlines() if line.strip() and line[:1] != b"#"), b"")
    if name.endswith((".prom", ".metrics")) or re.match(rb"[a-zA-Z_:]+\{", first):
        return "prometheus"
    return "csv"


def _inside(planted: bytes) -> int | None:
    """A place in the middle of the last canary that lies in the first half, else of the first one."""
    places = [found.start() for found in re.finditer(rb"canary(?:prompt|key)", planted)]
    early = [place for place in places if place < len(planted) / 2] or places[:1]
    return early[-1] + 14 if early else None


# -- JSON and JSON lines ---------------------------------------------------------------------------


def _json(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        documents, joint = [json.loads(data)], ""
    except ValueError:
        documents = [json.loads(line) for line in data.splitlines() if line.strip()]
        joint = "\n"
    for kind, change in (
        ("extra", _with_extra),
        ("secrets", _with_secrets),
        ("wrong", _with_wrong),
    ):
        yield kind, joint.join(json.dumps(change(item)) for item in documents).encode()
    yield (
        "garbled",
        b"\n".join((*data.splitlines()[:1], ALL_WORDS.encode(), b'{"prompt": "' + _BOTH)),
    )


_BOTH = f"{ALL_WORDS} {ALL_SECRETS}".encode()


def _walk(item: Any, leaf: Leaf, key: str = "") -> Any:
    if isinstance(item, dict):
        return {name: _walk(inner, leaf, name) for name, inner in item.items()}
    if isinstance(item, list):
        return [_walk(inner, leaf, key) for inner in item]
    return leaf(key, item)


def _with_extra(item: Any) -> Any:
    """Every object gets the carriers that it lacks, and those that it has hold canaries."""
    if isinstance(item, list):
        return [_with_extra(inner) for inner in item]
    if not isinstance(item, dict):
        return item
    kept = {
        name: inner if name in TAGS else _carried(inner) if name in CARRIERS else _with_extra(inner)
        for name, inner in item.items()
    }
    # An object of numbers alone is counted key by key, and another name in it is another count.
    if not kept or all(isinstance(inner, int | float) for inner in kept.values()):
        return kept
    fresh = {f"{EXTRA}_{number}": text for number, text in enumerate(WORDS.values())}
    return {**kept, **fresh, f"{EXTRA}_all": {"arguments": json.dumps({"to": ALL_WORDS})}}


def _carried(value: Any) -> Any:
    """A carrier's value of the same kind with canaries; what is no text keeps its shape."""

    def leaf(key: str, text: Any) -> Any:
        return _BOTH.decode() if isinstance(text, str) and key not in NAMES else text

    return _walk(value, leaf)


def _with_secrets(item: Any) -> Any:
    def leaf(_: str, value: Any) -> Any:
        if not isinstance(value, str) or _MEANT.fullmatch(value):
            return value
        return f"{value} {ALL_SECRETS}"

    return _walk(item, leaf)


def _with_wrong(item: Any) -> Any:
    def leaf(_: str, value: Any) -> Any:
        meant = isinstance(value, str) and value and _MEANT.fullmatch(value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return _BOTH.decode() if meant or number else value

    return _walk(item, leaf)


# -- CSV -------------------------------------------------------------------------------------------


def _csv(data: bytes) -> Iterator[tuple[str, bytes]]:
    lines = data.decode("utf-8-sig", "replace").splitlines()
    rows = list(csv.reader(lines))
    head = _header_of(rows)
    body = rows[head + 1 :] or [rows[head]]
    top = rows[: head + 1]
    extra = [top[head] + list(WORDS), *(row + list(WORDS.values()) for row in body)]
    yield "extra", _written(rows[:head] + extra)
    secrets = [
        [cell if _MEANT.fullmatch(cell) else f"{cell} {ALL_SECRETS}" for cell in row]
        for row in body
    ]
    yield "secrets", _written(top + secrets)
    wrong = []
    for place in range(len(top[head])):
        row = list(body[place % len(body)])
        # A version looks like a number and is a text.
        if "version" in top[head][place]:
            continue
        if place < len(row) and row[place] and _MEANT.fullmatch(row[place]):
            row[place] = _BOTH.decode()
            wrong.append(row)
    yield "wrong", _written([*top, *wrong])
    yield "garbled", _written(top) + b'"' + _BOTH + b"\n" + _BOTH.replace(b" ", b",") + b"\n"
    yield "preamble", b"# " + _BOTH + b"\n" + data


# -- Parquet ---------------------------------------------------------------------------------------


def _parquet(data: bytes) -> Iterator[tuple[str, bytes]]:
    table = pq.read_table(io.BytesIO(data))
    texts = [name for name in table.column_names if table.schema.field(name).type == pa.string()]
    extra = table
    for name, word in WORDS.items():
        extra = extra.append_column(name, pa.array([word] * table.num_rows))
    yield "extra", _table_written(extra.replace_schema_metadata({"note": _BOTH}))
    secrets, wrong = table, []
    for name in texts:
        cells = table[name].to_pylist()
        place = table.column_names.index(name)
        meant = [cell is None or bool(_MEANT.fullmatch(cell)) for cell in cells]
        told = [
            cell if is_meant else f"{cell} {ALL_SECRETS}"
            for cell, is_meant in zip(cells, meant, strict=True)
        ]
        secrets = secrets.set_column(place, name, pa.array(told, pa.string()))
        if cells[0] and meant[0] and "version" not in name:
            broken = pa.array([_BOTH.decode()] * table.num_rows)
            wrong.append(table.set_column(place, name, broken).slice(0, 1))
    yield "secrets", _table_written(secrets)
    if wrong:
        yield "wrong", _table_written(pa.concat_tables(wrong))
    yield "garbled", data[: len(data) // 2] + _BOTH + data[len(data) // 2 :]


def _table_written(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="none")
    return out.getvalue()


def _header_of(rows: list[list[str]]) -> int:
    """The first row as wide as the widest; a file may begin with a preamble."""
    widest = max(map(len, rows), default=0)
    return next((place for place, row in enumerate(rows) if len(row) == widest), 0)


def _written(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


# -- XML -------------------------------------------------------------------------------------------


def _xml(data: bytes) -> Iterator[tuple[str, bytes]]:
    comment = b"<!-- " + _BOTH + b" -->"
    extra = re.sub(
        rb"(</[\w:.-]+>)(?=\s*</)",
        lambda m: m[0] + b"<xnote>" + _BOTH + b"</xnote>" + comment,
        data,
    )
    yield "extra", extra
    free = re.compile(rb">(\s*[A-Za-z][^<>]{2,}?)<")
    secrets = ALL_SECRETS.encode()
    yield "secrets", free.sub(lambda m: b">" + m[1] + b" " + secrets + b"<", data)
    # A version looks like a number and is a text.
    numbers = re.compile(rb"(?<!version)>\s*-?[\d.]+\s*<")
    yield "wrong", numbers.sub(b">" + _BOTH + b"<", data)
    for number, found in enumerate(list(numbers.finditer(data))[:8]):
        broken = data[: found.start()] + b">" + _BOTH + b"<" + data[found.end() :]
        yield f"wrong{number}", broken
    yield "garbled", data[: len(data) // 2] + b"<" + _BOTH + b" &canaryprompt; " + _BOTH


# -- Prometheus text -------------------------------------------------------------------------------


def _prometheus(data: bytes) -> Iterator[tuple[str, bytes]]:
    label = b'user="' + _BOTH + b'",prompt="' + ALL_WORDS.encode() + b'"'
    extra = re.sub(rb"\{(?=[a-zA-Z_])", b"{" + label + b",", data)
    yield "extra", b"# HELP note " + _BOTH + b"\n" + extra
    value = re.compile(rb'="([^"]*[A-Za-z][^"]*)"')
    secrets = ALL_SECRETS.encode()
    yield "secrets", value.sub(lambda m: b'="' + m[1] + b" " + secrets + b'"', data)
    number = re.compile(rb"(?m)^([^#\n]*?[}\w]) (-?[\d.]+(?:e[-+]?\d+)?)")
    yield "wrong", number.sub(lambda m: m[1] + b" " + _BOTH, data)
    yield "garbled", data + b'\nvllm:canary{model_name="' + _BOTH + b"\n" + _BOTH + b" 1\n"


# -- YAML ------------------------------------------------------------------------------------------


def _yaml(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "extra", b"# " + _BOTH + b"\n" + re.sub(rb"(?m)$", b"  # " + _BOTH, data)
    yield "unknown", data + b"\ncanary_notes: '" + _BOTH + b"'\n"
    wrong = re.compile(rb"(?m): (\d+(?:\.\d+)?)(?=[,}\n])")
    yield "wrong", wrong.sub(b": '" + _BOTH + b"'", data, count=1)
    yield "garbled", data + b"\n\t- {" + _BOTH + b"\n"


_PLANTERS: dict[str, Callable[[bytes], Iterator[tuple[str, bytes]]]] = {
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
    "xml": _xml,
    "prometheus": _prometheus,
    "yaml": _yaml,
}

# One small file of each form that none of the connectors knows, for refusals.
STRANGERS = {
    "object.json": json.dumps({"prompt": ALL_WORDS, "data": [{"content": ALL_SECRETS}]}).encode(),
    "list.json": json.dumps([{"messages": [{"content": ALL_WORDS}], "key": ALL_SECRETS}]).encode(),
    "lines.jsonl": b'{"input": "' + _BOTH + b'"}\n{"input": "' + _BOTH + b"\n",
    "table.csv": b"when,prompt,who\n2026-10-19," + _BOTH + b",x\n" + _BOTH + b',"' + _BOTH + b"\n",
    "feed.xml": b"<feed note='" + _BOTH + b"'><entry>" + _BOTH + b"</entri></feed>",
    "scrape.prom": b'canary{user="' + _BOTH + b'"} ' + _BOTH + b"\n" + _BOTH,
    "notes.yaml": b"canary: '" + _BOTH + b"'\nbroken: [" + _BOTH + b"\n",
    "blob.bin": b"\x00\x01\xff" + _BOTH + b"\x00" * 40,
}
