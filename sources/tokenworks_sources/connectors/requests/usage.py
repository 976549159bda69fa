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
- Portkey's gateway writes Anthropic's counts under Chat's names, the cached ones not in `prompt_tokens` but in
  the total, which therefore tells.
- The Codex CLI (`cached_input_tokens`) and LangChain (`input_token_details`) mean Chat's counts under
  Anthropic's names, Vercel's AI SDK (`cachedInputTokens`, `inputTokenDetails`) under Converse's. Before its sixth
  version the latter passed Anthropic's on as they are: more cached than input is beside it.
- Mistral's `num_cached_tokens` is what its engine found in its cache; it charges them in full, and
  says what it charges as cached in `prompt_tokens_details`. Only the latter is read.

A detail that is absent or null is unknown, not 0, but for Gemini's; a sum of parts counts the parts that are known.
Else totals of the emitter are not compared: Gemini's own differ by thoughts that it does not list.
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
from tokenworks_sources.connectors.requests.usage_fields import count, or_nothing
from tokenworks_sources.connectors.requests.usage_shapes import (
    ai_sdk,
    cohere,
    converse,
    gemini,
    interaction,
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


def _openai(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Chat completions, with what its imitators and LiteLLM add."""
    total = count(body, "prompt_tokens")
    output = count(body, "completion_tokens")
    reasoning = count(
        body,
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",
    )
    if output is not None and reasoning and _is_beside(body, total, output, reasoning, provider):
        output += reasoning
    return _with_cache(
        body,
        total,
        or_nothing(output, total, count(body, "total_tokens")),
        reasoning,
        is_beside=False,
    )


def _with_cache(
    body: Mapping[str, object],
    given: int | None,
    output: int | None,
    reasoning: int | None,
    *,
    is_beside: bool,
) -> TokenClasses:
    """What was cached, within the given input or beside it: as the keys say, or the total."""
    read = count(body, *_CACHE_READ)
    write, five_minutes, one_hour = _cache_write(body)
    cached = (read or 0) + max(write or 0, (five_minutes or 0) + (one_hour or 0))
    rest = (count(body, "total_tokens") or 0) - (given or 0) - (output or 0)
    if given is not None and (is_beside or rest == cached):
        given += cached
    return inclusive(
        input_total=given,
        cache_read=read,
        cache_write=write,
        cache_write_5m=five_minutes,
        cache_write_1h=one_hour,
        output_total=output,
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
    total = count(body, "total_tokens")
    if total is None:
        return (provider or "").lower().replace("-", "").replace("_", "") in ("xai", "perplexity")
    return total == (prompt or 0) + output + reasoning


def _responses_or_anthropic(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Both call them `input_tokens`; only Anthropic puts the cached ones beside."""
    given, total = count(body, "input_tokens"), count(body, "total_tokens")
    is_anthropic = any(key in body for key in _ANTHROPIC)
    return _with_cache(
        body,
        given,
        or_nothing(count(body, "output_tokens"), given, total),
        count(body, *_REASONING),
        is_beside=is_anthropic and not any(body.get(key) is not None for key in _NOT_ANTHROPIC),
    )


_ANTHROPIC = ("cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")
_NOT_ANTHROPIC = ("input_tokens_details", "input_token_details", "cached_input_tokens")
_REASONING = (
    "output_tokens_details.reasoning_tokens",
    "output_tokens_details.thinking_tokens",
    "output_token_details.reasoning",
    "reasoning_output_tokens",
)
_CACHE_READ = (
    "prompt_tokens_details.cached_tokens",
    "prompt_token_details.cached_tokens",  # so spelt in the runs of OpenAI's assistants
    "input_tokens_details.cached_tokens",
    "input_token_details.cached_tokens",  # so spelt by OpenAI's Realtime
    "input_token_details.cache_read",
    "cache_read_input_tokens",
    "cached_tokens",
    "cached_prompt_text_tokens",
    "cached_input_tokens",
    "prompt_cache_hit_tokens",
)
_DETAILS = "prompt_tokens_details"


def _cache_write(body: Mapping[str, object]) -> tuple[int | None, int | None, int | None]:
    """All that was written, and the parts that live 5 minutes and 1 hour."""
    ephemeral = (f"{{}}.ephemeral_{life}_input_tokens" for life in ("5m", "1h"))
    five_minutes, one_hour = (
        count(
            body,
            place.format("cache_creation"),
            place.format(f"{_DETAILS}.cache_creation_token_details"),
            place.format(f"{_DETAILS}.cache_creation"),
        )
        for place in ephemeral
    )
    total = count(
        body,
        f"{_DETAILS}.cache_creation_tokens",
        f"{_DETAILS}.cache_write_tokens",
        f"{_DETAILS}.cache_creation_input_tokens",
        "input_token_details.cache_creation",
        "input_tokens_details.cache_write_tokens",
        "cache_creation_input_tokens",
    )
    return total, five_minutes, one_hour


_Shape = Callable[[Mapping[str, object], str | None], TokenClasses]

# In this order: LiteLLM adds Anthropic's keys to Chat's, and their meaning is then Chat's.
_SHAPES: tuple[tuple[tuple[str, ...], _Shape], ...] = (
    (("prompt_tokens", "completion_tokens"), _openai),
    (("input_tokens", "output_tokens"), _responses_or_anthropic),
    (("promptTokenCount", "candidatesTokenCount", "totalTokenCount"), gemini),
    (("prompt_token_count", "candidates_token_count", "total_token_count"), gemini),
    (("total_input_tokens", "total_output_tokens"), interaction),
    (("cachedInputTokens", "inputTokenDetails", "outputTokenDetails"), ai_sdk),
    (("inputTokens", "outputTokens", "inputTokenCount", "outputTokenCount"), converse),
    (("tokens", "billed_units"), cohere),
)
