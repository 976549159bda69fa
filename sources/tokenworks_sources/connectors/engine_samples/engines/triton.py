"""What Triton and its TensorRT-LLM backend call the canonical engine metrics.

Sources: docs/user_guide/metrics.md of triton-inference-server/server; custom_metrics_reporter.cc and
the README of triton-inference-server/tensorrtllm_backend (`nv_trt_llm_*` from 23.11, base counters of
the backend 0 until 23.12). One gauge holds several quantities by a label. `scheduled` requests run;
`active` ones include those that wait inside the executor. `nv_inference_*` repeats for each model of
an ensemble, whose steps would count one request several times (`repeats.py`). Durations are
cumulative microseconds without a histogram, so no percentile can come from them. Tokens are known
from `nv_llm_{input,output}_token_len` alone: the sums over finished requests.
"""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine, one_of

TRITON = Engine(
    name="triton",
    prefix="nv_",
    families=(
        "nv_inference_",
        "nv_trt_llm_",
        "nv_llm_input_token_len",
        "nv_llm_output_token_len",
    ),
    index_label="dp_rank",
    model_labels=("model",),
    aliases=(
        Alias(
            "trt_llm_request_metrics",
            "requests_running",
            only=one_of(request_type=("scheduled",)),
        ),
        Alias(
            "trt_llm_request_metrics", "requests_waiting", only=one_of(request_type=("waiting",))
        ),
        Alias("inference_pending_request_count", "requests_waiting", rank=1),
        Alias("trt_llm_request_metrics", "requests_max", only=one_of(request_type=("max",))),
        Alias(
            "trt_llm_kv_cache_block_metrics",
            "kv_cache_usage_ratio",
            only=one_of(kv_cache_block_type=("fraction",)),
        ),
        Alias(
            "trt_llm_kv_cache_block_metrics",
            "kv_cache_blocks",
            only=one_of(kv_cache_block_type=("max",)),
        ),
        Alias(
            "trt_llm_kv_cache_block_metrics",
            "kv_block_tokens",
            only=one_of(kv_cache_block_type=("tokens_per",)),
        ),
        Alias("inference_request_success", "requests_succeeded", added=True),
        Alias(
            "inference_request_failure",
            "requests_aborted",
            releases=">=24.03",
            only=one_of(reason=("CANCELED",)),
            added=True,
        ),
        Alias(
            "inference_request_failure",
            "requests_rejected",
            releases=">=24.03",
            only=one_of(reason=("REJECTED",)),
            added=True,
        ),
        Alias(
            "inference_request_failure",
            "requests_failed",
            only=one_of(reason=("", "BACKEND", "OTHER")),
            added=True,
        ),
    ),
    renamed_histograms={
        "llm_input_token_len": "request_prompt_tokens",
        "llm_output_token_len": "request_generation_tokens",
    },
    columns_of_histograms={
        "request_prompt_tokens": ("input_tokens", None),
        "request_generation_tokens": ("output_tokens", None),
    },
    added_labels=frozenset({"version"}),
    is_host=True,
)
