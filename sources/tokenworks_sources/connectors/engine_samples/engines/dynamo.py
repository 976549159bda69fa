"""What NVIDIA Dynamo calls the canonical engine metrics.

Sources: lib/runtime/src/metrics/prometheus_names.rs and lib/llm/src/http/service/metrics.rs of
ai-dynamo/dynamo, 1.6 read last. The frontend counts what all its workers generate, and a worker
passes the series of its engine on beside its own, with `dynamo_*` labels: both are counted once only
(`repeats.py`). The frontend writes model names in lower case. `gpu_cache_usage_percent` is a ratio
of 0 to 1. In-flight requests include the queued ones; `model_max_num_seqs` and
`model_total_kv_blocks` are of one worker, not of the frontend. The prompt, cached and output tokens
of finished requests are the sums of histograms. Until 0.4 the frontend wrote `nv_llm_http_service_` for
`dynamo_frontend_`, and any release does where its prefix is set so.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine, one_of

_GENERATE = one_of(dynamo_endpoint=("generate", ""))

DYNAMO = Engine(
    name="dynamo",
    prefix="dynamo_",
    families=("dynamo_frontend_", "dynamo_component_", "nv_llm_http_service_"),
    renamed_prefixes={"nv_llm_http_service_": "frontend_"},
    index_label="dp_rank",
    model_labels=("model", "model_name"),
    aliases=(
        Alias("frontend_active_requests", "requests_running", releases=">=1.5"),
        Alias("frontend_inflight_requests", "requests_running", rank=1),
        Alias("frontend_queued_requests", "requests_waiting"),
        Alias("frontend_output_tokens", "output_tokens", releases=">=0.7"),
        Alias(
            "frontend_requests", "requests_succeeded", only=one_of(status=("success",)), added=True
        ),
        Alias(
            "frontend_requests",
            "requests_aborted",
            only=one_of(status=("error",), error_type=("cancelled",)),
            added=True,
        ),
        Alias(
            "frontend_requests",
            "requests_rejected",
            only=one_of(status=("error",), error_type=("overload", "unavailable")),
            added=True,
        ),
        Alias("frontend_requests", "requests_failed", only=one_of(status=("error",)), added=True),
        Alias("frontend_request_success_count", "requests_succeeded", rank=1),
        Alias("component_inflight_requests", "requests_running", rank=2, only=_GENERATE),
        Alias("component_gpu_cache_usage_percent", "kv_cache_usage_ratio", releases=">=1.0"),
        Alias(
            "component_kvstats_gpu_cache_usage_percent",
            "kv_cache_usage_ratio",
            releases="<1.0",
            rank=1,
        ),
        Alias("component_total_blocks", "kv_cache_blocks", releases=">=1.0"),
        Alias("component_kvstats_total_blocks", "kv_cache_blocks", releases="<1.0", rank=1),
    ),
    renamed_histograms={
        "frontend_time_to_first_token_seconds": "time_to_first_token_seconds",
        "frontend_inter_token_latency_seconds": "inter_token_latency_seconds",
        "frontend_request_duration_seconds": "e2e_request_latency_seconds",
        "frontend_input_sequence_tokens": "request_prompt_tokens",
        "frontend_output_sequence_tokens": "request_generation_tokens",
        "frontend_cached_tokens": "request_cached_tokens",
    },
    columns_of_histograms={
        "request_prompt_tokens": ("input_tokens", None),
        "request_cached_tokens": ("input_cache_read_tokens", None),
        "request_generation_tokens": ("output_tokens", None),
    },
    scraper_labels=frozenset({"endpoint"}),
    is_host=True,
)
