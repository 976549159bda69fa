"""Contract of `requests`: one attempt as its emitter saw it."""

from tokenworks_sources.contracts.model import Column, Contract, Rule

TOKENS = "{token}"

CONTRACT = Contract(
    table="requests",
    grain="one attempt of one inference request, as one emitter saw it",
    description="Gateway, engine, SDK and benchmark request logs in one shape.",
    event_time="started_at",
    key=("emitter", "request_id"),
    columns=(
        Column(
            "emitter", "string", "Program that wrote the log, for example litellm.", required=True
        ),
        Column(
            "request_id",
            "string",
            "Id of the attempt; made from digest and line where the log has none.",
            required=True,
        ),
        Column(
            "logical_request_id",
            "string",
            "Groups the attempts (retries, hedges, fallbacks) of one request.",
        ),
        Column("trace_id", "string", "Trace the attempt belongs to."),
        Column(
            "span_id",
            "string",
            "Span of the attempt within its trace (16 hex digits), where the emitter traces.",
        ),
        Column(
            "parent_span_id",
            "string",
            "Nearest enclosing span that is an attempt too, where the same file holds it; else the "
            "span's own parent. An attempt that is the parent of another is seen twice.",
        ),
        Column("session_id", "string", "Conversation or session (gen_ai.conversation.id)."),
        Column("attempt", "bigint", "Number of the attempt within its logical request.", minimum=1),
        Column("started_at", "timestamp", "Arrival at the emitter.", "UTC", required=True),
        Column(
            "first_token_at",
            "timestamp",
            "First non-empty output token or chunk seen by the emitter.",
            "UTC",
        ),
        Column("ended_at", "timestamp", "Last token, or the failure, seen by the emitter.", "UTC"),
        Column(
            "clock",
            "string",
            "utc: the emitter's wall clock; relative: placed on an anchor that the mapping names.",
            required=True,
            allowed=("utc", "relative"),
        ),
        Column(
            "queue_seconds",
            "double",
            "Queued until first scheduled, as the engine reports it.",
            "s",
            minimum=0,
        ),
        Column("prefill_seconds", "double", "First scheduled until first token.", "s", minimum=0),
        Column("decode_seconds", "double", "First until last token.", "s", minimum=0),
        Column(
            "ttft_seconds",
            "double",
            "Time to first token as the emitter reports it; null where it must be derived.",
            "s",
            minimum=0,
        ),
        Column(
            "ttfo_seconds",
            "double",
            "Time to first output token: the first of the answer itself, after any reasoning, as the "
            "emitter reports it.",
            "s",
            minimum=0,
        ),
        Column(
            "icl_seconds",
            "double",
            "Mean time between two chunks of the answer, each of one token or more, as the emitter "
            "saw them; null for fewer than two.",
            "s",
            minimum=0,
        ),
        Column(
            "tpot_seconds",
            "double",
            "Time per output token after the first, as the emitter reports it.",
            "s",
            minimum=0,
        ),
        Column(
            "e2e_seconds",
            "double",
            "Arrival until last token as the emitter reports it.",
            "s",
            minimum=0,
        ),
        Column(
            "operation", "string", "gen_ai.operation.name: chat, text_completion, embeddings, ..."
        ),
        Column("model_requested", "string", "gen_ai.request.model: the public name asked for."),
        Column("model_served", "string", "gen_ai.response.model: the model that answered."),
        Column("provider", "string", "gen_ai.provider.name."),
        Column(
            "deployment_key",
            "string",
            "The emitter's own id of the deployment, resolved through the fleet.",
        ),
        Column(
            "endpoint",
            "string",
            "host[:port] that served the attempt (server.address), resolved through the fleet.",
        ),
        Column("region", "string", "Region that served the attempt, where the log knows it."),
        Column("client_region", "string", "Region the request came from, where the log knows it."),
        Column("tenant_id", "string", "Customer, organisation or cost centre that is charged."),
        Column("team_id", "string", "Team within the tenant."),
        Column(
            "user_pseudonym",
            "string",
            "Keyed pseudonym (HMAC-SHA-256) of the user; never the user id.",
        ),
        Column(
            "api_key_pseudonym",
            "string",
            "Keyed pseudonym of the API key; never the key or its hash.",
        ),
        Column("tags", "string", "Request tags as a JSON array or flat JSON object."),
        Column(
            "input_total_tokens", "bigint", "All input tokens, cached included.", TOKENS, minimum=0
        ),
        Column(
            "input_cache_read_tokens",
            "bigint",
            "Input tokens served from a prefix cache, part of the total; null is unknown.",
            TOKENS,
            minimum=0,
        ),
        Column(
            "input_cache_write_tokens",
            "bigint",
            "Input tokens written to a billed cache, part of the total; null is unknown.",
            TOKENS,
            minimum=0,
        ),
        Column(
            "input_cache_write_5m_tokens",
            "bigint",
            "Part of the cache write that lives 5 minutes.",
            TOKENS,
            minimum=0,
        ),
        Column(
            "input_cache_write_1h_tokens",
            "bigint",
            "Part of the cache write that lives 1 hour.",
            TOKENS,
            minimum=0,
        ),
        Column(
            "output_total_tokens",
            "bigint",
            "All output tokens, reasoning included.",
            TOKENS,
            minimum=0,
        ),
        Column(
            "output_reasoning_tokens",
            "bigint",
            "Reasoning tokens, part of the output.",
            TOKENS,
            minimum=0,
        ),
        Column(
            "output_delivered_tokens",
            "bigint",
            "Output tokens that reached the client.",
            TOKENS,
            minimum=0,
        ),
        Column("is_streaming", "boolean", "The answer was streamed."),
        Column(
            "status",
            "string",
            "How the attempt ended.",
            required=True,
            allowed=("success", "failure", "cancelled", "rejected", "unknown"),
        ),
        Column("error_type", "string", "error.type: class of the failure, never its text."),
        Column("finish_reason", "string", "stop, length, tool_calls, content_filter, abort, ..."),
        Column(
            "is_gateway_cache_hit",
            "boolean",
            "Answered by the gateway's response cache: no engine tokens.",
        ),
        Column(
            "reported_cost_usd",
            "decimal(38,12)",
            "Cost that the emitter reports, from its own price list.",
            "USD",
        ),
        Column("prompt_fingerprint", "string", "Keyed hash of the whole prompt."),
        Column(
            "prefix_block_hashes",
            "list<bigint>",
            "Hash of each leading block of the prompt, in order; equal hash means equal prefix.",
        ),
        Column(
            "prefix_block_tokens",
            "bigint",
            "Tokens per block of prefix_block_hashes.",
            TOKENS,
            minimum=1,
        ),
        Column(
            "routing_propensity",
            "double",
            "Probability with which the router chose this model for this request; null is unknown.",
            "1",
            minimum=0,
            maximum=1,
        ),
        Column(
            "quality_score",
            "double",
            "Score that a judge gave the answer, on the judge's own scale, higher is better.",
            "1",
        ),
    ),
    rules=(
        Rule(
            "coalesce(input_cache_read_tokens, 0) + coalesce(input_cache_write_tokens, 0) > input_total_tokens",
            "input_total_tokens: less than cache read + cache write",
        ),
        Rule(
            "output_reasoning_tokens > output_total_tokens",
            "output_reasoning_tokens: more than output_total_tokens",
        ),
    ),
)
