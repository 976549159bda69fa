"""Scrapes of vLLM's /metrics into `engine_samples` and `engine_histograms`.

A landing file is one scrape as curl saves it, or many: a line `# scraped_at 2026-10-01T00:05:00Z`
(and, if wanted, `# instance host:port`) starts the next one. Without such a line the time comes from
the samples' timestamps, else from the file name; the instance from the `instance` label, else from
the folder, else from the file name. Nothing falls back to the time of the file itself.

What the emitter gets wrong: the same value has other names in other releases (`engines/vllm.py`);
`kv_cache_usage_perc` is a ratio; `iteration_tokens_total` is a histogram that is named like a
counter; requests that clients abort are missing from every per-request metric while their tokens are
counted; histogram bounds can be overridden, so they are stored with each row; `cache_config_info`
carries its values as labels, and no model.
"""

from tokenworks_sources.connectors.engine_samples.engines.vllm import VLLM
from tokenworks_sources.connectors.engine_samples.reader import EngineScrapes

CONNECTOR = EngineScrapes(
    engine=VLLM,
    name="vllm_prometheus",
    version="4",
    summary="vLLM /metrics, one scrape or many a file",
)
