"""What vLLM calls the canonical engine metrics.

Sources: vllm/engine/metrics.py (V0, to 0.10: no `engine` label, `_created` switched off) and
vllm/v1/metrics/loggers.py (V1) of vllm-project/vllm, 0.33 read last. `kv_cache_usage_perc` is a
ratio of 0 to 1 in spite of its name; until 0.9 it was `gpu_cache_usage_perc`, and 0.9 to 0.11 export
both. `gpu_prefix_cache_*` counted blocks before 0.9 and tokens in 0.9, where the new name stands
beside it, so it is never read. `time_per_output_token_seconds` became `inter_token_latency_seconds`
in 0.11: one observation per step of a request, whatever the number of its tokens. V0 exported
`spec_decode_num_emitted_tokens` and no drafts. Ray Serve exports the same series as `ray_vllm_`, each replica
by its `ReplicaId`; what cannot keep a colon writes `vllm_`.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine, one_of

_BLOCKS = "counts blocks, not tokens"

VLLM = Engine(
    name="vllm",
    prefix="vllm:",
    other_prefixes=("vllm_", "ray_vllm_", "ray_vllm:"),
    index_label="engine",
    aliases=(
        Alias("num_requests_running", "requests_running"),
        Alias("num_requests_waiting", "requests_waiting"),
        Alias(
            "num_requests_waiting_by_reason",
            "requests_deferred",
            releases=">=0.15",
            only=one_of(reason=("deferred",)),
        ),
        Alias("kv_cache_usage_perc", "kv_cache_usage_ratio", releases=">=0.9"),
        Alias("gpu_cache_usage_perc", "kv_cache_usage_ratio", releases="<0.12", rank=1),
        Alias("prompt_tokens", "input_tokens"),
        Alias("prompt_tokens_cached", "input_cache_read_tokens", releases=">=0.13"),
        Alias(
            "prompt_tokens_by_source",
            "input_computed_tokens",
            releases=">=0.15",
            only=one_of(source=("local_compute",)),
        ),
        Alias("generation_tokens", "output_tokens"),
        Alias("prefix_cache_queries", "prefix_cache_query_tokens", releases=">=0.9"),
        Alias("prefix_cache_hits", "prefix_cache_hit_tokens", releases=">=0.9"),
        Alias("num_preemptions", "preemptions"),
        Alias(
            "request_success",
            "requests_succeeded",
            only=one_of(finished_reason=("stop", "length", "repetition")),
            added=True,
        ),
        Alias("request_success", "requests_aborted", only=one_of(finished_reason=("abort",))),
        Alias("request_success", "requests_failed", only=one_of(finished_reason=("error",))),
        Alias("admission_rejections", "requests_rejected", releases=">=0.30", added=True),
        Alias("spec_decode_num_drafts", "spec_drafts", releases="V1"),
        Alias("spec_decode_num_draft_tokens", "spec_draft_tokens"),
        Alias("spec_decode_num_accepted_tokens", "spec_accepted_tokens"),
        Alias("estimated_flops_per_gpu", "estimated_flops_per_gpu"),
        Alias("estimated_read_bytes_per_gpu", "estimated_read_bytes_per_gpu"),
        Alias("estimated_write_bytes_per_gpu", "estimated_write_bytes_per_gpu"),
    ),
    renamed_histograms={
        "time_per_output_token_seconds": "inter_token_latency_seconds",
        "time_in_queue_requests": "request_queue_time_seconds",
    },
    columns_of_histograms={"iteration_tokens_total": ("step_tokens", "steps")},
    infos={
        "cache_config_info": {"num_gpu_blocks": "kv_cache_blocks", "block_size": "kv_block_tokens"}
    },
    unusable={"gpu_prefix_cache_queries": _BLOCKS, "gpu_prefix_cache_hits": _BLOCKS},
)
