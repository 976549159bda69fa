"""What NVIDIA NIM for LLMs calls the canonical engine metrics.

Source: the observability page of NIM for large language models (1.x), served at /v1/metrics. Names
have no prefix, so a series is NIM's by its exact name and its `model_name` label. Later releases
export the series of the engine inside (`vllm:*`) and of these names `num_request_max` alone.
`gpu_cache_usage_perc` is a ratio of 0 to 1. `request_success_total` and `request_failure_total` sum up
`request_finish_total`, which tells the reasons, so only that is read.
`time_per_output_token_seconds` has one observation per token after the first.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine, one_of

_SUMMED = "sums up request_finish by reason"

NIM = Engine(
    name="nim",
    prefix="",
    families=(
        "num_requests_running",
        "num_requests_waiting",
        "num_request_max",
        "gpu_cache_usage_perc",
        "prompt_tokens_",
        "generation_tokens_",
        "request_success_",
        "request_failure_",
        "request_finish_",
        "request_prompt_tokens_",
        "request_generation_tokens_",
        "time_to_first_token_seconds_",
        "time_per_output_token_seconds_",
        "e2e_request_latency_seconds_",
    ),
    index_label="engine",
    model_labels=("model_name",),
    aliases=(
        Alias("num_requests_running", "requests_running", releases="1.x"),
        Alias("num_requests_waiting", "requests_waiting", releases="1.x"),
        Alias("num_request_max", "requests_max"),
        Alias("gpu_cache_usage_perc", "kv_cache_usage_ratio", releases="1.x"),
        Alias("prompt_tokens", "input_tokens", releases="1.x"),
        Alias("generation_tokens", "output_tokens", releases="1.x"),
        Alias(
            "request_finish",
            "requests_succeeded",
            only=one_of(finished_reason=("stop", "length")),
            added=True,
        ),
        Alias("request_finish", "requests_aborted", only=one_of(finished_reason=("abort",))),
        Alias("request_finish", "requests_failed", only=one_of(finished_reason=("error",))),
    ),
    renamed_histograms={"time_per_output_token_seconds": "inter_token_latency_seconds"},
    unusable={"request_success": _SUMMED, "request_failure": _SUMMED},
    is_host=True,
)
