"""Scrapes of SGLang's /metrics into `engine_samples` and `engine_histograms`.

Files, times and instances are as for vLLM (`vllm_prometheus.py`).

What the emitter gets wrong: every tensor- and pipeline-parallel rank exports the same counts, so only
the lowest rank is read, of each data-parallel rank (`repeats.py`); counts are split by `is_streaming` and `cache_source` and are added up;
`cache_hit_rate` and `gen_throughput` are means of the last log interval, which no average can join.
"""

from tokenworks_sources.connectors.engine_samples.engines.sglang import SGLANG
from tokenworks_sources.connectors.engine_samples.reader import EngineScrapes

CONNECTOR = EngineScrapes(
    engine=SGLANG,
    name="sglang_prometheus",
    version="4",
    summary="SGLang /metrics, one scrape or many a file",
)
