"""Contract of `engine_samples`: gauges and counters of one engine at one scrape."""

from tokenworks_sources.contracts.model import Column, Contract

TOKENS = "{token}"


def _counter(name: str, description: str, unit: str | None = None) -> Column:
    return Column(
        name, "double", description + " Cumulative since the process started.", unit, minimum=0
    )


CONTRACT = Contract(
    table="engine_samples",
    grain="one scrape of one engine core",
    description="Engine metrics by canonical name, whatever the engine calls them. Null: not exported.",
    event_time="scraped_at",
    key=("instance", "engine_index", "model_name", "scraped_at"),
    columns=(
        Column("scraped_at", "timestamp", "Time of the scrape.", "UTC", required=True),
        Column(
            "engine", "string", "vllm, sglang, trtllm, triton, dynamo, nim or other.", required=True
        ),
        Column(
            "instance",
            "string",
            "host:port or replica name of the scrape target, resolved through the fleet.",
            required=True,
        ),
        Column(
            "engine_index", "string", "Data-parallel engine index within the target.", required=True
        ),
        Column("model_name", "string", "Model label of the series.", required=True),
        Column(
            "requests_running", "double", "Requests in the execution batch.", "{request}", minimum=0
        ),
        Column(
            "requests_waiting", "double", "Requests queued in the engine.", "{request}", minimum=0
        ),
        Column(
            "requests_deferred",
            "double",
            "Those of the waiting requests that the engine put off for another reason than capacity.",
            "{request}",
            minimum=0,
        ),
        Column("requests_max", "double", "Requests that may run at once.", "{request}", minimum=0),
        Column("kv_cache_usage_ratio", "double", "KV cache in use.", "1", minimum=0, maximum=1),
        Column(
            "kv_cache_blocks",
            "double",
            "KV blocks on the accelerators (cache_config_info).",
            minimum=0,
        ),
        Column("kv_block_tokens", "double", "Tokens per KV block.", TOKENS, minimum=0),
        _counter("input_tokens", "Prompt tokens, cached included.", TOKENS),
        _counter("input_cache_read_tokens", "Prompt tokens served from a prefix cache.", TOKENS),
        _counter("input_computed_tokens", "Prompt tokens that the engine computed.", TOKENS),
        _counter("output_tokens", "Generated tokens, those of aborted requests included.", TOKENS),
        _counter(
            "output_realtime_tokens",
            "Generated tokens counted while they are generated, where output_tokens moves when a "
            "request finishes.",
            TOKENS,
        ),
        _counter("prefix_cache_query_tokens", "Tokens looked up in the prefix cache.", TOKENS),
        _counter("prefix_cache_hit_tokens", "Tokens found in the prefix cache.", TOKENS),
        _counter("preemptions", "Requests preempted."),
        _counter(
            "requests_succeeded", "Requests finished by stop, length or repetition.", "{request}"
        ),
        _counter("requests_aborted", "Requests finished by abort.", "{request}"),
        _counter("requests_failed", "Requests finished by error.", "{request}"),
        _counter("requests_rejected", "Requests that were not admitted.", "{request}"),
        _counter("step_tokens", "Tokens of all engine steps (iteration_tokens_total_sum).", TOKENS),
        _counter("steps", "Engine steps (iteration_tokens_total_count)."),
        _counter("spec_drafts", "Speculative drafts."),
        _counter("spec_draft_tokens", "Draft tokens proposed.", TOKENS),
        _counter("spec_accepted_tokens", "Draft tokens accepted.", TOKENS),
        _counter("busy_seconds", "Time in which the engine executed a batch.", "s"),
        _counter("idle_seconds", "Time in which the engine had nothing to schedule.", "s"),
        _counter("dp_scheduled_tokens", "Tokens that data-parallel attention scheduled.", TOKENS),
        _counter(
            "dp_imbalance_tokens", "Tokens by which data-parallel ranks waited for others.", TOKENS
        ),
        _counter("estimated_flops_per_gpu", "Model FLOPs per GPU."),
        _counter("estimated_read_bytes_per_gpu", "Bytes read per GPU.", "By"),
        _counter("estimated_write_bytes_per_gpu", "Bytes written per GPU.", "By"),
        Column(
            "counters_created_at",
            "timestamp",
            "Start of the counters, which makes a reset exact: the earliest _created of the row, since "
            "a counter with labels begins at its first use and not with the process.",
            "UTC",
        ),
    ),
)
