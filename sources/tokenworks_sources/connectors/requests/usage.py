"""Token classes: from what providers count to what the lake holds.

Belongs here: the one place that knows which count includes which. In the lake `input_total` includes
cache reads and writes, and `output_total` includes reasoning. What providers do:

- OpenAI Chat and Responses, and whoever copies them (Mistral, Groq, DeepSeek, OpenRouter, vLLM, ...):
  inclusive. LiteLLM inflates Anthropic's `prompt_tokens` to be inclusive too.
- Anthropic and Bedrock Converse: `input_tokens` excludes cache reads and writes. Server-side work of
  another kind (`iterations` of a compaction or an advisor) stands beside the counts and is not in them.
- Gemini: the prompt includes cached content; thoughts and tool-use prompts stand beside it. Its JSON leaves
  out what is 0, so a prompt without `cachedContentTokenCount` found nothing in the cache. Its Interactions
  count the same under other names (`total_input_tokens`, ...), and write the 0.
- xAI and Perplexity: reasoning stands beside the completion. For xAI the total tells; nothing else
  distinguishes it from OpenAI's.
- Cohere: `tokens` is what the model read, `billed_units` what is charged; cached tokens are part of
  the former alone, so that one is read where both stand.
- Mistral's `num_cached_tokens` is what its engine found in its cache; it charges them in full, and
  says what it charges as cached in `prompt_tokens_details`. Only the latter is read.

A detail that is absent or null is unknown, not 0, but for Gemini's; a sum of parts counts the parts that are known.
Totals of the emitter are not compared: Gemini's own differ by thoughts that it does not list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokenworks_sources.connectors.requests.token_classes import (
    TokenClasses,
    UsageError,
    exclusive,
    inclusive,
    whole_tokens,
)

__all__ = (
    "TokenClasses",
    "UsageError",
    "exclusive",
    "inclusive",
    "of_usage_body",
    "whole_tokens",
)


def of_usage_body(body: Mapping[str, object], *, provider: str | None = None) -> TokenClasses:
    """Classes of the usage object of a provider's answer, recognised by its keys.

    Args:
        body: `usage` of a Chat, Responses, Anthropic, Bedrock Converse or Cohere answer,
            `usageMetadata` of a Gemini one, `meta` of a Cohere embedding.
        provider: who answered, where the caller knows; decides only what the keys leave open.

    Raises:
        UsageError: the keys are of no known provider, or the counts are impossible.
    """
    for keys, classes in _SHAPES:
        if any(body.get(key) is not None for key in keys):
            return classes(body, provider)
    raise UsageError("usage: not a known shape")


def _count(body: Mapping[str, object], *places: str) -> int | None:
    """The largest of several places: an adapter fills one, and leaves 0 in another."""
    counts = [whole_tokens(_value(body, place), place) for place in places]
    return max((count for count in counts if count is not None), default=None)


def _value(body: Mapping[str, object], place: str) -> object:
    value: object = body
    for key in place.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise UsageError(f"{place}: not inside an object")
        value = value.get(key)
    return value


def _openai(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Chat completions, with what its imitators and LiteLLM add."""
    total = _count(body, "prompt_tokens")
    output = _count(body, "completion_tokens")
    reasoning = _count(
        body,
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",
    )
    if output is not None and reasoning and _is_beside(body, total, output, reasoning, provider):
        output += reasoning
    read = _count(body, *_CACHE_READ, "prompt_cache_hit_tokens")
    write, five_minutes, one_hour = _cache_write(body)
    return inclusive(
        input_total=total,
        cache_read=read,
        cache_write=write,
        cache_write_5m=five_minutes,
        cache_write_1h=one_hour,
        output_total=_or_nothing(output, total, _count(body, "total_tokens")),
        reasoning=reasoning,
    )


def _is_beside(
    body: Mapping[str, object],
    prompt: int | None,
    output: int,
    reasoning: int,
    provider: str | None,
) -> bool:
    """Whether reasoning is not part of the completion."""
    if "num_search_queries" in body or "citation_tokens" in body:
        return "reasoning_tokens" in body
    total = _count(body, "total_tokens")
    if total is None:
        return (provider or "").lower().replace("-", "").replace("_", "") in ("xai", "perplexity")
    return total == (prompt or 0) + output + reasoning


def _or_nothing(output: int | None, input_total: int | None, total: int | None) -> int | None:
    """No output where the total leaves no room for any; unknown where there is no total."""
    return 0 if output is None and total is not None and total == input_total else output


