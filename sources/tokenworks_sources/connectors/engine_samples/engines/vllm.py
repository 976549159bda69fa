"""What vLLM calls the canonical engine metrics.

Names were read from 0.33; older ones are kept as long as fleets run them. `kv_cache_usage_perc` is a
ratio of 0 to 1 in spite of its name. `gpu_prefix_cache_*` counted blocks before it counted tokens,
so it cannot fill the token columns.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine

_BLOCKS = "counts blocks, not tokens"

VLLM = Engine(
    name="vllm",
    prefix="vllm:",
    index_label="engine",
    aliases=(
        Alias("num_requests_running", "requests_running"),
        Alias("num_requests_waiting", "requests_waiting"),
        Alias("kv_cache_usage_perc", "kv_cache_usage_ratio", releases=">=0.10"),
        Alias("gpu_cache_usage_perc", "kv_cache_usage_ratio", releases="<0.12", rank=1),
        Alias("prompt_tokens", "input_tokens"),
        Alias("prompt_tokens_cached", "input_cache_read_tokens", releases=">=0.13"),
        Alias("generation_tokens", "output_tokens"),
        Alias("prefix_cache_queries", "prefix_cache_query_tokens", releases=">=0.10"),
        Alias("prefix_cache_hits", "prefix_cache_hit_tokens", releases=">=0.10"),
        Alias("num_preemptions", "preemptions"),
        Alias(
            "request_success",
            "requests_succeeded",
            only={"finished_reason": frozenset({"stop", "length", "repetition"})},
            added=True,
        ),
        Alias(
            "request_success", "requests_aborted", only={"finished_reason": frozenset({"abort"})}
        ),
        Alias("request_success", "requests_failed", only={"finished_reason": frozenset({"error"})}),
        Alias("spec_decode_num_drafts", "spec_drafts"),
        Alias("spec_decode_num_draft_tokens", "spec_draft_tokens"),
        Alias("spec_decode_num_accepted_tokens", "spec_accepted_tokens"),
        Alias("estimated_flops_per_gpu", "estimated_flops_per_gpu"),
        Alias("estimated_read_bytes_per_gpu", "estimated_read_bytes_per_gpu"),
        Alias("estimated_write_bytes_per_gpu", "estimated_write_bytes_per_gpu"),
    ),
    renamed_histograms={"time_per_output_token_seconds": "inter_token_latency_seconds"},
    infos={
        "cache_config_info": {"num_gpu_blocks": "kv_cache_blocks", "block_size": "kv_block_tokens"}
    },
    unusable={"gpu_prefix_cache_queries": _BLOCKS, "gpu_prefix_cache_hits": _BLOCKS},
)
