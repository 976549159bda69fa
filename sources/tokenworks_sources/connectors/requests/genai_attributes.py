"""Names of the GenAI span attributes in every dialect.

Belongs here: which names mean the same field, first the one that wins. What the values mean belongs to
`genai_tokens.py` and `genai_spans.py`. An attribute that is not here (prompts, answers, tool arguments,
headers, error texts) is never decoded by any reader.

Dialects: OpenTelemetry semantic conventions up to 1.36 (`gen_ai.system`, prompt and completion tokens),
1.37 to 1.41 and the drafts after; OpenLLMetry (`llm.usage.*`, `traceloop.*`); OpenInference (`llm.*`);
Vercel's AI SDK 4 to 6 (`ai.*`); Pydantic AI (`gen_ai.usage.details.*`); LiteLLM 1 and 2
(`metadata.user_api_key_*`, `litellm.*`); vLLM (`gen_ai.latency.*`); Semantic Kernel's first
(`gen_ai.response.prompt_tokens`); Claude Code (names without a prefix); Langfuse's, LangSmith's,
MLflow's and Strands' names.
"""

from __future__ import annotations

from collections.abc import Mapping

# Field to value, as the readers hand a span or resource over; absent is unknown.
Fields = dict[str, object]


def _usage(*names: str) -> tuple[str, ...]:
    return tuple(f"gen_ai.usage.{name}" for name in names)


def _litellm(name: str) -> tuple[str, str]:
    """An entry of LiteLLM's metadata, as versions 1 and 2 of its callback name it."""
    return f"metadata.{name}", f"litellm.metadata.{name}"


TOKENS: Mapping[str, tuple[str, ...]] = {
    "input_tokens": (
        *_usage("input_tokens", "prompt_tokens"),
        "gen_ai.response.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "output_tokens": (
        *_usage("output_tokens", "completion_tokens"),
        "gen_ai.response.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "total_tokens": (
        *_usage("total_tokens"),
        "llm.usage.total_tokens",
        "llm.token_count.total",
        "ai.usage.totalTokens",
    ),
    "cache_read_tokens": (
        *_usage(
            "cache_read.input_tokens",
            "cache_read_input_tokens",
            "cache_read_tokens",
            "details.cache_read_tokens",
            "details.cache_read_input_tokens",
            "details.cached_tokens",
            "prompt_details.cache_read",
            "prompt_tokens_details.cached_tokens",
            "input_cached_tokens",
            "cached_tokens",
        ),
        "llm.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.cachedInputTokens",
    ),
    # Only AI SDK 6 has it, and with it an inclusive input.
    "detailed_cache_read_tokens": ("ai.usage.inputTokenDetails.cacheReadTokens",),
    "cache_write_tokens": (
        *_usage(
            "cache_creation.input_tokens",
            "cache_write.input_tokens",
            "cache_creation_input_tokens",
            "cache_write_input_tokens",
            "cache_creation_tokens",
            "cache_write_tokens",
            "details.cache_write_tokens",
            "details.cache_creation_input_tokens",
            "prompt_details.cache_write",
            "input_cache_creation",
        ),
        "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "cache_write_5m_tokens": _usage(
        "cache_creation_5m_tokens",
        "cache_creation.ephemeral_5m_input_tokens",
        "input_cache_creation_5m",
    ),
    "cache_write_1h_tokens": _usage(
        "cache_creation_1h_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
        "input_cache_creation_1h",
    ),
    "reasoning_tokens": (
        *_usage(
            "reasoning.output_tokens",
            "reasoning_tokens",
            "reasoning_output_tokens",
            "thinking_tokens",
            "completion_details.reasoning",
            "completion_tokens_details.reasoning_tokens",
            "details.reasoning_tokens",
            "details.thoughts_tokens",
        ),
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
    ),
}

