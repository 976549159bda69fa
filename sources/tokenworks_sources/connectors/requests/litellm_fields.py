"""The fields of a LiteLLM spend log that are read, and where `metadata` keeps what.

Belongs here: names only. What becomes of them belongs to `litellm_sql.py`.
"""

from __future__ import annotations

# Fields that hold text, answers or addresses (messages, response, proxy_server_request,
# requester_ip_address) are not listed and so never read.
FIELDS = (
    "request_id",
    "call_type",
    "api_key",
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "request_duration_ms",
    "model",
    "model_id",
    "model_group",
    "custom_llm_provider",
    "api_base",
    "user",
    "end_user",
    "metadata",
    "cache_hit",
    "request_tags",
    "team_id",
    "organization_id",
    "session_id",
    "status",
    "stream",
)
JSON_FIELDS = ("metadata", "request_tags")

_USAGE = "usage_object"
_DETAILS = f"{_USAGE}.prompt_tokens_details"
_EXTRA = "additional_usage_values"
_OWN = "spend_logs_metadata"

# Counts inside metadata, and the places of each: an adapter fills one, and leaves 0 in another.
COUNTS: dict[str, tuple[str, ...]] = {
    "cache_read": (
        f"{_DETAILS}.cached_tokens",
        f"{_USAGE}.input_tokens_details.cached_tokens",
        f"{_USAGE}.cache_read_input_tokens",
        f"{_USAGE}.prompt_cache_hit_tokens",
        f"{_USAGE}.cached_tokens",
        f"{_EXTRA}.cache_read_input_tokens",
    ),
    "cache_write": (
        f"{_DETAILS}.cache_creation_tokens",
        f"{_DETAILS}.cache_write_tokens",
        f"{_USAGE}.input_tokens_details.cache_write_tokens",
        f"{_USAGE}.cache_creation_input_tokens",
        f"{_EXTRA}.cache_creation_input_tokens",
    ),
    "cache_write_5m": (
        f"{_USAGE}.cache_creation.ephemeral_5m_input_tokens",
        f"{_DETAILS}.cache_creation_token_details.ephemeral_5m_input_tokens",
    ),
    "cache_write_1h": (
        f"{_USAGE}.cache_creation.ephemeral_1h_input_tokens",
        f"{_DETAILS}.cache_creation_token_details.ephemeral_1h_input_tokens",
    ),
    "reasoning": (
        f"{_USAGE}.completion_tokens_details.reasoning_tokens",
        f"{_USAGE}.output_tokens_details.reasoning_tokens",
        f"{_USAGE}.output_tokens_details.thinking_tokens",
        f"{_USAGE}.reasoning_tokens",
    ),
    "block_tokens": (f"{_OWN}.prefix_block_tokens",),
}
TEXTS: dict[str, tuple[str, ...]] = {
    "own_status": ("status",),
    "usage_prompt": (f"{_USAGE}.prompt_tokens",),
    "usage_input": (f"{_USAGE}.input_tokens",),
    "usage_cache": (
        f"{_USAGE}.cache_read_input_tokens",
        f"{_USAGE}.cache_creation_input_tokens",
        f"{_USAGE}.cache_creation.ephemeral_5m_input_tokens",
        f"{_USAGE}.cache_creation.ephemeral_1h_input_tokens",
    ),
    "usage_part": (
        f"{_USAGE}.input_tokens_details.cached_tokens",
        f"{_USAGE}.input_tokens_details.cache_write_tokens",
    ),
    "trace": ("trace_id", "litellm_trace_id"),
    "error": ("error_information.error_class",),
    "block_hashes": (f"{_OWN}.prefix_block_hashes",),
    "fingerprint": (f"{_OWN}.prompt_fingerprint",),
    "queue": (f"{_OWN}.queue_seconds",),
    "prefill": (f"{_OWN}.prefill_seconds",),
    "decode": (f"{_OWN}.decode_seconds",),
    "propensity": (f"{_OWN}.routing_propensity",),
    "score": (f"{_OWN}.quality_score",),
}

OPERATIONS = {
    "acompletion": "chat",
    "completion": "chat",
    "anthropic_messages": "chat",
    "responses": "chat",
    "aresponses": "chat",
    "text_completion": "text_completion",
    "atext_completion": "text_completion",
    "embedding": "embeddings",
    "aembedding": "embeddings",
}