def _responses_or_anthropic(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Both call them `input_tokens`; only Anthropic puts the cached ones beside."""
    write, five_minutes, one_hour = _cache_write(body)
    read = _count(body, *_CACHE_READ)
    output = _count(body, "output_tokens")
    reasoning = _count(
        body, "output_tokens_details.reasoning_tokens", "output_tokens_details.thinking_tokens"
    )
    given = _count(body, "input_tokens")
    beside = body.get("input_tokens_details") is None and any(key in body for key in _ANTHROPIC)
    if beside:
        return exclusive(
            input_uncached=given,
            cache_read=read,
            cache_write=write,
            cache_write_5m=five_minutes,
            cache_write_1h=one_hour,
            output_total=output,
            reasoning=reasoning,
        )
    return inclusive(
        input_total=given,
        cache_read=read,
        cache_write=write,
        cache_write_5m=five_minutes,
        cache_write_1h=one_hour,
        output_total=_or_nothing(output, given, _count(body, "total_tokens")),
        reasoning=reasoning,
    )


_ANTHROPIC = ("cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")
_CACHE_READ = (
    "prompt_tokens_details.cached_tokens",
    "prompt_token_details.cached_tokens",  # so spelt in the runs of OpenAI's assistants
    "input_tokens_details.cached_tokens",
    "cache_read_input_tokens",
    "cached_tokens",
    "cached_prompt_text_tokens",
)
_DETAILS = "prompt_tokens_details"


def _cache_write(body: Mapping[str, object]) -> tuple[int | None, int | None, int | None]:
    """All that was written, and the parts that live 5 minutes and 1 hour."""
    ephemeral = (f"{{}}.ephemeral_{life}_input_tokens" for life in ("5m", "1h"))
    five_minutes, one_hour = (
        _count(
            body,
            place.format("cache_creation"),
            place.format(f"{_DETAILS}.cache_creation_token_details"),
        )
        for place in ephemeral
    )
    total = _count(
        body,
        f"{_DETAILS}.cache_creation_tokens",
        f"{_DETAILS}.cache_write_tokens",
        "input_tokens_details.cache_write_tokens",
        "cache_creation_input_tokens",
    )
    return total, five_minutes, one_hour


def _bedrock(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Converse, whose details of a write are a list."""
    lives: dict[object, int] = {}
    details = body.get("cacheDetails")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, Mapping):
            count = whole_tokens(detail.get("inputTokens"), "cacheDetails.inputTokens")
            life = str(detail.get("ttl"))
            lives[life] = lives.get(life, 0) + (count or 0)
    return exclusive(
        input_uncached=_count(body, "inputTokens", "inputTokenCount"),
        cache_read=_count(body, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        cache_write=_count(body, "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        cache_write_5m=lives.get("5m"),
        cache_write_1h=lives.get("1h"),
        output_total=_count(body, "outputTokens", "outputTokenCount"),
    )


def _gemini(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """`usageMetadata`, in the API's spelling or the SDK's; a count of 0 is left out of it."""
    prompt = _count(body, "promptTokenCount", "prompt_token_count")
    tools = _count(body, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    total = None if prompt is None and tools is None else (prompt or 0) + (tools or 0)
    answer = _count(
        body,
        "candidatesTokenCount",
        "candidates_token_count",
        "responseTokenCount",
        "response_token_count",
    )
    thoughts = _count(body, "thoughtsTokenCount", "thoughts_token_count")
    output = None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0)
    sum_of_all = _count(body, "totalTokenCount", "total_token_count")
    read = _count(body, "cachedContentTokenCount", "cached_content_token_count")
    return inclusive(
        input_total=total,
        cache_read=0 if read is None and total is not None else read,
        output_total=_or_nothing(output, total, sum_of_all),
        reasoning=thoughts,
    )


def _interaction(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Gemini's Interactions: tool-use prompts and thoughts stand beside input and output."""
    prompt, tools = _count(body, "total_input_tokens"), _count(body, "total_tool_use_tokens")
    answer, thoughts = _count(body, "total_output_tokens"), _count(body, "total_thought_tokens")
    return inclusive(
        input_total=None if prompt is None else prompt + (tools or 0),
        cache_read=_count(body, "total_cached_tokens"),
        output_total=None if answer is None else answer + (thoughts or 0),
        reasoning=thoughts,
    )


def _cohere(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    kind = "billed_units" if body.get("tokens") is None else "tokens"
    return inclusive(
        input_total=_count(body, f"{kind}.input_tokens"),
        cache_read=_count(body, "cached_tokens") if kind == "tokens" else None,
        output_total=_count(body, f"{kind}.output_tokens"),
    )


_Shape = Callable[[Mapping[str, object], str | None], TokenClasses]

# In this order: LiteLLM adds Anthropic's keys to Chat's, and their meaning is then Chat's.
_SHAPES: tuple[tuple[tuple[str, ...], _Shape], ...] = (
    (("prompt_tokens", "completion_tokens"), _openai),
    (("input_tokens", "output_tokens"), _responses_or_anthropic),
    (("promptTokenCount", "candidatesTokenCount", "totalTokenCount"), _gemini),
    (("prompt_token_count", "candidates_token_count", "total_token_count"), _gemini),
    (("total_input_tokens", "total_output_tokens"), _interaction),
    (("inputTokens", "outputTokens", "inputTokenCount", "outputTokenCount"), _bedrock),
    (("tokens", "billed_units"), _cohere),
)
