"""What some emitters write in a way of their own, put under the fields that all others share.

Pure. Belongs here: names that mean what they say in one emitter only, and counts inside a JSON text.

- Claude Code names its counts `input_tokens`, `cache_read_tokens`, … without a prefix, and its input is
  Anthropic's: without what was read from or written to the cache.
- Semantic Kernel's first operations were called as OpenAI's paths are.
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
_OPERATIONS = {"chat.completions": "chat", "text.completions": "text_completion"}


def settle(name: str, fields: Fields) -> None:
    """Renames, in place, what this span's emitter calls otherwise; what is already there stays."""
    if name == CLAUDE_CODE:
        for field in [field for field in fields if field.startswith(_BARE)]:
            fields.setdefault(field.removeprefix(_BARE), fields[field])
        fields["excludes_cached"] = True
    operation = fields.get("operation")
    if isinstance(operation, str) and operation in _OPERATIONS:
        fields["operation"] = _OPERATIONS[operation]
    for details, parts in _LANGCHAIN.items():
        if details in fields:
            for part, value in _counts(fields[details]).items():
                if part in parts and value is not None:
                    fields.setdefault(parts[part], value)


def _counts(details: object) -> Mapping[str, object]:
    """The object in a JSON text; nothing where it is none."""
    if isinstance(details, str):
        try:
            details = msgspec.json.decode(details)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return details if isinstance(details, Mapping) else {}
