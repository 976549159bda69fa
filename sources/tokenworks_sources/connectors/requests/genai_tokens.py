"""Token classes of a GenAI span: which count includes which.

Pure. The conventions say that input includes cached tokens and output includes reasoning, and most
emitters do so; the others are told apart by the numbers, never by the name of the provider alone:

- Input below cache read + write can only exclude them (Bedrock and Anthropic usage copied as it came:
  3 input beside 13,216 read and 25 written are 13,244).
- Where the span has a total that exactly one reading adds up to, that reading holds (input 5, read
  128,955, write 1,253 with a total of 130,213 + output).
- Vercel's AI SDK passes the provider's own usage in `ai.response.providerMetadata`; its Anthropic part
  says what each count is, whatever the version wrote beside it. AI SDK 5 without it copies the
  exclusive input of Anthropic and Bedrock (no `inputTokenDetails`, which SDK 6 added with the
  inclusive count).
- Claude Code copies Anthropic's input too.
- Reasoning above output stands beside it (Gemini's thoughts), likewise where only that adds up.
- What is left is ambiguous and read by the conventions.

An attribute that is absent or null is unknown, not 0; `NaN` is how the AI SDK writes unknown.
"""

from __future__ import annotations

import msgspec

from tokenworks_sources.connectors.requests.genai_attributes import Fields
from tokenworks_sources.connectors.requests.usage import (
    TokenClasses,
    exclusive,
    inclusive,
    of_usage_body,
    whole_tokens,
)

_EXCLUSIVE_PROVIDERS = ("anthropic", "amazon-bedrock", "bedrock")
# 18 digits fit 64 bits.
_SAFE_DIGITS = 18


def count(fields: Fields, field: str) -> int | None:
    """A token count; None where it is unknown.

    Raises:
        UsageError: it is no count.
    """
    value = fields.get(field)
    if value is None:
        return None
    if type(value) is str and len(value) <= _SAFE_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    return whole_tokens(value, field)


def classes_of(fields: Fields) -> TokenClasses:
    """The lake's token classes.

    Raises:
        UsageError: a count is none, or the counts are impossible under every reading.
    """
    given, output = count(fields, "input_tokens"), count(fields, "output_tokens")
    reasoning = count(fields, "reasoning_tokens")
    own = _anthropic_usage(fields.get("vercel_metadata"))
    if own is not None:
        return inclusive(
            input_total=own.input_total,
            cache_read=own.input_cache_read,
            cache_write=own.input_cache_write,
            cache_write_5m=own.input_cache_write_5m,
            cache_write_1h=own.input_cache_write_1h,
            output_total=output,
            reasoning=reasoning,
        )
    detailed = count(fields, "detailed_cache_read_tokens")
    read = count(fields, "cache_read_tokens") if detailed is None else detailed
    write = count(fields, "cache_write_tokens")
    write_5m = count(fields, "cache_write_5m_tokens")
    write_1h = count(fields, "cache_write_1h_tokens")
    cached = (read or 0) + max(write or 0, (write_5m or 0) + (write_1h or 0))
    is_beside, is_reasoning_beside = (
        _reading(fields, given or 0, cached, output or 0, reasoning or 0)
        if cached or reasoning
        else (False, False)
    )
    if is_reasoning_beside and output is not None:
        output += reasoning or 0
    if is_beside and given is not None:
        return exclusive(
            input_uncached=given,
            cache_read=read,
            cache_write=write,
            cache_write_5m=write_5m,
            cache_write_1h=write_1h,
            output_total=output,
            reasoning=reasoning,
        )
    return inclusive(
        input_total=given,
        cache_read=read,
        cache_write=write,
        cache_write_5m=write_5m,
        cache_write_1h=write_1h,
        output_total=output,
        reasoning=reasoning,
    )


def _reading(
    fields: Fields, given: int, cached: int, output: int, reasoning: int
) -> tuple[bool, bool]:
    """Whether cached tokens stand beside the input, and reasoning beside the output."""
    must = (given < cached, reasoning > output)
    total = count(fields, "total_tokens")
    readings = [
        (is_beside, is_reasoning_beside)
        for is_beside in (False, True)
        for is_reasoning_beside in (False, True)
        if is_beside >= must[0] and is_reasoning_beside >= must[1]
        if given + is_beside * cached + output + is_reasoning_beside * reasoning == total
    ]
    if readings:
        return readings[0]
    return must[0] or (cached > 0 and _copies_exclusive_input(fields)), must[1]


def _copies_exclusive_input(fields: Fields) -> bool:
    """Claude Code; AI SDK 5 on Anthropic or Bedrock."""
    provider = fields.get("provider")
    return "excludes_cached" in fields or (
        "vercel_operation" in fields
        and "detailed_cache_read_tokens" not in fields
        and isinstance(provider, str)
        and provider.startswith(_EXCLUSIVE_PROVIDERS)
    )


def _anthropic_usage(metadata: object) -> TokenClasses | None:
    """Input classes of `anthropic.usage` in the provider's metadata, where it counts input."""
    if not isinstance(metadata, str) or '"anthropic"' not in metadata:
        return None
    try:
        usage = msgspec.json.decode(metadata)["anthropic"]["usage"]
    except (msgspec.DecodeError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(usage, dict) or usage.get("input_tokens") is None:
        return None
    # While streaming, its output is that of the first event.
    usage = {name: value for name, value in usage.items() if name != "output_tokens"}
    return of_usage_body(usage, provider="anthropic")
