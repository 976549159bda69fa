"""Scrapes of TensorRT-LLM's /prometheus/metrics into `engine_samples` and `engine_histograms`.

Files, times and instances are as for vLLM (`vllm_prometheus.py`). What the emitter gets wrong stands in
`engines/trtllm.py`; what counts the same work twice, in `repeats.py`.
"""

from tokenworks_sources.connectors.engine_samples.engines.trtllm import TRTLLM
from tokenworks_sources.connectors.engine_samples.reader import EngineScrapes

CONNECTOR = EngineScrapes(
    engine=TRTLLM,
    name="trtllm_prometheus",
    version="2",
    summary="trtllm-serve metrics, one scrape or many a file",
)
