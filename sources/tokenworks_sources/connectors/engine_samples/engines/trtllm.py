"""What trtllm-serve calls the canonical engine metrics.

Source: tensorrt_llm/metrics/collector.py of NVIDIA/TensorRT-LLM, served at /prometheus/metrics;
Dynamo 0.7 wrote the prefix as `trtllm:`. The series stand for the whole engine: no rank is a label.
`time_per_output_token_seconds` is observed once per request and is that request's mean, unlike
vLLM's metric of the same name. `kv_cache_{reused,missed}_blocks_total` and the hit rates count
blocks, not tokens. Counters move when a request finishes, and only with `return_perf_metrics`.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine, one_of

TRTLLM = Engine(
    name="trtllm",
    prefix="trtllm_",
    other_prefixes=("trtllm:",),
    index_label="dp_rank",
    aliases=(
        Alias("num_requests_running", "requests_running"),
        Alias("num_requests_waiting", "requests_waiting"),
        Alias("max_num_active_requests", "requests_max"),
        Alias("kv_cache_utilization", "kv_cache_usage_ratio"),
        Alias("kv_cache_max_blocks", "kv_cache_blocks"),
        Alias("kv_cache_tokens_per_block", "kv_block_tokens"),
        Alias("prompt_tokens", "input_tokens"),
        Alias("prompt_cached_tokens", "input_cache_read_tokens"),
        Alias("generation_tokens", "output_tokens"),
        Alias(
            "request_success",
            "requests_succeeded",
            only=one_of(finished_reason=("stop", "length")),
            added=True,
        ),
        Alias(
            "request_success",
            "requests_aborted",
            only=one_of(finished_reason=("cancelled", "abort")),
            added=True,
        ),
        Alias("request_error", "requests_failed", added=True),
        Alias("spec_decode_num_draft_tokens", "spec_draft_tokens"),
        Alias("spec_decode_num_accepted_tokens", "spec_accepted_tokens"),
    ),
    renamed_histograms={"time_per_output_token_seconds": "request_time_per_output_token_seconds"},
)
