"""Scrapes of Triton's /metrics, with or without the TensorRT-LLM backend, into `engine_samples` and `engine_histograms`.

Files, times and instances are as for vLLM (`vllm_prometheus.py`). What the emitter gets wrong stands in
`engines/triton.py`; what counts the same work twice, in `repeats.py`.
"""

from tokenworks_sources.connectors.engine_samples.engines.triton import TRITON
from tokenworks_sources.connectors.engine_samples.reader import EngineScrapes

CONNECTOR = EngineScrapes(
    engine=TRITON,
    name="triton_prometheus",
    version="2",
    summary="Triton metrics, one scrape or many a file",
)
