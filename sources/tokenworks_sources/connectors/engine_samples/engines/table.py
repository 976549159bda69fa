"""The one table of aliases: every engine with what its releases export."""

from __future__ import annotations

import re
from functools import lru_cache

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
# Names without a prefix that no other exporter has.
_NIM = r"(?:num_request_max|gpu_cache_usage_perc|request_finish_total)[ {]"
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


@lru_cache(maxsize=4)  # asked by the connector of each engine
def engine_scraped(text: str) -> Engine | None:
    """The engine whose scrape a text is: a host before the engine inside it."""
    return next((engine for engine in ENGINES if _PATTERNS[engine.name].search(text)), None)


def _pattern(engine: Engine) -> re.Pattern[str]:
    names = engine.families or (engine.prefix, *engine.other_prefixes)
    begins = "|".join(re.escape(name) + r"\w" for name in names) if engine.prefix else _NIM
    return re.compile(rf"(?m)^(?:# (?:HELP|TYPE) )?(?:{begins})")


_PATTERNS = {engine.name: _pattern(engine) for engine in ENGINES}
