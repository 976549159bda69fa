"""Scrapes of NVIDIA NIM's /v1/metrics into `engine_samples` and `engine_histograms`.

Files, times and instances are as for vLLM (`vllm_prometheus.py`). What the emitter gets wrong stands in
`engines/nim.py`; what counts the same work twice, in `repeats.py`.
"""

from tokenworks_sources.connectors.engine_samples.engines.nim import NIM
from tokenworks_sources.connectors.engine_samples.reader import EngineScrapes

CONNECTOR = EngineScrapes(
    engine=NIM,
    name="nim_prometheus",
    version="2",
    summary="NVIDIA NIM metrics, one scrape or many a file",
)