_CALL: Mapping[str, tuple[str, ...]] = {
    "operation": ("gen_ai.operation.name",),
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "ai.model.provider",
    ),
    "model_requested": (
        "litellm.model_group",
        "gen_ai.request.model",
        "llm.request.model_name",
        "ai.model.id",
        "langfuse.observation.model.name",
    ),
    "model_served": (
        "gen_ai.response.model",
        "llm.response.model_name",
        "ai.response.model",
        "llm.response.model",
    ),
    # OpenInference had one name for the model asked and the model served, and one for embeddings.
    "model": ("llm.model_name", "embedding.model_name"),
    "response_id": ("gen_ai.response.id", "ai.response.id", "gen_ai.request.id"),
    "finish_reason": (
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "ai.response.finishReason",
        "llm.finish_reason",
        "llm.response.finish_reason",
        "gen_ai.completion.0.finish_reason",
    ),
    "is_streaming": (
        "gen_ai.request.stream",
        "llm.is_streaming",
        "gen_ai.request.is_stream",
    ),
    "error_type": ("error.type", "exception.type"),
    "server_address": ("server.address",),
    "server_port": ("server.port", "net.peer.port"),
    "peer_name": ("net.peer.name",),
    "cost": (
        "gen_ai.usage.cost",
        "gen_ai.usage.cost.amount",
        "gen_ai.usage.cost_usd",
        "gen_ai.cost.total_cost",
        "llm.cost.total",
        "operation.cost",
    ),
    "cost_currency": ("gen_ai.usage.cost.currency",),
    "first_token_seconds": (
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.latency.time_to_first_token",
        "gen_ai.server.time_to_first_token",
    ),
    "first_token_milliseconds": ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"),
    "queue_seconds": ("gen_ai.latency.time_in_queue",),
    "prefill_seconds": ("gen_ai.latency.time_in_model_prefill",),
    "decode_seconds": ("gen_ai.latency.time_in_model_decode",),
    "e2e_seconds": ("gen_ai.latency.e2e",),
    # No convention has a router's chances; its evaluations are events, and on the span where it is one.
    "routing_propensity": ("tokenworks.routing_propensity", *_litellm("routing_propensity")),
    "quality_score": ("gen_ai.evaluation.score.value", "tokenworks.quality_score"),
    # JSON texts of which single numbers and ids are read.
    "vercel_metadata": ("ai.response.providerMetadata",),
    "input_details": _usage("input_token_details"),
    "output_details": _usage("output_token_details"),
    "litellm_hidden": ("hidden_params",),
}

# Names so bare that they count in the spans of one emitter only (`genai_dialects.py`).
_BARE: Mapping[str, tuple[str, ...]] = {
    "bare_input_tokens": ("input_tokens",),
    "bare_output_tokens": ("output_tokens",),
    "bare_cache_read_tokens": ("cache_read_tokens",),
    "bare_cache_write_tokens": ("cache_creation_tokens",),
    "bare_first_token_milliseconds": ("ttft_ms",),
    "bare_model": ("model",),
    "bare_response_id": ("request_id",),
    "bare_finish_reason": ("stop_reason",),
}

# MLflow writes every value as JSON in a text.
_MLFLOW: Mapping[str, tuple[str, ...]] = {
    "mlflow_type": ("mlflow.spanType",),
    "mlflow_usage": ("mlflow.chat.tokenUsage",),
    "mlflow_model": ("mlflow.llm.model",),
    "mlflow_provider": ("mlflow.llm.provider",),
}

# What a span is.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "openinference_kind": ("openinference.span.kind",),
    "traceloop_kind": ("traceloop.span.kind",),
    "traceloop_request": ("llm.request.type",),
    "langfuse_type": ("langfuse.observation.type",),
    "vercel_operation": ("ai.operationId",),
    "agent_name": ("gen_ai.agent.name", "agent_name"),
}

# Who asked: of a span, or of a whole resource.
_WHO: Mapping[str, tuple[str, ...]] = {
    "session": (
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
        "ai.telemetry.metadata.sessionId",
    ),
    "user": (
        *_litellm("user_api_key_end_user_id"),
        *_litellm("user_api_key_user_id"),
        "user.id",
        "enduser.id",
        "langfuse.user.id",
        "traceloop.association.properties.user_id",
        "ai.telemetry.metadata.userId",
        "gen_ai.user",
        "llm.user",
    ),
    "api_key": (*_litellm("user_api_key_hash"), "litellm.api_key.hash"),
    "tenant": (
        "tenant.id",
        "tenant_id",
        "traceloop.association.properties.tenant_id",
        *_litellm("user_api_key_org_id"),
    ),
    "team": ("team.id",),
    "litellm_team": (*_litellm("user_api_key_team_id"), "litellm.team.id"),
}

_RESOURCE: Mapping[str, tuple[str, ...]] = {
    "service": ("service.name",),
    "instance": ("service.instance.id",),
    "region": ("cloud.region",),
}

# Name of an attribute to its field and its rank among the names of that field.
Places = dict[str, tuple[str, int]]


def _places(*tables: Mapping[str, tuple[str, ...]]) -> Places:
    return {
        name: (field, rank)
        for table in tables
        for field, names in table.items()
        for rank, name in enumerate(names)
    }


SPAN: Places = _places(TOKENS, _CALL, _BARE, _MLFLOW, _KINDS, _WHO)
RESOURCE: Places = _places(_RESOURCE, _WHO)
# Of an event named `exception`.
EXCEPTION: Places = {"exception.type": SPAN["exception.type"]}

# Events that mark the first token: OpenInference, OpenLLMetry, Vercel's AI SDK.
FIRST_TOKEN_EVENTS = frozenset(
    {"First Token Stream Event", "llm.content.completion.chunk", "ai.stream.firstChunk"}
)
