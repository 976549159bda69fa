"""Contract of `usage_buckets`: what a provider or gateway counted over a span of time."""

from tokenworks_sources.contracts.model import Column, Contract, Rule

TOKENS = "{token}"


def _tokens(name: str, description: str) -> Column:
    return Column(name, "bigint", description, TOKENS, minimum=0)


CONTRACT = Contract(
    table="usage_buckets",
    grain="one combination of the report's groups in one bucket of time",
    description="Usage and cost as the provider or gateway itself counted them, to hold against the sum of requests. Aggregates, not requests. Reports over other groups count the same usage again: never add rows of different emitter, operation or grouped_by.",
    event_time="bucket_start",
    key=(
        "emitter",
        "operation",
        "grouped_by",
        "bucket_start",
        "bucket_seconds",
        "project_id",
        "user_pseudonym",
        "api_key_pseudonym",
        "tenant_id",
        "team_id",
        "tag",
        "provider",
        "model",
        "model_group",
        "service_tier",
        "is_batch",
        "context_window",
        "region",
        "line_item",
    ),
    columns=(
        Column(
            "emitter",
            "string",
            "Who counted: openai, anthropic, litellm_daily_user, litellm_daily_team, ...",
            required=True,
        ),
        Column(
            "operation",
            "string",
            "What was counted: chat, embeddings, images, ..., or cost for reports of money alone.",
            required=True,
        ),
        Column(
            "grouped_by",
            "string",
            "Groups that the row names, sorted and joined by commas; empty for a total.",
            required=True,
        ),
        Column("bucket_start", "timestamp", "Start of the bucket.", "UTC", required=True),
        Column("bucket_seconds", "bigint", "Length of the bucket.", "s", required=True, minimum=1),
        Column("provider", "string", "gen_ai.provider.name."),
        Column("project_id", "string", "Project or workspace at the provider."),
        Column("user_pseudonym", "string", "Keyed pseudonym of the user."),
        Column("api_key_pseudonym", "string", "Keyed pseudonym of the API key's id or hash."),
        Column("tenant_id", "string", "Organisation that a gateway charges."),
        Column("team_id", "string", "Team that a gateway charges."),
        Column("tag", "string", "Request tag that a gateway counts by."),
        Column("model", "string", "Model that answered."),
        Column("model_group", "string", "Public name that was asked for."),
        Column("service_tier", "string", "Service tier, as the provider calls it."),
        Column("is_batch", "boolean", "Usage of the batch interface."),
        Column("context_window", "string", "Range of input sizes that has a price of its own."),
        Column("region", "string", "Region or geography of the inference."),
        Column("line_item", "string", "What a cost is for, as the provider's report calls it."),
        _tokens("input_total_tokens", "All input tokens, cached included."),
        _tokens("input_cache_read_tokens", "Part read from a cache; null is unknown."),
        _tokens("input_cache_write_tokens", "Part written to a cache; null is unknown."),
        _tokens("input_cache_write_5m_tokens", "Part of the write that lives 5 minutes."),
        _tokens("input_cache_write_1h_tokens", "Part of the write that lives 1 hour."),
        _tokens("output_total_tokens", "All output tokens, reasoning included."),
        Column("request_count", "bigint", "Requests counted.", "{request}", minimum=0),
        Column("failed_request_count", "bigint", "Those that failed.", "{request}", minimum=0),
        Column("reported_cost", "decimal(38,12)", "Cost as reported; credits are negative."),
        Column("reported_currency", "string", "ISO 4217 code of the cost, upper case."),
    ),
    rules=(
        Rule(
            "coalesce(input_cache_read_tokens, 0) + coalesce(input_cache_write_tokens, 0) > input_total_tokens",
            "input_total_tokens: less than cache read + cache write",
        ),
        Rule(
            "failed_request_count > request_count",
            "failed_request_count: more than request_count",
        ),
        Rule(
            "(reported_cost is null) <> (reported_currency is null)",
            "reported_currency: missing, or without a cost",
        ),
    ),
)
