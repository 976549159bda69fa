"""The one table of aliases: every engine with what its releases export."""

from __future__ import annotations

from tokenworks_sources.connectors.engine_samples.engines.dynamo import DYNAMO
from tokenworks_sources.connectors.engine_samples.engines.model import Engine
from tokenworks_sources.connectors.engine_samples.engines.nim import NIM
from tokenworks_sources.connectors.engine_samples.engines.sglang import SGLANG
from tokenworks_sources.connectors.engine_samples.engines.triton import TRITON
from tokenworks_sources.connectors.engine_samples.engines.trtllm import TRTLLM
from tokenworks_sources.connectors.engine_samples.engines.vllm import VLLM
from tokenworks_sources.connectors.prometheus.exposition import Series

# Hosts first: a scrape that holds series of a host and of the engine inside is the host's.
ENGINES: tuple[Engine, ...] = (DYNAMO, TRITON, NIM, VLLM, SGLANG, TRTLLM)
_BY_NAME = {engine.name: engine for engine in ENGINES}


def engine_named(name: str) -> Engine:
    """The engine of a name as in the contract."""
    return _BY_NAME[name]


def engine_of(series: Series) -> tuple[Engine, str] | None:
    """The engine whose metric a series is, and the metric without its prefix."""
    for engine in ENGINES:
        metric = engine.metric_of(series.name)
        if metric is not None and (engine.prefix or engine.model_of(series.labels)):
            return engine, metric
    return None
