"""What SGLang calls the canonical engine metrics.

Source: python/sglang/srt/metrics/collector.py of sgl-project/sglang, 0.5.23 read last. Every tensor-
and pipeline-parallel rank reports the same counts (`repeats.py`). Its token counters move when a
request finishes, not at each step, so a long request lands in its last hour; `realtime_tokens_total`
moves at each log interval. `cache_hit_rate` and `gen_throughput` are of the last log interval and
`num_retracted_reqs` is a gauge: none of them can be counted. `gpu_execution_seconds_total` was renamed
to `forward_execution_seconds_total`, `time_per_output_token_seconds` to `inter_token_latency_seconds`,
which here is one observation per token. Newer releases, its router (by `worker_addr`) and whatever
cannot keep a colon write `sglang_`.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine, one_of

SGLANG = Engine(
    name="sglang",
    prefix="sglang:",
    other_prefixes=("sglang_",),
    index_label="dp_rank",
    aliases=(
        Alias("num_running_reqs", "requests_running"),
        Alias("num_queue_reqs", "requests_waiting"),
        Alias("token_usage", "kv_cache_usage_ratio"),
        Alias("prompt_tokens", "input_tokens", added=True),
        Alias("cached_tokens", "input_cache_read_tokens", added=True),
        Alias("generation_tokens", "output_tokens", added=True),
        Alias("realtime_tokens", "output_realtime_tokens", only=one_of(mode=("decode",))),
        Alias("realtime_tokens", "input_computed_tokens", only=one_of(mode=("prefill_compute",))),
        Alias("num_retracted_requests", "preemptions"),
        Alias("num_aborted_requests", "requests_aborted"),
        Alias("gpu_execution_seconds", "busy_seconds", releases="<0.5.10", added=True),
        Alias("forward_execution_seconds", "busy_seconds", releases=">=0.5.10", added=True),
        Alias("scheduler_idle_seconds", "idle_seconds"),
        Alias("dp_attention_tokens", "dp_scheduled_tokens", only=one_of(kind=("scheduled",))),
        Alias("dp_attention_tokens", "dp_imbalance_tokens", only=one_of(kind=("imbalance",))),
        Alias("estimated_flops_per_gpu", "estimated_flops_per_gpu"),
        Alias("estimated_read_bytes_per_gpu", "estimated_read_bytes_per_gpu"),
        Alias("estimated_write_bytes_per_gpu", "estimated_write_bytes_per_gpu"),
    ),
    renamed_histograms={
        "time_per_output_token_seconds": "inter_token_latency_seconds",
        "queue_time_seconds": "request_queue_time_seconds",
    },
    infos={"cache_config_info": {"num_pages": "kv_cache_blocks", "page_size": "kv_block_tokens"}},
    added_labels=frozenset({"is_streaming"}),
)
