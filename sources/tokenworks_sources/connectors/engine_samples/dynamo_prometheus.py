"""Scrapes of the /metrics of NVIDIA Dynamo, frontends and workers, into `engine_samples` and `engine_histograms`.

Files, times and instances are as for vLLM (`vllm_prometheus.py`). What the emitter gets wrong stands in
`engines/dynamo.py`; what counts the same work twice, in `repeats.py`.
"""

from tokenworks_sources.connectors.engine_samples.engines.dynamo import DYNAMO
from tokenworks_sources.connectors.engine_samples.reader import EngineScrapes

CONNECTOR = EngineScrapes(
    engine=DYNAMO,
    name="dynamo_prometheus",
    version="3",
    summary="NVIDIA Dynamo metrics, one scrape or many a file",
)
