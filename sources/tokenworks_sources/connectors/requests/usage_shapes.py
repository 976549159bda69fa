"""Usage objects of their own shape: Bedrock, Gemini, Cohere, the AI SDK. What they mean stands in `usage.py`."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworks_sources.connectors.requests.token_classes import (
    TokenClasses,
    exclusive,
    inclusive,
    whole_tokens,
)
from tokenworks_sources.connectors.requests.usage_fields import count, or_nothing


def ai_sdk(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Vercel's AI SDK; from its sixth version on the parts stand in objects beside."""
    given, output = count(body, "inputTokens"), count(body, "outputTokens")
    read = count(body, "inputTokenDetails.cacheReadTokens", "cachedInputTokens")
    is_beside = given is not None and read is not None and read > given
    return inclusive(
        input_total=(given or 0) + (read or 0) if is_beside else given,
        cache_read=read,
        cache_write=count(body, "inputTokenDetails.cacheWriteTokens"),
        output_total=or_nothing(output, given, count(body, "totalTokens")),
        reasoning=count(body, "outputTokenDetails.reasoningTokens", "reasoningTokens"),
    )


def converse(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Bedrock's, or the AI SDK's under the same names: `inputTokens` is then an object of parts."""
    if not isinstance(body.get("inputTokens"), Mapping):
        return bedrock(body, provider)
    return inclusive(
        input_total=count(body, "inputTokens.total"),
        cache_read=count(body, "inputTokens.cacheRead"),
        cache_write=count(body, "inputTokens.cacheWrite"),
        output_total=count(body, "outputTokens.total"),
        reasoning=count(body, "outputTokens.reasoning"),
    )


def bedrock(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Converse, whose details of a write are a list."""
    lives: dict[object, int] = {}
    details = body.get("cacheDetails")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, Mapping):
            written = whole_tokens(detail.get("inputTokens"), "cacheDetails.inputTokens")
            life = str(detail.get("ttl"))
            lives[life] = lives.get(life, 0) + (written or 0)
    return exclusive(
        input_uncached=count(body, "inputTokens", "inputTokenCount"),
        cache_read=count(body, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        cache_write=count(body, "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        cache_write_5m=lives.get("5m"),
        cache_write_1h=lives.get("1h"),
        output_total=count(body, "outputTokens", "outputTokenCount"),
    )


def gemini(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """`usageMetadata`, in the API's spelling or the SDK's; a count of 0 is left out of it."""
    prompt = count(body, "promptTokenCount", "prompt_token_count")
    tools = count(body, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    total = None if prompt is None and tools is None else (prompt or 0) + (tools or 0)
    answer = count(
        body,
        "candidatesTokenCount",
        "candidates_token_count",
        "responseTokenCount",
        "response_token_count",
    )
    thoughts = count(body, "thoughtsTokenCount", "thoughts_token_count")
    output = None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0)
    sum_of_all = count(body, "totalTokenCount", "total_token_count")
    read = count(body, "cachedContentTokenCount", "cached_content_token_count")
    return inclusive(
        input_total=total,
        cache_read=0 if read is None and total is not None else read,
        output_total=or_nothing(output, total, sum_of_all),
        reasoning=thoughts,
    )


def interaction(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """Gemini's Interactions: tool-use prompts and thoughts stand beside input and output."""
    prompt, tools = count(body, "total_input_tokens"), count(body, "total_tool_use_tokens")
    answer, thoughts = count(body, "total_output_tokens"), count(body, "total_thought_tokens")
    return inclusive(
        input_total=None if prompt is None else prompt + (tools or 0),
        cache_read=count(body, "total_cached_tokens"),
        output_total=None if answer is None else answer + (thoughts or 0),
        reasoning=thoughts,
    )


def cohere(body: Mapping[str, object], provider: str | None) -> TokenClasses:
    """What the model read where that is told, else what is charged."""
    kind = "billed_units" if body.get("tokens") is None else "tokens"
    return inclusive(
        input_total=count(body, f"{kind}.input_tokens"),
        cache_read=count(body, "cached_tokens") if kind == "tokens" else None,
        output_total=count(body, f"{kind}.output_tokens"),
    )
