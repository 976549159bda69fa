"""What some emitters write in a way of their own, put under the fields that all others share.

Pure. Belongs here: names that mean what they say in one emitter only, and counts inside a JSON text.

- Claude Code names its counts `input_tokens`, `cache_read_tokens`, … without a prefix, and its input is
  Anthropic's: without what was read from or written to the cache.
- Semantic Kernel's first operations were called as OpenAI's paths are.
- MLflow writes every value as JSON in a text, its usage as an object.
- LangSmith puts the parts of input and output into JSON texts, as LangChain calls them; its input
  includes them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenworks_sources.connectors.requests.genai_attributes import Fields

CLAUDE_CODE = "claude_code.llm_request"
_LANGCHAIN = {
    "input_details": {
        "cache_read": "cache_read_tokens",
        "cache_creation": "cache_write_tokens",
        "ephemeral_5m_input_tokens": "cache_write_5m_tokens",
        "ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    },
    "output_details": {"reasoning": "reasoning_tokens"},
}
_BARE = "bare_"
_MLFLOW_USAGE = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}
# MLflow's types of spans that OpenInference calls otherwise.
_MLFLOW_TYPES = {"chat_model": "llm"}
_OPERATIONS = {"chat.completions": "chat", "text.completions": "text_completion"}


def settle(name: str, fields: Fields) -> None:
    """Renames, in place, what this span's emitter calls otherwise; what is already there stays."""
    if name == CLAUDE_CODE:
        for field in [field for field in fields if field.startswith(_BARE)]:
            fields.setdefault(field.removeprefix(_BARE), fields[field])
        fields["excludes_cached"] = True
    if "mlflow_type" in fields:
        _mlflow(fields)
    operation = fields.get("operation")
    if isinstance(operation, str) and operation in _OPERATIONS:
        fields["operation"] = _OPERATIONS[operation]
    for details, parts in _LANGCHAIN.items():
        if details in fields:
            _take(fields, fields[details], parts)


def _mlflow(fields: Fields) -> None:
    kind = _decoded(fields["mlflow_type"])
    if isinstance(kind, str) and kind.lower() != "unknown":
        kind = kind.lower()
        fields.setdefault("openinference_kind", _MLFLOW_TYPES.get(kind, kind))
        if kind == "chat_model":
            fields.setdefault("operation", "chat")
    for ours, theirs in (("model", "mlflow_model"), ("provider", "mlflow_provider")):
        if theirs in fields:
            fields.setdefault(ours, _decoded(fields[theirs]))
    _take(fields, fields.get("mlflow_usage"), _MLFLOW_USAGE)


def _take(fields: Fields, given: object, parts: Mapping[str, str]) -> None:
    """Counts of an object, under the fields that they fill."""
    counts = _decoded(given)
    for part, value in counts.items() if isinstance(counts, Mapping) else ():
        if part in parts and value is not None:
            fields.setdefault(parts[part], value)


def _decoded(value: object) -> object:
    """What a JSON text says; itself where it is none."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
