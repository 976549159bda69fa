"""What SGLang calls the canonical engine metrics.

Every tensor- and pipeline-parallel rank reports the same counts, so rank 0 alone is read. Its token
counters move when a request finishes, not at each step: a long request lands in its last hour.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine

SGLANG = Engine(
    name="sglang",
    prefix="sglang:",
    index_label="dp_rank",
    aliases=(
        Alias("num_running_reqs", "requests_running"),
        Alias("num_queue_reqs", "requests_waiting"),
        Alias("token_usage", "kv_cache_usage_ratio"),
        Alias("prompt_tokens", "input_tokens", added=True),
        Alias("cached_tokens", "input_cache_read_tokens", added=True),
        Alias("generation_tokens", "output_tokens", added=True),
        Alias("num_aborted_requests", "requests_aborted"),
        Alias("estimated_flops_per_gpu", "estimated_flops_per_gpu"),
        Alias("estimated_read_bytes_per_gpu", "estimated_read_bytes_per_gpu"),
        Alias("estimated_write_bytes_per_gpu", "estimated_write_bytes_per_gpu"),
    ),
    renamed_histograms={"time_per_output_token_seconds": "inter_token_latency_seconds"},
    only_labels={"tp_rank": "0", "pp_rank": "0"},
    added_labels=frozenset({"is_streaming"}),
)
