"""Entries of Amazon Bedrock's model invocation log (S3 or CloudWatch) as answers like all others. Pure.

What the emitter gets wrong: the counts stand beside the bodies, input without what was read from or
written to the cache; older entries tell of the cache only inside the answer's own usage. The model may be
an ARN. An entry that failed has an `errorCode` and no counts. There is no duration but in the last chunk
of a streamed answer. `region` is where the call went, `inferenceRegion` where another one answered it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenworks_sources.connectors.json.records import Record, at, inner, text_at
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.rows import Row

_CACHED = {
    "cacheReadInputTokenCount": ("cacheReadInputTokens", "cache_read_input_tokens"),
    "cacheWriteInputTokenCount": ("cacheWriteInputTokens", "cache_creation_input_tokens"),
}
_NAMED_BY = (":foundation-model/", ":inference-profile/")
_METRICS = "amazon-bedrock-invocationMetrics"


def is_entry(record: Record) -> bool:
    """Whether a record is one of the log."""
    return record.get("schemaType") == "ModelInvocationLog"


def as_answer(record: Record) -> Record:
    """The entry as an answer in an envelope (`answers.py`)."""
    said = at(record, "output", "outputBodyJson")
    bodies = [said] if isinstance(said, dict) else list(_objects(said))
    error = text_at(record, "errorCode")
    body: Record = {
        "id": text_at(record, "requestId"),
        "object": None,
        "stopReason": _found(bodies, "stopReason", "stop_reason"),
        "metrics": {"latencyMs": _milliseconds(bodies)},
    }
    if error is None:
        body["usage"] = _usage(record, bodies)
    else:
        body["error"] = {"code": error}
    operation = text_at(record, "operation") or ""
    return {
        "timestamp": record.get("timestamp"),
        "provider": "aws",
        "request": {
            "model": _model(text_at(record, "modelId")),
            "user": text_at(record, "identity", "arn"),
            "stream": "Stream" in operation if operation else None,
        },
        "response": body,
    }


def columns_of(record: Record) -> Row:
    """What an entry says that no other answer does."""
    region = text_at(record, "inferenceRegion") or text_at(record, "region")
    return {"region": json_fields.word(region)}


def _usage(record: Record, bodies: list[Record]) -> Record:
    given, usages = inner(record, "input"), [inner(body, "usage") for body in bodies]
    cached = {name: _found([given, *usages], name, *others) for name, others in _CACHED.items()}
    return {
        "inputTokenCount": given.get("inputTokenCount"),
        "outputTokenCount": at(record, "output", "outputTokenCount"),
        **cached,
    }


def _milliseconds(bodies: list[Record]) -> object:
    own = (at(body, "metrics", "latencyMs") for body in bodies)
    streamed = (at(body, _METRICS, "invocationLatency") for body in bodies)
    return next((value for value in (*own, *streamed) if value is not None), None)


def _found(records: Iterable[Record], *names: str) -> object:
    return next(
        (record[name] for record in records for name in names if record.get(name) is not None),
        None,
    )


def _objects(said: object) -> Iterable[Record]:
    return (chunk for chunk in said if isinstance(chunk, dict)) if isinstance(said, list) else ()


def _model(model: str | None) -> str | None:
    """The model's own name; that of an application's profile says nothing but its ARN."""
    if model and any(kind in model for kind in _NAMED_BY):
        return model.rpartition("/")[2]
    return model
